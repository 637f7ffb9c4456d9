"""Time, injected. Seconds are floats of a monotonic clock."""

from __future__ import annotations

import threading
import time
from typing import Protocol


class Clock(Protocol):
    def now(self) -> float:
        """Monotonic seconds."""
        ...

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Wait until ``event`` is set (True) or ``seconds`` have passed (False)."""
        ...


class SystemClock:
    """The clock on the wall of this process: ``time.monotonic``."""

    def now(self) -> float:
        return time.monotonic()

    def wait(self, event: threading.Event, seconds: float) -> bool:
        return event.wait(max(seconds, 0.0))


class ManualClock:
    """A clock for tests: it moves when it is told to, or by as much as somebody waits."""

    def __init__(self, start: float = 0.0) -> None:
        self._now = start

    def now(self) -> float:
        return self._now

    def advance(self, seconds: float) -> None:
        self._now += seconds

    def wait(self, event: threading.Event, seconds: float) -> bool:
        self._now += max(seconds, 0.0)
        return event.is_set()


def backed_off(first_s: float, failures: int, longest_s: float) -> float:
    """Seconds until the next try after so many ``failures`` before this one: twice as long each time.

    >>> [backed_off(1.0, failures, 30.0) for failures in (0, 1, 4, 5, 1000)]
    [1.0, 2.0, 16.0, 30.0, 30.0]
    """
    return min(first_s * 2.0 ** min(failures, 30), longest_s)


class Pacer:
    """Absolute deadlines ``start + n · period``: lateness never accumulates into drift, missed ticks are skipped.

    >>> clock = ManualClock(); pacer = Pacer(0.1, clock); stop = threading.Event()
    >>> [pacer.tick(stop) for _ in range(3)], round(clock.now(), 6)
    ([0, 0, 0], 0.2)
    >>> clock.advance(0.25); pacer.tick(stop), round(clock.now(), 6)
    (1, 0.45)
    """

    def __init__(self, period: float, clock: Clock) -> None:
        self.period = period
        self._clock = clock
        self._deadline: float | None = None

    def tick(self, stop: threading.Event) -> int:
        """Wait for the next deadline (the first is now). Returns how many deadlines were missed and skipped."""
        now = self._clock.now()
        if self._deadline is None:
            self._deadline = now
            return 0
        self._deadline += self.period
        missed = max(0, int((now - self._deadline) / self.period))
        self._deadline += missed * self.period
        self._clock.wait(stop, self._deadline - now)
        return missed


class Playback:
    """When the pictures of a recording are due: as far apart as they were recorded.

    >>> clock = ManualClock(5.0); playback = Playback(clock)
    >>> playback.due(1.0), playback.due(1.5)
    (5.0, 5.5)
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._first: tuple[float, float] | None = None

    def due(self, pts: float) -> float:
        """Seconds of the clock at which the picture of media time ``pts`` is due; the first one is due now."""
        self._first = self._first or (self._clock.now(), pts)
        return self._first[0] + pts - self._first[1]
