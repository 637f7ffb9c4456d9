"""What a heat does to a pixel: opacity and premultiplied colour, as tables of 256 entries."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from livecam.errors import ConfigError
from livecam.overlay.colormap import table
from livecam.types import Image

MODES = ("alpha", "additive")
FLOOR = 0.12
"""Heat up to which the picture is left untouched: noise and weak evidence do not veil it."""
FULL = 0.72
"""Heat from which the overlay has its full opacity."""

FLOOR_STEPS = round(FLOOR * 255)


class Tint(NamedTuple):
    """Tables over ``s = 255 * heat - FLOOR_STEPS``, so that s = 0 is "leave the pixel alone".

    colour: (256, 1, 3) uint8 RGB, premultiplied by the opacity.
    keep: (256,) uint8, how much of the picture stays, 255 for all of it.
    """

    colour: Image
    keep: Image


def opacity(heat: NDArray[np.float64]) -> NDArray[np.float64]:
    """Opacity in [0, 1] of heat in [0, 1]: zero up to FLOOR, then a smoothstep that reaches 1 at FULL.

    The smoothstep has no kink at either end, so the edge of the overlay is never seen as a line.
    """
    t = np.clip((heat - FLOOR) / (FULL - FLOOR), 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


@lru_cache(maxsize=256)
def tint(colormap: str, alpha: float, mode: str) -> Tint:
    """The tables of a colour map at an ``alpha`` in [0, 1].

    ``alpha`` mixes: ``picture * (1 - a) + colour * a``. ``additive`` adds light: ``picture + colour * a``.
    Raises ConfigError (wrong alpha or mode) and UnknownName (wrong colour map).
    """
    if not 0.0 <= alpha <= 1.0:
        raise ConfigError(f"alpha {alpha} is not between 0 and 1")
    if mode not in MODES:
        raise ConfigError(f"blend mode {mode!r} is not one of {', '.join(MODES)}")
    step = np.minimum(np.arange(256) + FLOOR_STEPS, 255)
    a = alpha * opacity(step / 255.0)
    a[0] = 0.0  # exactly: the picture stays bit-identical where it is cold
    colour = np.rint(table(colormap)[step] * a[:, None]).astype(np.uint8)
    keep = 255 - np.rint(255 * a) if mode == "alpha" else np.full(256, 255)
    return Tint(colour.reshape(256, 1, 3), keep.astype(np.uint8))
