"""Is anybody there? Pure: small pictures and times in, an answer out. Motion only; nobody is recognised."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Luma = NDArray[np.uint8]

SIZE = 32, 18  # (width, height) of the small pictures: too coarse to know anybody by
LEVELS = 12  # by which a cell of one has changed: three times what a camera's noise does to one in dim light
CELLS = 4  # that have changed: someone at the far end of a room, and more than one flickering lamp
COMPARED_S = 0.25  # between two compared pictures: from one to the next, somebody slow does not move


class Idle:
    """Whether nothing has moved for ``after_s`` seconds. Brightness as a whole may change: exposure is no motion.

    >>> idle, dark = Idle(60.0), np.zeros((18, 32), np.uint8)
    >>> idle.observe(dark, 0.0), idle.observe(dark + 9, 59.0), idle.observe(dark, 60.0)
    (False, False, True)
    """

    def __init__(self, after_s: float) -> None:
        self._after_s = after_s
        self._before: tuple[NDArray[np.int16], float] | None = None
        self._moved_at = -math.inf

    def observe(self, luma: Luma, now: float) -> bool:
        """Is it idle at the time ``now``, when the camera sees ``luma``, (18, 32) uint8?"""
        here = luma.astype(np.int16)
        if self._before is None:
            self._before, self._moved_at = (here, now), now
        change = here - self._before[0]
        if np.count_nonzero(np.abs(change - np.median(change)) > LEVELS) >= CELLS:
            self._before, self._moved_at = (here, now), now
        elif now - self._before[1] >= COMPARED_S:
            self._before = here, now
        return self.silent_s(now) >= self._after_s

    def silent_s(self, now: float) -> float:
        """Seconds since something moved; 0 before the first picture."""
        return now - self._moved_at if math.isfinite(self._moved_at) else 0.0
