"""Histograms that add up over passes whose range nobody knows beforehand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_SIZES = np.logspace(-8, 8, 161)  # ten bins for each power of ten
EDGES = np.concatenate([-_SIZES[::-1], [0.0], _SIZES])


@dataclass(frozen=True, slots=True)
class Histogram:
    """edges (n + 1,) float64, rising; counts (n,) int64; and of the values themselves their number, extremes, sum, and
    sum of squares. Without values, edges and counts are empty and the extremes 0."""

    edges: NDArray[np.float64]
    counts: NDArray[np.int64]
    number: int
    least: float
    most: float
    total: float
    squares: float

    @property
    def mean(self) -> float:
        return self.total / self.number if self.number else 0.0


class Adding:
    """Counts values.

    >>> adding = Adding()
    >>> adding.add(np.array([0.0, 1.5, -2.0, np.nan]))
    >>> adding.add(np.array([0.0]))
    >>> found = adding.histogram()
    >>> found.number, found.least, found.most, int(found.counts.sum())
    (4, -2.0, 1.5, 4)
    """

    def __init__(self) -> None:
        self._counts = np.zeros(len(EDGES) - 1, np.int64)
        self._number, self._total, self._squares = 0, 0.0, 0.0
        self._least, self._most = np.inf, -np.inf

    def add(self, values: NDArray[np.floating]) -> None:
        """values: of any shape; those that are not finite are left out, those beyond ±10⁸ counted there."""
        found = values[np.isfinite(values)].astype(np.float64)
        if not found.size:
            return
        self._counts += np.histogram(found.clip(EDGES[0], EDGES[-1]), EDGES)[0]
        self._number += found.size
        self._total += float(found.sum())
        self._squares += float((found**2).sum())
        self._least, self._most = min(self._least, float(found.min())), max(self._most, float(found.max()))

    def histogram(self) -> Histogram:
        """What has been counted, without the empty bins at both ends."""
        held = np.flatnonzero(self._counts)
        if not held.size:
            return Histogram(np.zeros(0), np.zeros(0, np.int64), 0, 0.0, 0.0, 0.0, 0.0)
        first, last = int(held[0]), int(held[-1]) + 1
        edges, counts = EDGES[first : last + 1].copy(), self._counts[first:last].copy()
        return Histogram(edges, counts, self._number, self._least, self._most, self._total, self._squares)
