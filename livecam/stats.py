"""Where the time goes: stage timings, rates, drops by cause."""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

WINDOW = 100_000  # samples kept a stage: bounded, for a kiosk runs for weeks


class Stats:
    """Timings of named stages and counts, from any thread."""

    def __init__(self) -> None:
        self.dropped: Counter[str] = Counter()
        self._seconds: dict[str, deque[float]] = defaultdict(lambda: deque(maxlen=WINDOW))
        self._lock = threading.Lock()

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a block as one sample of stage ``name``."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.add(name, time.perf_counter() - start)

    def add(self, name: str, seconds: float) -> None:
        with self._lock:
            self._seconds[name].append(seconds)

    def drop(self, cause: str, count: int = 1) -> None:
        with self._lock:
            self.dropped[cause] += count

    def stages(self) -> dict[str, dict[str, float]]:
        """Name → ``{p50_ms, p95_ms, p99_ms}``.

        >>> stats = Stats()
        >>> for ms in (1, 2, 3): stats.add("decode", ms / 1000)
        >>> stats.stages()["decode"]["p50_ms"]
        2.0
        """
        with self._lock:
            samples = {name: np.array(values) * 1000 for name, values in self._seconds.items()}
        return {
            name: {f"p{q}_ms": round(float(np.percentile(ms, q)), 3) for q in (50, 95, 99)}
            for name, ms in samples.items()
        }


class RateMeter:
    """Events a second over the last ``window`` seconds: (n − 1) / span.

    >>> meter = RateMeter()
    >>> for tick in range(5): meter.add(tick * 0.1)
    >>> round(meter.rate, 6)
    10.0
    """

    def __init__(self, window: float = 2.0) -> None:
        self._window = window
        self._times: deque[float] = deque()

    def add(self, now: float) -> None:
        self._times.append(now)
        while self._times[-1] - self._times[0] > self._window:
            self._times.popleft()

    @property
    def rate(self) -> float:
        if len(self._times) < 2 or self._times[-1] == self._times[0]:
            return 0.0
        return (len(self._times) - 1) / (self._times[-1] - self._times[0])


def peak_rss_mb() -> float:
    """Highest resident memory of this process so far, in MB (2**20 bytes); 0.0 where the system does not say."""
    try:
        import resource
    except ImportError:  # Windows
        return 0.0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (2**20 if sys.platform == "darwin" else 2**10), 1)
