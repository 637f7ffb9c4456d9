"""Dark glass: the rounded patch under a text, blurred and darkened so that type is legible on any picture."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from livecam.overlay.rounded import Shape, rounded, rounded_chroma
from livecam.overlay.text import Colour
from livecam.planes import Matrix, Planes, rgb_to_yuv
from livecam.types import Image, Picture

INK: Colour = (13, 15, 20)
OPACITY = 0.74
"""With INK on a white picture the glass is still dark enough for every text colour of the HUD (contrast over 4.5:1)."""

_BLUR = 8  # the backdrop is seen at 1/8 of its size: busy detail does not compete with type


def glass(view: Image, radius: int, ink: Colour = INK, opacity: float = OPACITY) -> None:
    """Turn ``view``, a part (h, w, 3) uint8 of a picture, into a patch of glass, in place. radius: of its corners."""
    _put(view, _toned(view, _BLUR, ink, opacity), rounded(view.shape, radius))


def lay_glass(
    picture: Picture,
    rows: tuple[int, int],
    columns: tuple[int, int],
    radius: int,
    ink: Colour = INK,
    opacity: float = OPACITY,
) -> None:
    """Turn rows and columns (from, to) of ``picture`` into glass, in place: (H, W, 3) uint8 RGB, or planes."""
    (top, bottom), (left, right) = rows, columns
    if not isinstance(picture, Planes):
        glass(picture[top:bottom, left:right], radius, ink, opacity)
        return
    luma, *chroma = _in_planes(ink, picture.matrix, picture.full)
    view = picture.y[top:bottom, left:right]
    _put(view, _toned(view, _BLUR, luma, opacity), rounded(view.shape, radius))
    shape = rounded_chroma((bottom - top, right - left), radius, top % 2, left % 2)
    for plane, value in zip((picture.u, picture.v), chroma, strict=True):
        view = plane[top // 2 : (bottom + 1) // 2, left // 2 : (right + 1) // 2]
        _put(view, _toned(view, _BLUR // 2, value, opacity), shape)


def paste(view: Image, patch: Image, radius: int) -> None:
    """Put ``patch`` over ``view`` of the same shape (h, w, 3) uint8, with round corners, in place."""
    _put(view, patch, rounded(view.shape, radius))


@lru_cache(maxsize=32)
def _in_planes(colour: Colour, matrix: Matrix, full: bool) -> tuple[int, ...]:
    """Y, U, V of a colour."""
    return tuple(round(value) for value in rgb_to_yuv(matrix, full) @ (*colour, 1))


def _toned(view: Image, blur: int, ink: Colour | int, opacity: float) -> Image:
    height, width = view.shape[:2]
    small_size = max(1, width // blur), max(1, height // blur)
    whole_blocks = view[: small_size[1] * blur, : small_size[0] * blur]  # averaged 5 times as fast as fractions
    small = cv2.resize(whole_blocks, small_size, interpolation=cv2.INTER_AREA)
    small = cv2.blur(small, (3, 3))
    small = cv2.addWeighted(small, 1.0 - opacity, np.full_like(small, ink), opacity, 0.0)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


def _put(view: Image, patch: Image, shape: Shape) -> None:
    """What ``shape`` covers of ``patch`` over ``view``."""
    view[shape.solid] = patch[shape.solid]
    for part, inside, outside in shape.edges:  # only these need arithmetic
        below = view[part]
        cv2.multiply(below, outside, dst=below, scale=1 / 255)
        cv2.add(below, cv2.multiply(patch[part], inside, scale=1 / 255), dst=below)
