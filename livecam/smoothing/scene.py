"""Scene cuts: a picture that has little in common with the one before."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from livecam.planes import Planes
from livecam.types import Picture

THUMBNAIL = (32, 18)  # (width, height): small enough that motion blurs away, large enough that a cut does not
THRESHOLD = 0.16  # mean absolute change of luma in [0, 1]; see tests/smoothing/test_smoothing.py
OUTLIER = 3.0  # ... and this many times the recent change: a fast pan is not a cut


class SceneCut:
    """Detects hard cuts on luma thumbnails: the mean change is large, and large beside the recent changes."""

    def __init__(self) -> None:
        self._previous: NDArray[np.int16] | None = None
        self._usual = 0.0

    def is_cut(self, image: Picture) -> bool:
        """True for the first picture of a new scene (not for the very first). image: (H, W, 3) uint8 RGB, or planes."""
        luma = _thumbnail(image)
        previous, self._previous = self._previous, luma
        if previous is None:
            return False
        change = float(np.abs(luma - previous).mean()) / 255
        cut = change > THRESHOLD and change > OUTLIER * self._usual
        self._usual = 0.0 if cut else 0.8 * self._usual + 0.2 * change
        return cut


def _thumbnail(image: Picture) -> NDArray[np.int16]:
    """The luma of a small copy, 0 to 255 in both kinds of picture."""
    if isinstance(image, Planes):
        luma = _small(image.y).astype(np.float32)
        return np.rint(luma if image.full else (luma - 16) * (255 / 219)).astype(np.int16)
    return cv2.cvtColor(_small(image), cv2.COLOR_RGB2GRAY).astype(np.int16)


def _small(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    # Nearest first: averaging a whole 4K picture costs more than the rest of this function.
    image = np.asarray(cv2.resize(image, (4 * THUMBNAIL[0], 4 * THUMBNAIL[1]), interpolation=cv2.INTER_NEAREST))
    return np.asarray(cv2.resize(image, THUMBNAIL, interpolation=cv2.INTER_AREA), np.uint8)
