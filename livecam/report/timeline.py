"""A recording of any length as few enough strips and points for a page. Pure."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from livecam.report.recording import NONE, Recording

BINS = 600
ROWS = 8  # classes with a strip of their own
SHADES = 8  # of confidence in a strip


class Strip(NamedTuple):
    """From ``x`` on, ``width`` wide, both in units of BINS; shade in (0, 1]."""

    x: int
    width: int
    shade: float


class Row(NamedTuple):
    """share: of the frames, [0, 1]."""

    name: str
    share: float
    strips: list[Strip]


class Timeline(NamedTuple):
    """rows: the classes that are seen longest, then the others as one. mean, band: paths of an SVG of BINS × 100.
    ticks: (place in [0, 1], words)."""

    rows: list[Row]
    mean: str
    band: str
    ticks: list[tuple[float, str]]


def places(times: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each frame's place in [0, 1)."""
    n = len(times)
    span = float(times[-1]) * n / (n - 1) if n > 1 else 0.0
    return times / span if span > 0 else np.zeros(n)


def timeline(run: Recording) -> Timeline:
    times = run.times
    bins = np.minimum((places(times) * BINS).astype(int), BINS - 1)
    seen = np.bincount(run.label[run.label != NONE], minlength=len(run.labels))
    order = [int(label) for label in np.argsort(-seen, kind="stable") if seen[label]]
    own, others = order[:ROWS], order[ROWS:]
    groups = [(run.name_of(label), [label]) for label in own]
    groups += [(f"{len(others)} others", others)] if others else []
    rows = [Row(name, float(seen[ids].sum()) / len(run), _strips(run, bins, ids)) for name, ids in groups]
    return Timeline(rows, *confidence(bins, run.score), ticks(float(times[-1]), run.ascending))


def _strips(run: Recording, bins: NDArray[np.int64], labels: list[int]) -> list[Strip]:
    mask = np.isin(run.label, labels)
    here = np.bincount(bins[mask], minlength=BINS)
    sure = np.bincount(bins[mask], np.nan_to_num(run.score[mask]), minlength=BINS)
    every = np.bincount(bins, minlength=BINS)
    level = np.zeros(BINS, int)
    filled = here > 0
    # How sure, and for how much of the bin: a label that flickers is paler than one that stays.
    strength = sure[filled] / here[filled] * here[filled] / every[filled]
    level[filled] = np.clip(np.ceil(strength * SHADES), 1, SHADES)
    # Few frames in a long recording, or a short one in many bins: a frame fills the room to the next.
    level = _held(level, every)
    edges = np.flatnonzero(np.diff(level, prepend=0, append=0))
    return [
        Strip(int(start), int(end - start), int(level[start]) / SHADES)
        for start, end in pairwise(edges)
        if level[start]
    ]


def _held(level: NDArray[np.int64], every: NDArray[np.int64]) -> NDArray[np.int64]:
    """Bins without a frame show the frame before."""
    last = np.maximum.accumulate(np.where(every > 0, np.arange(len(every)), 0))
    return level[last]


def confidence(bins: NDArray[np.int64], values: NDArray[np.float64]) -> tuple[str, str]:
    """The mean as a line, lowest to highest as a band: paths over BINS × 100, 1 at the top."""
    known = ~np.isnan(values)
    bins, values = bins[known], values[known]
    if not len(values):
        return "", ""
    count = np.bincount(bins, minlength=BINS)
    low, high = np.full(BINS, np.inf), np.full(BINS, -np.inf)
    np.minimum.at(low, bins, values)
    np.maximum.at(high, bins, values)
    used = np.flatnonzero(count)
    mean = np.bincount(bins, values, minlength=BINS)[used] / count[used]
    line = _path(used, mean)
    band = _path(used, high[used]) + "L" + _path(used[::-1], low[used][::-1])[1:] + "Z"
    return line, band


def _path(x: NDArray[np.int64], y: NDArray[np.float64]) -> str:
    return "M" + "L".join(f"{at + 0.5:g} {100 - 100 * value:.1f}" for at, value in zip(x, y, strict=True))


def ticks(span: float, seconds: bool) -> list[tuple[float, str]]:
    """A handful of round times."""
    if span <= 0:
        return [(0.0, clock(0.0) if seconds else "0")]
    steps = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400)
    power = 10 ** math.floor(math.log10(span / 6))
    step = next((one for one in steps if span / one <= 6), 10 * power) if seconds and span > 3 else power
    while span / step > 6:
        step *= 2
    return [(at * step / span, clock(at * step) if seconds else f"{at * step:g}") for at in range(int(span / step) + 1)]


def clock(seconds: float) -> str:
    """A time for people.

    >>> clock(0), clock(3.25), clock(75), clock(7384.5)
    ('0:00', '0:03.25', '1:15', '2:03:04.5')
    """
    sign, hundredths = "-" if seconds < 0 else "", round(abs(seconds) * 100)
    whole, part = divmod(hundredths, 100)
    fraction = f".{part:02}".rstrip("0") if part else ""
    hours, minutes = divmod(whole // 60, 60)
    return sign + (f"{hours}:{minutes:02}" if hours else f"{minutes}") + f":{whole % 60:02}{fraction}"
