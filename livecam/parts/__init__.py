"""One long recording in parts that begin at key frames: each is annotated by itself, anywhere, and all are joined.

    parts = plan(path, seconds=300)                    # where to cut
    ... for each part a video, a sidecar, a report, and what the smoother remembers at both ends ...
    join([...], output, ...)                           # without encoding again; the sound is copied once

What is exact: the number of pictures, their times, and the sidecar, line for line, as long as the smoother begins a
part as it ended the one before. It is handed on (``Smoother.memory``) where parts follow each other. Where they are
made at the same time, each explains ``WARM_S`` seconds before its start that it does not write, and what the smoother
remembers at the seam is compared (``agree``): a part that began with something else is made again with what it should
have had. The encoder starts anew at each cut, with a key picture: the bytes of the video differ from those of one run.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np

from livecam._av import av
from livecam.smoothing import Memory

PART_S = 300.0  # what an interruption may cost to make again
WARM_S = 30.0  # the scale of the maps forgets slowest, with a time constant of 5 s: e⁻⁶ of it is left
CLOSE = 2e-3  # half a step of the sidecar's maps, which have 8 bits
FINEST = 1_000_000  # ticks a second in which the times of a cut are exact


@dataclass(frozen=True, slots=True)
class Part:
    """Pictures with ``start <= ticks < stop``; None: from the beginning, to the end. first: the recording's first tick;
    time_base: seconds of a tick."""

    number: int
    start: int | None
    stop: int | None
    first: int
    time_base: Fraction

    def begin_s(self, warm_s: float = 0.0) -> float | None:
        """For ``SourceOptions.start_s``: seconds from the beginning, half a tick early; ``warm_s`` earlier."""
        if self.start is None:
            return None
        return max(float((self.start - self.first - Fraction(1, 2)) * self.time_base) - warm_s, 0.0)

    def end_s(self) -> float | None:
        """Seconds from the beginning, half a tick early."""
        return None if self.stop is None else float((self.stop - self.first - Fraction(1, 2)) * self.time_base)


def plan(path: Path, seconds: float = PART_S) -> list[Part]:
    """Parts of at least ``seconds``, but for the last one, each from a key frame on. One part where cuts are not safe:
    pictures without a time, two of the same time, or a beginning below zero. Raises av.FFmpegError."""
    with av.open(f"file:{path}") as container:
        stream = container.streams.video[0]
        base, first = stream.time_base, stream.start_time
        packets = [packet for packet in container.demux(stream) if packet.size]
        times = [packet.pts for packet in packets]
        keys = sorted(packet.pts for packet in packets if packet.is_keyframe and packet.pts is not None)
    known = sorted(one for one in times if one is not None)
    whole = [Part(0, None, None, first or 0, base or Fraction(1))]
    if base is None or first is None or base.denominator > FINEST or first < 0 or not known or known[0] < 0:
        return whole
    if len(known) < len(times) or any(a == b for a, b in pairwise(known)):
        return whole
    cuts: list[int] = []
    last, length = known[0], seconds / base
    while (at := bisect_left(keys, last + length)) < len(keys):
        last = keys[at]
        if known[-1] - last < length / 2:  # not worth a part of its own
            break
        cuts.append(last)
    bounds = [None, *cuts, None]
    return [Part(number, start, stop, first, base) for number, (start, stop) in enumerate(pairwise(bounds))]


def agree(end: Memory, start: Memory) -> bool:
    """Does a smoother that remembers ``start`` go on as one that remembers ``end``? Held classes and pictures are the
    same, averages as good as the same."""
    if end.keys() != start.keys():
        return False
    for name, value in end.items():
        other = start[name]
        if value.dtype.kind != "f":
            if not np.array_equal(value, other):
                return False
        elif value.shape != other.shape or np.abs(value - other).max(initial=0) > CLOSE * np.abs(value).max(initial=0):
            return False
    return True
