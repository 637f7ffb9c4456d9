"""A decoded FFmpeg picture → its planes, or upright (H, W, 3) uint8 RGB: matrix, range, HDR, display matrix."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from livecam._av import av
from livecam.planes import Matrix, Plane, Planes
from livecam.sources import _hdr
from livecam.types import Image, Picture

VideoPlane = av.video.plane.VideoPlane

_MATRICES = frozenset({1, 4, 5, 6, 7, 9, 10})  # AVCOL_SPC_*: BT.709, FCC, BT.470BG, 170M, 240M, BT.2020 (NCL, CL)
_ITU709, _ITU601 = 1, 5  # SWS_CS_*
_OF_PLANES: dict[int, Matrix] = {1: "bt709", 5: "bt601", 6: "bt601"}  # AVCOL_SPC_*: BT.709, 470BG, 170M
_HALVED = frozenset({"yuv420p", "yuvj420p", "nv12"})  # 8 bit 4:2:0
_FULL_RANGE = 2  # AVCOL_RANGE_JPEG
_FAST_FORMATS = frozenset({"yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "nv12"})
_BILINEAR, _FULL_CHROMA, _ACCURATE = 0x2, 0x2000, 0x40000  # SWS_*


class Orientation(NamedTuple):
    """Transpose first, then reverse rows and columns."""

    transpose: bool = False
    flip_rows: bool = False
    flip_columns: bool = False

    def apply(self, image: Image) -> Image:
        if self.transpose:
            image = np.asarray(cv2.transpose(image), np.uint8)
        if self.flip_rows or self.flip_columns:
            code = -1 if self.flip_rows and self.flip_columns else int(self.flip_columns)
            image = np.asarray(cv2.flip(image, code), np.uint8)
        return image


def orientation(frame: av.VideoFrame) -> Orientation:
    """How to turn the stored picture upright.

    The display matrix maps the stored (x, y) to (a·x + c·y, b·x + d·y). ``frame.rotation`` is its angle alone and takes
    a mirrored picture for a rotated one.
    """
    for data in frame.side_data:
        if data.type.name == "DISPLAYMATRIX":  # type: ignore[attr-defined]  # the stub says a dict of motion vectors
            (a, b, _), (c, d, _), _ = np.frombuffer(data, np.int32).reshape(3, 3).tolist()  # type: ignore[call-overload]
            if abs(b) > abs(a):
                return Orientation(True, b < 0, c < 0)
            return Orientation(False, d < 0, a < 0)
    return Orientation()


class Converter:
    """FFmpeg pictures → planes or RGB. Keeps one SwsContext: a new one for every picture leaks memory on FFmpeg 8."""

    def __init__(self) -> None:
        self._reformatter = av.video.reformatter.VideoReformatter()
        self._rotation: int | None = None
        self._orientation = Orientation()

    def __call__(self, frame: av.VideoFrame) -> Image:
        """(H, W, 3) uint8 RGB, upright, contiguous, owned by the caller. Raises av.FFmpegError."""
        rgb = self._reformatter.reformat(
            frame, format="rgb24", src_colorspace=_matrix(frame), interpolation=_quality(frame)
        )
        image = np.array(rgb.to_ndarray(), np.uint8, order="C")
        if frame.color_trc in (_hdr.PQ, _hdr.HLG):
            image = _hdr.to_sdr(image, frame.color_trc)
        return self._turn(frame).apply(image)

    def picture(self, frame: av.VideoFrame) -> Picture:
        """The planes of an upright 8-bit 4:2:0 picture of even size, otherwise RGB. Raises av.FFmpegError."""
        matrix = _matrix_of_planes(frame)
        if matrix is None or self._turn(frame) != Orientation():
            return self(frame)
        full = frame.format.name == "yuvj420p" or frame.color_range == _FULL_RANGE
        if frame.format.name == "nv12":
            frame = self._reformatter.reformat(frame, format="yuv420p")
        y, u, v = map(_copied, frame.planes)
        return Planes(y, u, v, matrix, full)

    def _turn(self, frame: av.VideoFrame) -> Orientation:
        # Touching ``side_data`` ties the frame into a reference cycle: hundreds of pictures would wait for the garbage
        # collector. The angle does not, so the matrix is read again only when the angle changes.
        if frame.rotation != self._rotation:
            self._rotation, self._orientation = frame.rotation, orientation(frame)
        return self._orientation


def _matrix(frame: av.VideoFrame) -> int | None:
    """None: the one that the picture names. Otherwise what players assume: BT.709 from 720 lines on, else BT.601."""
    if frame.colorspace in _MATRICES:
        return None
    return _ITU709 if frame.height >= 720 else _ITU601


def _quality(frame: av.VideoFrame) -> int:
    """8-bit 4:2:0 takes swscale's fast path, at most 2.4 levels off (0.3 ms for 1280×720, the exact one 2.6 ms).
    Other formats are off by more there and gain less."""
    return _BILINEAR if frame.format.name in _FAST_FORMATS else _BILINEAR | _FULL_CHROMA | _ACCURATE


def _matrix_of_planes(frame: av.VideoFrame) -> Matrix | None:
    """None: such a picture can only be had as RGB."""
    if frame.format.name not in _HALVED or frame.height % 2 or frame.width % 2:
        return None
    if frame.color_trc in (_hdr.PQ, _hdr.HLG) or frame.planes[0].line_size < 0:  # stored from the bottom up
        return None
    return _OF_PLANES.get(_matrix(frame) or frame.colorspace)


def _copied(plane: VideoPlane) -> Plane:
    """A plane (H, W) uint8 without what fills up FFmpeg's lines."""
    lines = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)  # type: ignore[call-overload]
    return np.array(lines[: plane.height, : plane.width], np.uint8, order="C")
