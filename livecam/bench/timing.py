"""Take turns: A B C A B C ..., so that whatever the machine does beside befalls everyone alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

LEAD = 1
"""Calls of a turn that are not counted: they warm the caches that the one before has filled with its own, as in a
stream, and outlast the moment for which the threads of the one before still spin."""
CALLS = 3
"""Calls of a turn that are counted, one by one."""
WARMUP = 10


class Contestant(Protocol):
    name: str

    def turn(self, lead: int, calls: int) -> list[float]:
        """Do the work ``lead`` times uncounted, then ``calls`` times: the seconds of each of these."""
        ...


def _nothing(*_: object) -> None:
    return


@dataclass(slots=True)
class Local:
    """Work in this process. work: given 0, 1, 2, ... so that it can take another picture each time. check: of what the
    work returned, beside the clock; raises when it is no result. sync: waits for the device."""

    name: str
    work: Callable[[int], Any]
    check: Callable[[Any], None] = _nothing
    sync: Callable[[], None] = _nothing
    now: Callable[[], float] = time.perf_counter
    _done: int = field(default=0, init=False)

    def turn(self, lead: int, calls: int) -> list[float]:
        seconds = [self._once() for _ in range(lead + calls)]
        return seconds[lead:]

    def _once(self) -> float:
        self.sync()
        start = self.now()
        result = self.work(self._done)
        self.sync()
        seconds = self.now() - start
        self._done += 1
        self.check(result)
        return seconds


def interleaved(
    contestants: Sequence[Contestant], rounds: int, *, warmup: int = WARMUP, lead: int = LEAD, calls: int = CALLS
) -> dict[str, list[float]]:
    """Name → seconds of ``rounds * calls`` calls. First everyone does ``warmup`` calls that are not counted."""
    seconds: dict[str, list[float]] = {contestant.name: [] for contestant in contestants}
    for contestant in contestants:
        contestant.turn(warmup, 0)
    for _ in range(rounds):
        for contestant in contestants:
            seconds[contestant.name] += contestant.turn(lead, calls)
    return seconds


def summary(seconds: Sequence[float]) -> dict[str, float]:
    """``{p50_ms, p95_ms, min_ms, samples}``.

    >>> summary([0.001, 0.002, 0.004])["p50_ms"]
    2.0
    """
    least, p50, p95 = (round(float(ms), 4) for ms in np.percentile(np.asarray(seconds) * 1000, (0, 50, 95)))
    return {"p50_ms": p50, "p95_ms": p95, "min_ms": least, "samples": len(seconds)}
