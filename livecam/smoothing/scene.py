"""Scene cuts: a picture that has little in common with the one before."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

THUMBNAIL = (32, 18)  # (width, height): small enough that motion blurs away, large enough that a cut does not
THRESHOLD = 0.16  # mean absolute change of luma in [0, 1]; see tests/smoothing/test_scene.py
OUTLIER = 3.0  # ... and this many times the recent change: a fast pan is not a cut


class SceneCut:
    """Detects hard cuts on luma thumbnails: the mean change is large, and large beside the recent changes."""

    def __init__(self) -> None:
        self._previous: NDArray[np.int16] | None = None
        self._usual = 0.0

    def is_cut(self, image: NDArray[np.uint8]) -> bool:
        """True for the first picture of a new scene (not for the very first). image: (H, W, 3) uint8 RGB."""
        # Nearest first: averaging a whole 4K picture costs more than the rest of this function.
        small = cv2.resize(image, (4 * THUMBNAIL[0], 4 * THUMBNAIL[1]), interpolation=cv2.INTER_NEAREST)
        small = cv2.resize(small, THUMBNAIL, interpolation=cv2.INTER_AREA)
        luma = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.int16)
        previous, self._previous = self._previous, luma
        if previous is None:
            return False
        change = float(np.abs(luma - previous).mean()) / 255
        cut = change > THRESHOLD and change > OUTLIER * self._usual
        self._usual = 0.0 if cut else 0.8 * self._usual + 0.2 * change
        return cut
