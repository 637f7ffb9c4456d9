"""Two runs over the same frames: where they agree. Frames are matched by their number."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from livecam.errors import SourceError
from livecam.report.recording import NONE, Line, Recording, frames
from livecam.report.timeline import BINS, Strip, confidence, places
from livecam.types import Heatmap

UNLIKE = 0.5  # correlation below which two maps are about different places


@dataclass(frozen=True, slots=True)
class Comparison:
    """rows: (n, 2), of the one and of the other, for each common frame; the rest has an entry for each.

    same: have they one label. likeness: Pearson's correlation of their maps, NaN where one has none or is even.
    """

    rows: NDArray[np.int64]
    same: NDArray[np.bool_]
    likeness: NDArray[np.float64]

    @property
    def agreement(self) -> float:
        return float(self.same.mean())

    @property
    def likeness_mean(self) -> float | None:
        known = self.likeness[~np.isnan(self.likeness)]
        return float(known.mean()) if len(known) else None

    def apart(self, most: int) -> list[tuple[int, int]]:
        """Rows of frames that differ, in order: in the middle of the longest stretches with different labels, and if
        these are few, in the middle of stretches of one label whose maps are least alike."""
        found = _middles(~self.same)[:most]
        places = np.linspace(0, len(self.same), most - len(found) + 1).astype(int)
        likeness = np.where(self.same, np.nan_to_num(self.likeness, nan=1.0), 1.0)
        for first, last in pairwise(places.tolist()):
            if last > first and likeness[first:last].min() < UNLIKE:
                found.append(first + int(likeness[first:last].argmin()))
        return [(int(one), int(other)) for one, other in self.rows[sorted(found)]]


def _middles(mask: NDArray[np.bool_]) -> list[int]:
    """The middle of each stretch that is True, the longest first."""
    edges = np.flatnonzero(np.diff(mask.astype(np.int8), prepend=0, append=0)).reshape(-1, 2)
    order = np.argsort(edges[:, 0] - edges[:, 1], kind="stable")
    return [int(middle) for middle in edges[order].mean(1)]


def compare(one: Recording, other: Recording) -> Comparison:
    """Raises SourceError when they have no frame in common."""
    common, first, second = np.intersect1d(one.index, other.index, return_indices=True)
    if not len(common):
        raise SourceError(f"{other.path}: has no frame in common with {one.path}; compare two runs over one source")
    order = np.argsort(first)
    rows = np.stack([first[order], second[order]], 1)
    names = np.array([*one.labels, ""]), np.array([*other.labels, ""])  # NONE is the last
    mine, theirs = one.label[rows[:, 0]], other.label[rows[:, 1]]
    same = (names[0][mine] == names[1][theirs]) & (mine != NONE)
    return Comparison(rows, same, np.array(list(_likeness(one, other, rows))))


def strips(run: Recording, found: Comparison) -> tuple[list[Strip], str, str]:
    """Where the labels agree, as strips, and the likeness of the maps, as of ``timeline.confidence``."""
    bins = np.minimum((places(run.times)[found.rows[:, 0]] * BINS).astype(int), BINS - 1)
    every = np.bincount(bins, minlength=BINS)
    used = np.flatnonzero(every)
    share = (np.bincount(bins, found.same, minlength=BINS)[used] / every[used]).tolist()
    ends = [*used[1:].tolist(), BINS]
    made = [Strip(int(x), int(end - x), agree) for x, end, agree in zip(used, ends, share, strict=True) if agree > 0]
    joined: list[Strip] = []
    for strip in made:
        if joined and joined[-1].x + joined[-1].width == strip.x and joined[-1].shade == strip.shade:
            joined[-1] = joined[-1]._replace(width=joined[-1].width + strip.width)
        else:
            joined.append(strip)
    return joined, *confidence(bins, np.clip(found.likeness, 0, 1))


def _likeness(one: Recording, other: Recording, rows: NDArray[np.int64]) -> Iterator[float]:
    """Both files are read side by side; what comes early waits."""
    mine, theirs = rows[:, 0], rows[:, 1]
    lines = frames(other.path, theirs)
    waiting: dict[int, Line] = {}
    for (_, line), want in zip(frames(one.path, mine), theirs.tolist(), strict=True):
        while want not in waiting:
            found, theirs_line = next(lines)
            waiting[found] = theirs_line
        yield pearson(line.cam, waiting.pop(want).cam)


def pearson(one: Heatmap | None, other: Heatmap | None) -> float:
    """Correlation of two maps, the finer one averaged down to the size of the coarser; NaN where one is even."""
    if one is None or other is None:
        return float("nan")
    if one.shape != other.shape:
        height, width = (min(sides) for sides in zip(one.shape, other.shape, strict=True))
        one, other = _resized(one, (height, width)), _resized(other, (height, width))
    a, b = (m.ravel() - m.mean() for m in (one, other))
    size = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / size if size > 1e-9 else float("nan")


def _resized(cam: Heatmap, size: tuple[int, int]) -> Heatmap:
    return np.asarray(cv2.resize(cam, size[::-1], interpolation=cv2.INTER_AREA), np.float32)
