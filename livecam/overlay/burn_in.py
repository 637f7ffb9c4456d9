"""Care for a screen that shows the same all day: the picture wanders a little, and is darker when nobody is there."""

from __future__ import annotations

import math

import cv2
import numpy as np

from livecam.types import Image

ACROSS_S, DOWN_S = 660.0, 420.0  # periods that share no short common one: the way is long before it repeats
REACH = 1 / 120  # of the shorter side: 6 pixels at 720, and never more than 6 a minute
DIMMED = 0.4
DIMMING_S = 30.0


def shift(now: float, size: tuple[int, int]) -> tuple[int, int]:
    """(x, y) pixels by which a picture of ``size`` (H, W) is moved at the time ``now``.

    >>> shift(0.0, (720, 1280)), shift(165.0, (720, 1280))
    ((0, 0), (6, 4))
    """
    reach = min(size) * REACH
    return tuple(round(reach * math.sin(2 * math.pi * now / period)) for period in (ACROSS_S, DOWN_S))  # type: ignore[return-value]


def brightness(silent_s: float, after_s: float) -> float:
    """Share of the brightness in [DIMMED, 1] when nobody has moved for ``silent_s``; darker after ``after_s``.

    >>> brightness(599.0, 600.0), brightness(615.0, 600.0), brightness(9999.0, 600.0)
    (1.0, 0.7, 0.4)
    """
    share = min(max((silent_s - after_s) / DIMMING_S, 0.0), 1.0)
    return 1.0 - (1.0 - DIMMED) * share


def cared_for(image: Image, shifted: tuple[int, int], bright: float) -> Image:
    """A new picture: ``image`` (H, W, 3) uint8 moved by (x, y) pixels, its edge repeated, at ``bright`` in [0, 1]."""
    x, y = shifted
    height, width = image.shape[:2]
    part = image[max(-y, 0) : height - max(y, 0), max(-x, 0) : width - max(x, 0)]
    out = cv2.copyMakeBorder(part, max(y, 0), max(-y, 0), max(x, 0), max(-x, 0), cv2.BORDER_REPLICATE)
    return np.asarray(out if bright == 1.0 else cv2.convertScaleAbs(out, alpha=bright), np.uint8)
