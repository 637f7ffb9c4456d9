"""Objects from picture to picture: which box is which, so that a number and a colour stay with a thing.

Two thresholds, as of a label: an object appears at the score that is asked for, and stays until its score, averaged
over time, is clearly below. Where such doubtful boxes belong is the second association of ByteTrack (Zhang et al., ECCV
2022, arXiv:2110.06864): sure boxes are matched with the known objects first, doubtful ones with those that are left;
what is doubtful and matches nothing is background. Its motion model is left out, and time is counted in seconds.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from livecam.geometry import Region
from livecam.smoothing.motion import Moved

NEW, SAME = 0.5, 0.2
"""IoU from which a box may be what was there before: of a track that has been seen once, and of one seen more often. A
single box may be a mistake, which must not take over the next thing nearby; a known object may be fast."""
LOST_S = 1.0
"""For so long an object may be out of sight and keep its number."""
STAYS = 0.8
"""Of the score from which objects appear: one whose averaged score is below is out of sight. As of labels, 1/1.25."""
DOUBTFUL = 0.2
"""Of the same score: what is below is no box at all. As in ByteTrack, 0.1 where objects appear at 0.5 or so."""


BOXES = 1 / 5
"""Of the time constant of the scores: that of the boxes. On a dog of DAVIS, which turns about, edges wobbled a third as
much as they came, and lay no worse on its mask; with 1/3 they lagged."""


class Found(NamedTuple):
    """A box that may be an object. box: as of ``Detected``. score: in [0, 1]."""

    box: Region
    class_idx: int
    score: float


@dataclass(slots=True)
class _Track:
    """box, score: averaged. at: of that score. seen_at: when it was last shown."""

    number: int
    box: Region
    class_idx: int
    score: float
    at: float
    seen_at: float
    times: int
    shown: bool


class Tracker:
    """One stream's objects. The surest pair of a track and a box is matched first; one of the same class before one of
    another, for the class of an object may waver where its place does not. seconds: time constant of the scores."""

    def __init__(self, seconds: float = 0.0) -> None:
        self._seconds = seconds
        self._tracks: list[_Track] = []
        self._numbers = 0

    def update(self, found: Sequence[Found], now: float, least: float = 0.0) -> list[int | None]:
        """The objects of the picture of time ``now`` (seconds): of each box the number of its track, from 0 on; None
        for what is not there. least: score above which an object appears. found: boxes above ``DOUBTFUL * least``."""
        self._tracks = [track for track in self._tracks if now - track.seen_at <= LOST_S]
        sure = [number for number, one in enumerate(found) if one.score > least]
        matched = self._matched(found, sure, self._tracks)
        left = [track for track in self._tracks if all(track is not one for one in matched.values())]
        matched |= self._matched(found, [n for n, one in enumerate(found) if one.score <= least], left)
        for track in self._tracks:
            if all(track is not one for one in matched.values()):
                self._scored(track, 0.0, now, least)
        for number in sure:
            if number not in matched:
                matched[number] = self._begun(found[number], now)
        return [self._noted(one, matched[n], now, least) if n in matched else None for n, one in enumerate(found)]

    def _matched(self, found: Sequence[Found], numbers: Iterable[int], tracks: list[_Track]) -> dict[int, _Track]:
        pairs = [
            (found[number].class_idx == track.class_idx, iou, number, track)
            for number in numbers
            for track in tracks
            if (iou := overlap(found[number].box, track.box)) >= (SAME if track.times > 1 else NEW)
        ]
        matched: dict[int, _Track] = {}
        taken: set[int] = set()
        for _, _, number, track in sorted(pairs, key=lambda pair: pair[:2], reverse=True):
            if number not in matched and track.number not in taken:
                matched[number] = track
                taken.add(track.number)
        return matched

    def _begun(self, one: Found, now: float) -> _Track:
        track = _Track(self._numbers, one.box, one.class_idx, one.score, now, now, times=0, shown=False)
        self._numbers += 1
        self._tracks.append(track)
        return track

    def _noted(self, one: Found, track: _Track, now: float, least: float) -> int | None:
        """The track's number, if it is in sight."""
        if one.score > least and not track.shown:
            track.score = one.score  # it appears by this score alone, whatever it was before
        self._scored(track, one.score, now, least)
        old = 1.0 - _fresh(max(now - track.seen_at, 0.0), BOXES * self._seconds)
        y0, x0, y1, x1 = (new - old * (new - before) for new, before in zip(one.box, track.box, strict=True))
        track.box, track.class_idx = (y0, x0, y1, x1), one.class_idx
        track.times += 1
        # Out of sight it is followed all the same, so that it is found where it is.
        if not track.shown:
            return None
        track.seen_at = now
        return track.number

    def _scored(self, track: _Track, score: float, now: float, least: float) -> None:
        """Average its score, and see whether it is still there. score: 0 where it was not found."""
        track.score += _fresh(max(now - track.at, 0.0), self._seconds) * (score - track.score)
        track.at = now
        track.shown = score > least or (track.shown and track.score >= STAYS * least)

    def move(self, moved: Moved) -> None:
        """Put the objects where they are in the next picture, before its boxes are known."""
        for track in self._tracks:
            track.box = moved.box(track.box)

    def boxes(self) -> dict[int | None, Region]:
        """Where the objects are, averaged over time along with the motion: by number."""
        return {track.number: track.box for track in self._tracks}

    def reset(self) -> None:
        """Forget the objects, not their numbers: those of a new scene are others."""
        self._tracks = []

    def memory(self) -> dict[str, NDArray[Any]]:
        """For ``recall``; nothing before the first object. tracks: (1 + n, 4), how many numbers were given, then of
        each its number, class, times and whether it is shown. places: (n, 7), its box, score and times."""
        if not self._numbers:
            return {}
        counted = [(one.number, one.class_idx, one.times, one.shown) for one in self._tracks]
        measured = [(*one.box, one.score, one.at, one.seen_at) for one in self._tracks]
        return {
            "tracks": np.array([(self._numbers, 0, 0, 0), *counted], np.int64),
            "places": np.array(measured, np.float64).reshape(-1, 7),
        }

    def recall(self, memory: Mapping[str, NDArray[Any]]) -> None:
        """Go on where the Tracker was that ``memory`` is of."""
        (self._numbers, *_), *counted = memory["tracks"].tolist() if "tracks" in memory else [(0,)]
        measured = memory["places"].tolist() if counted else []
        self._tracks = [
            _Track(number, (y0, x0, y1, x1), class_idx, score, at, seen_at, times, bool(shown))
            for (number, class_idx, times, shown), (y0, x0, y1, x1, score, at, seen_at) in zip(
                counted, measured, strict=True
            )
        ]


def _fresh(elapsed: float, constant: float) -> float:
    """Weight of what is new after ``elapsed`` seconds: 1 − exp(−Δt / τ)."""
    return 1.0 - math.exp(-elapsed / constant) if constant > 0 else 1.0


def overlap(one: Region, other: Region) -> float:
    """Intersection over union of two boxes (y0, x0, y1, x1).

    >>> overlap((0.0, 0.0, 1.0, 0.5), (0.0, 0.25, 1.0, 0.75))
    0.3333333333333333
    """
    height = min(one[2], other[2]) - max(one[0], other[0])
    width = min(one[3], other[3]) - max(one[1], other[1])
    shared = max(height, 0.0) * max(width, 0.0)
    both = sum((y1 - y0) * (x1 - x0) for y0, x0, y1, x1 in (one, other))
    return shared / (both - shared) if shared else 0.0
