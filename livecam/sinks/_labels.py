"""The labels of a recording as cues that do not flicker, and as chapters. Pure; times are ticks of the recording."""

from __future__ import annotations

from bisect import bisect_right
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

HOLD_S = 0.4  # a label that lasts less is no cue of its own: nobody could read it
CHAPTER_S = 2.0  # nor is what is shorter a chapter
MOST_CHARACTERS = 500  # of a label: what a screen holds, and more than any list of classes has


class Cue(NamedTuple):
    """A label, shown from ``start`` to ``end``."""

    start: int
    end: int
    label: str


class Cues:
    """Turns the label of each picture into cues. They follow each other without overlap.

    A new label counts when it has lasted HOLD_S, and then from its first picture on. piece_s: a cue is handed out after
    so many seconds, and goes on as another one of the same label; None: when it has ended.
    """

    def __init__(self, time_base: Fraction, piece_s: float | None = None) -> None:
        self._hold = HOLD_S / time_base
        self._piece = None if piece_s is None else piece_s / time_base
        self._label: str | None = None
        self._start: int | None = None
        self._rival: tuple[str | None, int] | None = None

    def add(self, label: str | None, ticks: int) -> list[Cue]:
        """The picture that begins at ``ticks`` has this label (None: it is not explained). Returns what is settled."""
        label = None if label is None else " ".join(label.split())[:MOST_CHARACTERS]
        if self._start is None:
            self._label, self._start = label, ticks
        if label == self._label:
            self._rival = None
        elif self._rival is None or self._rival[0] != label:
            self._rival = label, ticks
        made: list[Cue] = []
        if self._rival and ticks - self._rival[1] >= self._hold:
            made += self._until(self._rival[1])
            self._label, self._rival = self._rival[0], None
        settled = self._rival[1] if self._rival else ticks
        if self._piece is not None and settled - self._start >= self._piece:
            made += self._until(settled)
        return made

    def finish(self, end: int) -> list[Cue]:
        """The last picture ends at ``end``."""
        return [] if self._start is None else self._until(end)

    def _until(self, end: int) -> list[Cue]:
        start, self._start = self._start, end
        assert start is not None
        return [Cue(start, end, self._label)] if self._label and end > start else []


class Chapter(NamedTuple):
    start: int
    end: int
    title: str


def chapters(cues: list[Cue], cuts: list[int], time_base: Fraction) -> list[Chapter]:
    """From class to class and from cut to cut, none shorter than CHAPTER_S but a film that is itself.

    cues: in order, ascending; neighbours may have one label. cuts: ticks at which a scene begins, ascending. A chapter
    is named after the class that is seen longest in it.

    >>> chapters([Cue(0, 40, "cat"), Cue(40, 90, "cup")], [39], Fraction(1, 10))
    [Chapter(start=0, end=39, title='cat'), Chapter(start=39, end=90, title='cup')]
    """
    if not cues:
        return []
    first, last = cues[0].start, cues[-1].end
    changes = [one.start for before, one in pairwise(cues) if one.label != before.label]
    begins = _begins(first, last, changes, cuts, float(CHAPTER_S / time_base))
    found = []
    starts = [cue.start for cue in cues]
    for start, end in zip(begins, [*begins[1:], last], strict=True):
        seen: dict[str, int] = {}
        for cue in cues[max(bisect_right(starts, start) - 1, 0) : bisect_right(starts, end)]:
            seen[cue.label] = seen.get(cue.label, 0) + max(min(cue.end, end) - max(cue.start, start), 0)
        found.append(Chapter(start, end, max(seen, key=lambda label: seen[label])))
    return found


def _begins(first: int, last: int, changes: list[int], cuts: list[int], least: float) -> list[int]:
    """Where chapters begin: the classes come first, for what a new scene shows is seen a little after its cut."""
    begins = [first, last]
    for ticks, reach in ((changes, least / 2), (cuts, 0.0)):
        for tick in ticks:
            cut = cuts[max(bisect_right(cuts, tick) - 1, 0)] if cuts else tick
            begin = cut if 0 <= tick - cut <= reach else tick
            place = bisect_right(begins, begin)
            if 0 < place < len(begins) and begin - begins[place - 1] >= least and begins[place] - begin >= least:
                begins.insert(place, begin)
    return begins[:-1]
