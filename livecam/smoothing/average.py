"""Exponential average of maps, in seconds."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray


class MapAverage:
    """Exponential average of the un-normalised maps of one class, and the slowly moving scale to show them by.

    The scale is the averaged peak: it rises with time constant ``attack`` and falls with ``release`` (seconds), so a
    map whose evidence fades becomes faint instead of being stretched to full heat (a min-max stretch per frame makes
    noise look like evidence, and pumps the brightness).
    """

    def __init__(self, seconds: float, attack: float = 0.2, release: float = 5.0) -> None:
        self._seconds, self._attack, self._release = seconds, attack, release
        self._map: NDArray[np.float32] | None = None
        self._scale = 0.0
        self._last = 0.0

    def update(self, raw: NDArray[np.float32], now: float, scale: float | None = None) -> NDArray[np.float32]:
        """Take the raw (h, w) map, >= 0, of the frame at ``now``; returns the averaged one scaled to [0, 1].

        scale: what is shown as 1, instead of the slowly moving one.
        """
        elapsed = max(now - self._last, 0.0)
        self._last = now
        if self._map is None or self._map.shape != raw.shape:
            self._map, self._scale = raw.copy(), float(raw.max())
        else:
            self._map += _fresh(elapsed, self._seconds) * (raw - self._map)
            peak = float(self._map.max())
            self._scale += _fresh(elapsed, self._attack if peak > self._scale else self._release) * (peak - self._scale)
        if scale is not None:
            self._scale = scale
        if self._scale <= 0.0:
            return np.zeros_like(raw)
        shown: NDArray[np.float32] = np.minimum(self._map / np.float32(self._scale), np.float32(1.0))
        return shown

    def move(self, carried: Callable[[NDArray[np.float32]], NDArray[np.float32]]) -> None:
        """Put the average where ``carried`` puts it, before the map of a picture in which things have moved."""
        if self._map is not None:
            # A copy: update() adds to it in place, and whoever carries it may return what he was given.
            self._map = carried(self._map).copy()

    def reset(self) -> None:
        self._map, self._scale = None, 0.0


def _fresh(elapsed: float, constant: float) -> float:
    """Weight of the new sample after ``elapsed`` seconds: 1 − exp(−Δt / τ)."""
    return 1.0 - float(np.exp(-elapsed / constant)) if constant > 0 else 1.0
