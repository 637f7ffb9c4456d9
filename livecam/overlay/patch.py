"""A part of a picture to draw on in RGB, whatever the picture is made of."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import cv2
import numpy as np

from livecam.planes import Planes, rgb_to_yuv, yuv_to_rgb
from livecam.types import Image, Picture


@contextmanager
def patch(picture: Picture, rows: tuple[int, int], columns: tuple[int, int]) -> Iterator[Image]:
    """Rows and columns (from, to) of ``picture`` as (h, w, 3) uint8 RGB; what is drawn into it is in the picture then.

    picture: changed in place, (H, W, 3) uint8 RGB or planes that nobody else has. Of planes, the even rectangle around
    the part becomes RGB and planes again: what is not drawn on may change there by rounding, at most 2 levels.
    """
    (top, bottom), (left, right) = rows, columns
    if not isinstance(picture, Planes):
        yield picture[top:bottom, left:right]
        return
    y, x = top // 2, left // 2
    half = np.s_[y : (bottom + 1) // 2, x : (right + 1) // 2]
    whole = np.s_[2 * y : 2 * ((bottom + 1) // 2), 2 * x : 2 * ((right + 1) // 2)]
    part = Planes(picture.y[whole], picture.u[half], picture.v[half], picture.matrix, picture.full)
    rgb = _to_rgb(part)
    yield rgb[top - 2 * y : bottom - 2 * y, left - 2 * x : right - 2 * x]
    _draw(rgb, part)


def _to_rgb(planes: Planes) -> Image:
    size = planes.y.shape[::-1]
    u, v = (cv2.resize(plane, size, interpolation=cv2.INTER_NEAREST) for plane in (planes.u, planes.v))
    values = cv2.merge([planes.y, u, v])
    return np.asarray(cv2.transform(values, yuv_to_rgb(planes.matrix, planes.full)), np.uint8)


def _draw(image: Image, planes: Planes) -> None:
    """Put ``image`` (H, W, 3) uint8 RGB into ``planes`` of its size, in place."""
    y, u, v = cv2.split(cv2.transform(image, rgb_to_yuv(planes.matrix, planes.full)))
    planes.y[:] = y
    for plane, fine in ((planes.u, u), (planes.v, v)):
        plane[:] = cv2.resize(fine, plane.shape[::-1], interpolation=cv2.INTER_AREA)
