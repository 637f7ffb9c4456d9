"""Objects from picture to picture: which box is which, so that a number and a colour stay with a thing."""

from __future__ import annotations

from dataclasses import dataclass, replace

from livecam.geometry import Region
from livecam.types import Detected

NEW, SAME = 0.5, 0.2
"""IoU from which a box may be what was there before: of a track that has been seen once, and of one seen more often. A
single box may be a mistake, which must not take over the next thing nearby; a known object may be fast."""
LOST_S = 1.0
"""For so long an object may be out of sight and keep its number."""


@dataclass(slots=True)
class _Track:
    number: int
    box: Region
    class_idx: int
    seen_at: float
    times: int = 1


class Tracker:
    """One stream's objects. The surest pair of a track and a box is matched first; one of the same class before one of
    another, for the class of an object may waver where its place does not."""

    def __init__(self) -> None:
        self._tracks: list[_Track] = []
        self._numbers = 0

    def update(self, objects: tuple[Detected, ...], now: float) -> tuple[Detected, ...]:
        """The objects of the picture of time ``now`` (seconds), each with the number of its track, from 0 on."""
        self._tracks = [track for track in self._tracks if now - track.seen_at <= LOST_S]
        pairs = [
            (one.prediction.class_idx == track.class_idx, iou, number, track)
            for number, one in enumerate(objects)
            for track in self._tracks
            if (iou := overlap(one.box, track.box)) >= (SAME if track.times > 1 else NEW)
        ]
        found: dict[int, _Track] = {}
        taken: set[int] = set()
        for _, _, number, track in sorted(pairs, key=lambda pair: pair[:2], reverse=True):
            if number not in found and track.number not in taken:
                found[number] = track
                taken.add(track.number)
        return tuple(replace(one, track=self._noted(one, found.get(n), now)) for n, one in enumerate(objects))

    def _noted(self, one: Detected, track: _Track | None, now: float) -> int:
        if track is None:
            track = _Track(self._numbers, one.box, one.prediction.class_idx, now, times=0)
            self._numbers += 1
            self._tracks.append(track)
        track.box, track.class_idx, track.seen_at = one.box, one.prediction.class_idx, now
        track.times += 1
        return track.number

    def reset(self) -> None:
        """Forget the objects, not their numbers: those of a new scene are others."""
        self._tracks = []


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
