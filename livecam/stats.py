"""Where the time goes: stage timings, measures, rates, drops by cause."""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

WINDOW = 1 << 14  # samples kept of each: a kiosk runs for weeks, and nine minutes at 30 fps say how it is
PERCENTILES = (50, 95, 99)


class Stats:
    """Timings of named stages, measures and counts, from any thread."""

    def __init__(self) -> None:
        self.dropped: Counter[str] = Counter()
        self._seconds: dict[str, _Ring] = defaultdict(_Ring)
        self._measures: dict[str, _Ring] = defaultdict(_Ring)
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

    def samples(self) -> dict[str, NDArray[np.float64]]:
        """Seconds of each stage, the last WINDOW: for ``take`` of another one."""
        return self._copied(self._seconds)

    def take(self, samples: dict[str, NDArray[np.float64]]) -> None:
        for name, values in samples.items():
            for seconds in values:
                self.add(name, float(seconds))

    def drop(self, cause: str, count: int = 1) -> None:
        with self._lock:
            self.dropped[cause] += count

    def measure(self, name: str, value: float) -> None:
        """Take one value of a measure; ``name`` ends with its unit."""
        with self._lock:
            self._measures[name].append(value)

    def stages(self) -> dict[str, dict[str, float]]:
        """Name → ``{p50_ms, p95_ms, p99_ms}``, of the last WINDOW samples.

        >>> stats = Stats()
        >>> for ms in (1, 2, 3): stats.add("decode", ms / 1000)
        >>> stats.stages()["decode"]["p50_ms"]
        2.0
        """
        return {name: _percentiles(1000 * values, "_ms") for name, values in self._copied(self._seconds).items()}

    def measures(self) -> dict[str, dict[str, float]]:
        """Name → ``{p50, p95, p99}`` in the unit of the name, of the last WINDOW values.

        >>> stats = Stats()
        >>> for ms in (10, 20, 30): stats.measure("capture_age_ms", ms)
        >>> stats.measures()
        {'capture_age_ms': {'p50': 20.0, 'p95': 29.0, 'p99': 29.8}}
        """
        return {name: _percentiles(values, "") for name, values in self._copied(self._measures).items()}

    def _copied(self, rings: dict[str, _Ring]) -> dict[str, NDArray[np.float64]]:
        with self._lock:
            return {name: ring.values() for name, ring in rings.items()}


class _Ring:
    """The last WINDOW values."""

    def __init__(self) -> None:
        self._values = np.empty(WINDOW, np.float64)
        self._count = 0

    def append(self, value: float) -> None:
        self._values[self._count % WINDOW] = value
        self._count += 1

    def values(self) -> NDArray[np.float64]:
        """A copy, in any order."""
        return self._values[: self._count].copy()


def _percentiles(values: NDArray[np.float64], unit: str) -> dict[str, float]:
    found = np.percentile(values, PERCENTILES)
    return {f"p{q}{unit}": round(float(value), 3) for q, value in zip(PERCENTILES, found, strict=True)}


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
    status = Path("/proc/self/status")
    if status.exists():  # Linux; its getrusage counts the process that started this one as well
        peak_kb = next(line.split()[1] for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return round(int(peak_kb) / 2**10, 1)
    try:
        import resource
    except ImportError:  # Windows
        return 0.0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (2**20 if sys.platform == "darwin" else 2**10), 1)
