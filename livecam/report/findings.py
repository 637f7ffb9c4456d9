"""Which frames show what a recording is about, and which are worth a look. Pure; rows of a Recording."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from livecam.report.recording import NONE, Recording
from livecam.sinks._labels import Cues

LOW = 0.3  # probability below which the network hardly knows
TIE = 0.05  # between the two best
BORDER = 1.5  # times the heat that an even map has on its border
JUMP = 0.2  # of the side of the picture, away from where the heat is in the second around it
SURE = 0.2  # probability from which a check says something
WEAK = 0.05  # a drop that is none
APART = 0.02  # of the recording: finds nearer to each other are one
CLOCK = Fraction(1, 1000)


class Find(NamedTuple):
    """row: the frame. words: what is to be seen there."""

    row: int
    words: str


class Kind(NamedTuple):
    """title, why: for the reader. number: of frames in all, of which ``finds`` are the clearest ones, in order."""

    title: str
    why: str
    number: int
    finds: list[Find]


def worth_a_look(run: Recording, most: int) -> list[Kind]:
    """What there is of each kind; kinds of which there is nothing are left out."""
    kinds = [_changes(run, most), _low(run, most), _ties(run, most), _border(run, most), _jumps(run, most)]
    return [kind for kind in [*kinds, _unfaithful(run, most)] if kind.number]


def key_rows(run: Recording, most: int) -> list[int]:
    """Up to ``most`` rows: of each label that lasts the surest frame, of long ones several."""
    spans = segments(run)
    if len(spans) > most:
        spans = sorted(heapq.nlargest(most, spans, key=lambda span: span[1] - span[0]))
    counts = [1] * len(spans)
    lengths = [last - first for first, last in spans]
    room = min(most, sum(lengths), max(len(spans), min(most, 12))) - len(spans)
    for _ in range(max(room, 0)):
        widest = max(range(len(spans)), key=lambda i: lengths[i] / (counts[i] + 1) if counts[i] < lengths[i] else 0)
        counts[widest] += 1
    found = []
    for (first, last), count in zip(spans, counts, strict=True):
        edges = np.linspace(first, last, count + 1).astype(int)
        for start, end in pairwise(edges):
            found.append(int(start) + int(np.argmax(np.nan_to_num(run.score[start : max(end, start + 1)]))))
    return sorted(set(found))


def segments(run: Recording) -> list[tuple[int, int]]:
    """(first row, row after the last) of each label that lasts, in order."""
    ticks = np.rint(run.times / (1 if not run.ascending else float(CLOCK))).astype(np.int64)
    cues = Cues(CLOCK if run.ascending else Fraction(1, 25))
    made = [
        cue
        for label, tick in zip(run.label.tolist(), ticks.tolist(), strict=True)
        for cue in cues.add(None if label == NONE else str(label), tick)
    ]
    made += cues.finish(int(ticks[-1]) + 1) if len(ticks) else []
    bounds = [(int(np.searchsorted(ticks, cue.start)), int(np.searchsorted(ticks, cue.end))) for cue in made]
    return [(first, last) for first, last in bounds if last > first]


def changes(run: Recording) -> NDArray[np.int64]:
    """Rows whose label is another than that of the last explained row before."""
    explained = np.flatnonzero(run.label != NONE)
    labels = run.label[explained]
    return np.asarray(explained[1:][labels[1:] != labels[:-1]], np.int64)


def _changes(run: Recording, most: int) -> Kind:
    rows = changes(run)
    lasts = np.diff([*rows, len(run)])
    chosen = sorted(rows[np.argsort(-lasts, kind="stable")[:most]].tolist())
    before = {row: run.label[:row][run.label[:row] != NONE][-1] for row in chosen}
    finds = [Find(row, f"{run.name_of(before[row])} → {run.name_of(run.label[row])}") for row in chosen]
    return Kind("The class changes", "The longest-lasting changes of the explained class.", len(rows), finds)


def _low(run: Recording, most: int) -> Kind:
    rows = np.flatnonzero(run.score < LOW)
    finds = [Find(row, f"{run.score[row]:.0%} sure") for row in _clearest(run, rows, -run.score, most)]
    return Kind("Low confidence", f"The explained class has less than {LOW:.0%}.", len(rows), finds)


def _ties(run: Recording, most: int) -> Kind:
    gap = run.best - run.second
    rows = np.flatnonzero((gap < TIE) & (run.second > LOW / 2))
    finds = [
        Find(row, f"{run.best[row]:.0%} against {run.second[row]:.0%} {run.name_of(run.rival[row])}")
        for row in _clearest(run, rows, -gap, most)
    ]
    return Kind("Near ties", f"Two classes within {TIE * 100:.0f} points.", len(rows), finds)


def _border(run: Recording, most: int) -> Kind:
    rows = np.flatnonzero(run.border >= BORDER)
    finds = [
        Find(row, f"{run.border[row]:.1f} times an even map's border") for row in _clearest(run, rows, run.border, most)
    ]
    return Kind("Heat on the border", "The evidence lies at the edge: is the object cut off?", len(rows), finds)


def _jumps(run: Recording, most: int) -> Kind:
    """Frames whose heat is away from the median place of the frames around them, while the label stays."""
    n = len(run)
    step = float(np.median(np.diff(run.times))) if n > 1 else 0.0
    reach = int(np.clip(round(0.5 / step), 2, 30)) if step > 0 else 2
    away = np.zeros(n)
    if n > 2 * reach:
        inner = slice(reach, n - reach)
        for side in (run.x, run.y):
            usual = np.median(np.lib.stride_tricks.sliding_window_view(side, 2 * reach + 1), axis=1)
            away[inner] = np.hypot(away[inner], np.nan_to_num(side[inner] - usual))
        same = (run.label[: n - 2 * reach] == run.label[inner]) & (run.label[2 * reach :] == run.label[inner])
        away[inner] *= same
    rows = np.flatnonzero(away >= JUMP)
    finds = [Find(row, f"{away[row]:.0%} of the picture away") for row in _clearest(run, rows, away, most)]
    return Kind("Heat off the object", "The heat leaves its place for a moment; the class does not.", len(rows), finds)


def _unfaithful(run: Recording, most: int) -> Kind:
    """Checks that hiding the hottest part hardly changed, or changed less than hiding a cold one."""
    failed = [
        one for one in run.checks if one.before >= SURE and (one.before - one.after < WEAK or one.after >= one.control)
    ]
    drop = np.zeros(len(run))
    words = {}
    for one in failed:
        drop[one.row] = one.after - min(one.before, one.control)
        words[one.row] = f"{one.before:.0%}, hot part hidden {one.after:.0%}, cold part {one.control:.0%}"
    rows = np.array([one.row for one in failed], np.int64)
    finds = [Find(row, words[row]) for row in _clearest(run, rows, drop, most)]
    why = "Hiding the hottest part hardly matters: the map may not tell the truth."
    return Kind("Faithfulness drops", why, len(failed), finds)


def _clearest(run: Recording, rows: NDArray[np.int64], weight: NDArray[np.float64], most: int) -> list[int]:
    """Those of most weight, apart from each other, in order."""
    times = run.times
    apart = APART * float(times[-1]) if len(times) else 0.0
    chosen: list[int] = []
    for row in _by_weight(rows, weight):
        if all(abs(times[row] - times[other]) > apart for other in chosen):
            chosen.append(row)
            if len(chosen) == most:
                break
    return sorted(chosen)


def _by_weight(rows: NDArray[np.int64], weight: NDArray[np.float64]) -> Iterable[int]:
    return (int(row) for row in rows[np.argsort(-weight[rows], kind="stable")])
