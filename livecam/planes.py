"""Planes: a picture as 8-bit 4:2:0 video stores it, so that a recording need not become RGB and video again."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from livecam._av import av

Plane = NDArray[np.uint8]
Matrix = Literal["bt709", "bt601"]
CODES: dict[Matrix, int] = {"bt709": 1, "bt601": 6}
"""Their numbers in H.273 (BT.709, SMPTE 170M), alike for primaries, transfer and matrix."""

_RED_BLUE = {"bt709": (0.2126, 0.0722), "bt601": (0.299, 0.114)}  # weights of luma; green has the rest
_LIMITED, _FULL = 1, 2  # AVCOL_RANGE_*
_BILINEAR = 0x2  # SWS_*, its fast path
_own = threading.local()  # a VideoReformatter for each thread: it keeps its tables, and is not made to be shared


@dataclass(frozen=True, eq=False)
class Planes:
    """One picture as luma and two chroma planes of half its size. Whoever has got one does not change it.

    y: (H, W) uint8 contiguous, both even. u, v: (H/2, W/2) uint8 contiguous.
    matrix: by which they were made of RGB. full: values use 0 to 255; else 16 to 235 (chroma: 240).
    """

    y: Plane
    u: Plane
    v: Plane
    matrix: Matrix
    full: bool = False

    @property
    def shape(self) -> tuple[int, int, int]:
        """(H, W, 3): the shape of the same picture in RGB."""
        return (*self.y.shape[:2], 3)

    @cached_property
    def rgb(self) -> NDArray[np.uint8]:
        """(H, W, 3) uint8 RGB, converted when it is asked for, once."""
        from livecam._av import av  # only who has read a recording has planes: it has been loaded already

        if not hasattr(_own, "reformatter"):
            _own.reformatter = av.video.reformatter.VideoReformatter()
        rgb = _own.reformatter.reformat(frame_of(self), format="rgb24", interpolation=_BILINEAR)
        return np.array(rgb.to_ndarray(), np.uint8, order="C")

    def copy(self) -> Planes:
        """The same picture in memory of its own."""
        return Planes(self.y.copy(), self.u.copy(), self.v.copy(), self.matrix, self.full)

    def limited(self) -> Planes:
        """The same picture in limited range, as recordings have it."""
        if not self.full:
            return self
        luma, chroma = _narrowing()
        y, u, v = cv2.LUT(self.y, luma), cv2.LUT(self.u, chroma), cv2.LUT(self.v, chroma)
        return Planes(np.asarray(y, np.uint8), np.asarray(u, np.uint8), np.asarray(v, np.uint8), self.matrix)


def frame_of(planes: Planes) -> av.VideoFrame:
    """The picture as an FFmpeg frame (yuv420p) of its own, which says its matrix and its range."""
    from livecam._av import av

    height, width = planes.y.shape
    frame = av.VideoFrame(width, height, "yuv420p")
    for stored, plane in zip(frame.planes, (planes.y, planes.u, planes.v), strict=True):
        # A line of FFmpeg's may be longer than a line of the picture.
        lines = np.frombuffer(stored, np.uint8).reshape(-1, stored.line_size)  # type: ignore[call-overload]
        lines[: plane.shape[0], : plane.shape[1]] = plane
    frame.colorspace = CODES[planes.matrix]
    frame.color_range = _FULL if planes.full else _LIMITED
    return frame


@lru_cache
def _narrowing() -> tuple[Plane, Plane]:
    """Full range → limited range, for luma and for chroma: (256,) uint8 each."""
    steps = np.arange(256)
    return (
        np.rint(16 + steps * 219 / 255).astype(np.uint8),
        np.rint(128 + (steps - 128) * 224 / 255).astype(np.uint8),
    )


@lru_cache
def rgb_to_yuv(matrix: Matrix, full: bool) -> NDArray[np.float64]:
    """(3, 4): what makes Y, U, V of R, G, B, 1, all from 0 to 255."""
    red, blue = _RED_BLUE[matrix]
    luma = np.array([red, 1 - red - blue, blue])
    u, v = (np.array([0, 0, 1]) - luma) / (2 - 2 * blue), (np.array([1, 0, 0]) - luma) / (2 - 2 * red)
    weights = np.stack([luma, u, v])
    if not full:
        weights *= np.array([[219], [224], [224]]) / 255
    return np.hstack([weights, [[0 if full else 16], [128], [128]]])


@lru_cache
def yuv_to_rgb(matrix: Matrix, full: bool) -> NDArray[np.float64]:
    """(3, 4): what makes R, G, B of Y, U, V, 1, all from 0 to 255."""
    forward = rgb_to_yuv(matrix, full)
    back = np.linalg.inv(forward[:, :3])
    return np.hstack([back, -back @ forward[:, 3:]])
