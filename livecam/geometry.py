"""Where the network's input lies in the picture, and how a map is put back there. Sizes are (H, W)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from livecam.errors import ConfigError
from livecam.planes import Planes, yuv_to_rgb

Number = TypeVar("Number", np.uint8, np.float32)
Region = tuple[float, float, float, float]
"""(y0, x0, y1, x1) as fractions of the picture."""

WHOLE: Region = (0.0, 0.0, 1.0, 1.0)
STRIDE = 32
INPUT_SIZE = 224
LONGEST = 4  # a side is at most this many times the other: a panorama must not exhaust the memory
INPUTS = ("fit", "squash", "crop")
SPECK = 2e-4  # of a mask: a part too small to be outlined
LARGE = 2.5  # factor from which a picture is shrunk by boxes of an odd number of pixels


@dataclass(frozen=True, slots=True)
class Accepts:
    """What inputs a network takes. stride: their sides must be multiples of it. side: of a square, the only input that
    it takes; None: any. frames: so many pictures are one input. step_s: seconds from one of them to the next."""

    stride: int = 1
    side: int | None = None
    frames: int = 1
    step_s: float = 0.0

    @property
    def step(self) -> int:
        """What sides are rounded to where the aspect ratio is kept: STRIDE, or about that."""
        return STRIDE if STRIDE % self.stride == 0 else round(STRIDE / self.stride) * self.stride


ANY = Accepts()


def plan(mode: str, size: tuple[int, int], short: int, accepts: Accepts = ANY) -> tuple[tuple[int, int], Region]:
    """Input size (H, W) of the network for a picture of ``size``, and the region of the picture that it shows.

    ``fit`` keeps the aspect ratio: short side ``short``, both sides rounded to multiples of 32, the whole picture seen.
    ``squash`` makes the whole picture square. ``crop`` takes the central square. A network that takes
    squares only is given squares: for it ``fit`` is ``squash``.

    >>> plan("fit", (720, 1280), 224)
    ((224, 384), (0.0, 0.0, 1.0, 1.0))
    >>> plan("crop", (720, 1280), 224)
    ((224, 224), (0.0, 0.21875, 1.0, 0.78125))
    """
    if mode not in INPUTS:
        raise ConfigError(f"input {mode!r} is not one of {', '.join(INPUTS)}")
    height, width = size
    short = accepts.side or short
    square = round(short / accepts.stride) * accepts.stride
    if mode == "squash" or (mode == "fit" and accepts.side):
        return (square, square), WHOLE
    if mode == "crop":
        side = min(size)
        y, x = (height - side) / 2 / height, (width - side) / 2 / width
        return (square, square), (y, x, 1 - y, 1 - x)
    scale, step = short / min(size), accepts.step
    return (_round(height * scale, short, step), _round(width * scale, short, step)), WHOLE


def _round(side: float, short: int, step: int) -> int:
    return max(step, min(round(side / step), LONGEST * short // step) * step)


def take(image: NDArray[np.uint8] | Planes, region: Region, size: tuple[int, int]) -> NDArray[np.uint8]:
    """``region`` of a picture as (h, w, 3) uint8 RGB of ``size``, area-averaged when it shrinks.

    image: (H, W, 3) uint8 RGB, or planes.
    """
    return _take_planes(image, region, size) if isinstance(image, Planes) else _resized(part(image, region), size)


def _take_planes(planes: Planes, region: Region, size: tuple[int, int]) -> NDArray[np.uint8]:
    # The planes shrink first: only what is left becomes RGB.
    luma = part(planes.y, region)
    large = min(full / small for full, small in zip(luma.shape, size, strict=True)) >= LARGE
    luma = averaged(luma, size) if large else _resized(luma, size)
    small = [luma, *(averaged(part(plane, region), size) for plane in (planes.u, planes.v))]
    return np.asarray(cv2.transform(cv2.merge(small), yuv_to_rgb(planes.matrix, planes.full)), np.uint8)


def part(plane: NDArray[Number], region: Region) -> NDArray[Number]:
    """The pixels of ``region``: a view of ``plane`` (H, W) or (H, W, 3)."""
    y0, x0, y1, x1 = _pixels(region, plane.shape[:2])
    return plane[y0:y1, x0:x1]


def _resized(plane: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    shrinks = plane.shape[0] > size[0] or plane.shape[1] > size[1]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(plane, size[::-1], interpolation=method), np.uint8)


def averaged(plane: NDArray[Number], size: tuple[int, int]) -> NDArray[Number]:
    """A plane (H, W) resized to ``size``, area-averaged when it shrinks, in a third of the time of INTER_AREA.

    Linear interpolation between averages over n pixels is, exactly, the average over an area n pixels wide. n is odd
    (an even box has no centre), so the area is not quite the true one: from LARGE on few pixels differ by over 2.
    """
    box = [2 * max(0, round((full / small - 1) / 2)) + 1 for full, small in zip(plane.shape, size, strict=True)]
    if box != [1, 1]:
        plane = np.asarray(cv2.blur(plane, box[::-1], borderType=cv2.BORDER_REPLICATE), plane.dtype)
    return np.asarray(cv2.resize(plane, size[::-1], interpolation=cv2.INTER_LINEAR), plane.dtype)


def place(cam: NDArray[np.float32], size: tuple[int, int], region: Region) -> NDArray[np.float32]:
    """An (h, w) map back on a picture of ``size``: (H, W) float32, bilinear, zero outside ``region``."""
    height, width = size_of(region, size)
    return paste(np.asarray(cv2.resize(cam, (width, height), interpolation=cv2.INTER_LINEAR), np.float32), size, region)


def paste(heat: NDArray[np.float32], size: tuple[int, int], region: Region) -> NDArray[np.float32]:
    """A map of the size that ``region`` has in a picture of ``size``, with zeros around it: (H, W) float32."""
    if region == WHOLE:
        return heat
    y0, x0, y1, x1 = _pixels(region, size)
    whole = np.zeros(size, np.float32)
    whole[y0:y1, x0:x1] = heat
    return whole


def cell_at(spot: tuple[float, float], region: Region, cells: tuple[int, int]) -> tuple[int, int] | None:
    """The cell (y, x) of a map of ``cells`` (h, w) over ``region`` in which ``spot``, (x, y) in fractions of the
    picture, lies; None outside.

    >>> cell_at((0.5, 0.99), (0.0, 0.0, 1.0, 1.0), (7, 12)), cell_at((0.1, 0.5), (0.0, 0.25, 1.0, 0.75), (7, 7))
    ((6, 6), None)
    """
    (x, y), (y0, x0, y1, x1) = spot, region
    if not (y0 <= y <= y1 and x0 <= x <= x1):
        return None
    (height, width), down, right = cells, (y - y0) / (y1 - y0), (x - x0) / (x1 - x0)
    return min(int(down * height), height - 1), min(int(right * width), width - 1)


def inside(box: Region, region: Region) -> Region:
    """A box in fractions of ``region``, in fractions of the picture.

    >>> inside((0.0, 0.5, 1.0, 1.0), (0.0, 0.25, 1.0, 0.75))
    (0.0, 0.5, 1.0, 0.75)
    """
    (y0, x0, y1, x1), (top, left, bottom, right) = box, region
    down, across = bottom - top, right - left
    return top + y0 * down, left + x0 * across, top + y1 * down, left + x1 * across


def outlines(mask: NDArray[np.bool_], region: Region = WHOLE) -> list[NDArray[np.float32]]:
    """The borders of the parts of a mask (h, w) over ``region``, inner ones too, the longest first: polygons (n, 2) of
    x and y in fractions of the picture. They keep within a pixel of the mask; specks have none.
    """
    found, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    large = sorted((one for one in found if cv2.contourArea(one) >= SPECK * mask.size), key=len, reverse=True)
    height, width = mask.shape
    (y0, x0, y1, x1), size = region, np.array([width, height], np.float32)
    return [
        (cv2.approxPolyDP(one, 1.0, True)[:, 0] + np.float32(0.5)) / size * np.array([x1 - x0, y1 - y0], np.float32)
        + np.array([x0, y0], np.float32)
        for one in large
    ]


def size_of(region: Region, size: tuple[int, int]) -> tuple[int, int]:
    """(h, w) in pixels of ``region`` of a picture of ``size``."""
    y0, x0, y1, x1 = _pixels(region, size)
    return y1 - y0, x1 - x0


def _pixels(region: Region, size: tuple[int, int]) -> tuple[int, int, int, int]:
    (y0, x0, y1, x1), (height, width) = region, size
    top, left = round(y0 * height), round(x0 * width)
    return top, left, max(round(y1 * height), top + 1), max(round(x1 * width), left + 1)
