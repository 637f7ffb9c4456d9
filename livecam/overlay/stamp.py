"""What is drawn often and looks the same each time: drawn once, then put on picture after picture.

Words and bars take a share of what is behind them and add their colour. Both are known from drawing them over black and
over white, and hold for planes as they do for RGB.
"""

from __future__ import annotations

from collections.abc import Hashable
from functools import lru_cache
from typing import NamedTuple, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from livecam.planes import Matrix, Plane, Planes, rgb_to_yuv
from livecam.types import Image, Picture


class Drawing(Hashable, Protocol):
    """Equal drawings look the same."""

    @property
    def size(self) -> tuple[int, int]:
        """(h, w) in pixels: nothing is drawn beyond it."""
        ...

    def draw(self, view: Image) -> None:
        """Draw into ``view`` (h, w, 3) uint8 RGB, in place: opaque or translucent, whatever is there."""
        ...


class Stamp(NamedTuple):
    """Where it changes a picture or a plane: rows and columns from (y, x) on.

    keep: how much of a value stays, 255 for all of it; add: what is added then. Both of one shape, uint8.
    """

    y: int
    x: int
    keep: Image
    add: Image


def put(picture: Picture, drawing: Drawing, top: int, left: int) -> None:
    """Put ``drawing`` on ``picture``, in place, wholly inside: (H, W, 3) uint8 RGB, or planes that nobody else has."""
    if isinstance(picture, Planes):
        y, u, v = _on_planes(drawing, top % 2, left % 2, picture.matrix, picture.full)
        _press(picture.y, y, top, left)
        _press(picture.u, u, top // 2, left // 2)
        _press(picture.v, v, top // 2, left // 2)
    else:
        _press(picture, _on_rgb(drawing), top, left)


def _press(view: Image, stamp: Stamp, top: int, left: int) -> None:
    y, x = top + stamp.y, left + stamp.x
    height, width = stamp.keep.shape[:2]
    if height:
        part = view[y : y + height, x : x + width]
        cv2.multiply(part, stamp.keep, dst=part, scale=1 / 255)
        cv2.add(part, stamp.add, dst=part)


@lru_cache(maxsize=512)
def _on_rgb(drawing: Drawing) -> Stamp:
    return _trimmed(*_drawn(drawing))


@lru_cache(maxsize=512)
def _on_planes(drawing: Drawing, down: int, right: int, matrix: Matrix, full: bool) -> tuple[Stamp, Stamp, Stamp]:
    """For Y, U and V. down, right: 1 where the drawing begins in the middle of chroma values."""
    keep, add = _drawn(drawing)
    stays, weights = keep[..., 1].astype(np.float64), rgb_to_yuv(matrix, full)  # grey, but for rounding
    values = add @ weights[:, :3].T + (255 - stays[..., None]) / 255 * weights[:, 3]
    border = (down, (down + stays.shape[0]) % 2), (right, (right + stays.shape[1]) % 2)
    stays_half, u, v = (
        _halved(np.pad(plane, border, constant_values=outside))
        for plane, outside in ((stays, 255), (values[..., 1], 0), (values[..., 2], 0))
    )
    return (
        _trimmed(_bytes(stays), _bytes(values[..., 0])),
        _trimmed(_bytes(stays_half), _bytes(u)),
        _trimmed(_bytes(stays_half), _bytes(v)),
    )


def _drawn(drawing: Drawing) -> tuple[Image, Image]:
    black, white = (np.full((*drawing.size, 3), backdrop, np.uint8) for backdrop in (0, 255))
    drawing.draw(black)
    drawing.draw(white)
    return np.asarray(cv2.subtract(white, black), np.uint8), black


def _trimmed(keep: Image, add: Image) -> Stamp:
    changes = keep.min(axis=2) if keep.ndim == 3 else keep
    x, y, width, height = cv2.boundingRect(np.asarray(255 - changes, np.uint8))
    box = np.s_[y : y + height, x : x + width]
    return Stamp(y, x, keep[box].copy(), add[box].copy())


def _halved(plane: NDArray[np.float64]) -> NDArray[np.float64]:
    height, width = plane.shape
    return np.asarray(plane.reshape(height // 2, 2, width // 2, 2).mean(axis=(1, 3)))


def _bytes(values: NDArray[np.float64]) -> Plane:
    return np.asarray(np.rint(values).clip(0, 255), np.uint8)
