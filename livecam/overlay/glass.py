"""Dark glass: the rounded patch under a text, blurred and darkened so that type is legible on any picture."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from livecam.overlay.text import Colour
from livecam.types import Image

INK: Colour = (13, 15, 20)
OPACITY = 0.74
"""With INK on a white picture the glass is still dark enough for every text colour of the HUD (contrast over 4.5:1)."""

_BLUR = 8  # the backdrop is seen at 1/8 of its size: busy detail does not compete with type
_OVERSAMPLING = 4


def glass(view: Image, radius: int, ink: Colour = INK, opacity: float = OPACITY) -> None:
    """Turn ``view``, a part (h, w, 3) uint8 of a picture, into a patch of glass, in place. radius: of its corners."""
    height, width = view.shape[:2]
    small_size = max(1, width // _BLUR), max(1, height // _BLUR)
    whole_blocks = view[: small_size[1] * _BLUR, : small_size[0] * _BLUR]  # averaged 5 times as fast as fractions
    small = cv2.resize(whole_blocks, small_size, interpolation=cv2.INTER_AREA)
    small = cv2.blur(small, (3, 3))
    tone = np.full_like(small, ink)
    cv2.addWeighted(small, 1.0 - opacity, tone, opacity, 0.0, dst=small)
    paste(view, np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8), radius)


def paste(view: Image, patch: Image, radius: int) -> None:
    """Put ``patch`` over ``view`` of the same shape (h, w, 3) uint8, with round corners, in place."""
    height, width = view.shape[:2]
    r = max(0, min(radius, height // 2, width // 2))
    view[r : height - r] = patch[r : height - r]
    if r:  # only the rows of the corners need arithmetic
        _mix(view[:r], patch[:r], *_ends(r, width))
        _mix(view[height - r :], patch[height - r :], *_ends(-r, width))


def _mix(view: Image, patch: Image, inside: Image, outside: Image) -> None:
    cv2.multiply(view, outside, dst=view, scale=1 / 255)
    cv2.add(view, cv2.multiply(patch, inside, scale=1 / 255), dst=view)


@lru_cache(maxsize=512)  # bars have a mask for every length
def _ends(radius: int, width: int) -> tuple[Image, Image]:
    """Coverage of the top rows of a rounded shape (bottom rows: radius < 0), anti-aliased, and its complement.

    Both (abs(radius), width, 3) uint8, 255 inside and outside.
    """
    r = abs(radius)
    mask = np.full((r, width), 255, np.uint8)
    corner = _corner(r)
    mask[:, :r], mask[:, width - r :] = corner, corner[:, ::-1]
    inside = np.repeat((mask if radius > 0 else mask[::-1])[:, :, None], 3, axis=2)
    return inside, np.asarray(255 - inside, np.uint8)


def _corner(radius: int) -> Image:
    n = radius * _OVERSAMPLING
    away = n - 0.5 - np.arange(n)
    disc = away[:, None] ** 2 + away[None, :] ** 2 <= n * n
    cover = disc.reshape(radius, _OVERSAMPLING, radius, _OVERSAMPLING).mean(axis=(1, 3))
    return np.asarray(np.rint(255 * cover), np.uint8)
