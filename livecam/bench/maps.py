"""Is it a heatmap, and the same one? So that nobody measures nonsense."""

from __future__ import annotations

import cv2
import numpy as np

from livecam.errors import ModelError
from livecam.types import Heatmap

ALIKE = 0.99
"""Least correlation with the reference."""
ALIKE_BY_CHANCE = 0.5
"""The same for random weights in less than float32: such a network has learnt nothing that would be stable against
rounding, and differs from itself; a wrong map does not correlate at all."""


def check_map(cam: Heatmap, name: str) -> None:
    """Raises ModelError for a map that is not finite."""
    if not np.isfinite(cam).all():
        raise ModelError(f"{name}: its map is not finite; nothing is measured of that")


def correlation(ours: Heatmap, theirs: Heatmap) -> float:
    """Pearson's, at the size of the larger: some give their maps upsampled. Blind to how a map is scaled.

    >>> a = np.array([[0, 1], [2, 3]], np.float32)
    >>> round(correlation(a, 5 * a + 1), 6)
    1.0
    """
    if ours.size < theirs.size:
        ours = np.asarray(cv2.resize(ours, theirs.shape[::-1]), np.float32)
    elif theirs.size < ours.size:
        theirs = np.asarray(cv2.resize(theirs, ours.shape[::-1]), np.float32)
    a, b = ours.ravel() - ours.mean(), theirs.ravel() - theirs.mean()
    scale = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / scale if scale > 0 else float(np.array_equal(ours > 0, theirs > 0))


def check_alike(value: float, least: float, name: str) -> None:
    """Raises ModelError when the correlation with the reference is below ``least``."""
    if not value >= least:
        raise ModelError(
            f"{name}: its map correlates {value:.3f} with the reference of the same class; nothing is measured of that"
        )
