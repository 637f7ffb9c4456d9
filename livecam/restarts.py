"""When a worker that has died is started again. Pure: times in, seconds out."""

from __future__ import annotations

from collections import deque

SOON_S = 1.0
AT_MOST, WITHIN_S = 5, 60.0  # more restarts in that time help no more
PAUSE_S, LONGEST_PAUSE_S = 60.0, 900.0
WELL_S = 600.0  # a worker that has lived so long was well: what is wrong now is something new


class Restarts:
    """A second each, up to 5 in 60 seconds; then a pause of 60 seconds, twice as long each further time, up to 15
    minutes.

    >>> restarts = Restarts()
    >>> [restarts.delay(float(second), 0.5) for second in range(8)]
    [1.0, 1.0, 1.0, 1.0, 1.0, 60.0, 1.0, 1.0]
    """

    def __init__(self) -> None:
        self.count = 0
        self._recent: deque[float] = deque(maxlen=AT_MOST)
        self._pause_s = PAUSE_S

    def delay(self, now: float, lived_s: float) -> float:
        """Seconds to wait before the next start; the worker died at ``now`` and had lived for ``lived_s``."""
        self.count += 1
        if lived_s >= WELL_S:
            self._recent.clear()
            self._pause_s = PAUSE_S
        if len(self._recent) < AT_MOST or now - self._recent[0] > WITHIN_S:
            self._recent.append(now)
            return SOON_S
        self._recent.clear()
        pause_s, self._pause_s = self._pause_s, min(2 * self._pause_s, LONGEST_PAUSE_S)
        return pause_s
