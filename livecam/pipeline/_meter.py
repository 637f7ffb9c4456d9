"""What a live run measures of itself, for the HUD, the report and /metrics. Bounded: a kiosk runs for weeks."""

from __future__ import annotations

from typing import Any

from livecam.clock import Clock
from livecam.stats import RateMeter, Stats
from livecam.types import Faithfulness, Frame

LATE = 1.5  # periods after which a deadline counts as missed


class Meter:
    """Ages, rates and pacing of what is shown. Each method is called by one thread; ``state`` by any.

    Measures, each as p50, p95 and p99 of the last ``stats.WINDOW`` values:
    capture_age_ms      age of a picture (since it was captured) when the sinks have taken it
    display_age_ms      age of a picture when the next one replaces it: the oldest that the viewer sees
    explanation_age_ms  by how much the explained picture was captured before the shown one
    sync_error_frames   by how many frames the two differ
    pacing_jitter_ms    by how much the time between two pictures differs from the period
    hot_hidden_drop_points, cold_hidden_drop_points  percentage points by which the probability of the explained class
                        falls when the hottest part is hidden, and a cold one
    """

    def __init__(self, stats: Stats, clock: Clock) -> None:
        self.camera, self.shown, self.explained = RateMeter(), RateMeter(), RateMeter()
        self.missed, self.longest_gap = 0, 0.0
        self.explanation_age: float | None = None
        self._stats, self._clock = stats, clock
        self._captured_at: float | None = None
        self._last: float | None = None

    def presented(self, frame: Frame, explained: Frame | None, period: float) -> None:
        """A new picture has been taken by the sinks; ``period``: seconds that were meant to pass since the last."""
        now = self._clock.now()
        self.shown.add(now)
        self._stats.measure("capture_age_ms", 1000 * (now - frame.captured_at))
        if self._captured_at is not None:
            self._stats.measure("display_age_ms", 1000 * (now - self._captured_at))
        self.explanation_age = None if explained is None else frame.captured_at - explained.captured_at
        if explained is not None and self.explanation_age is not None:
            self._stats.measure("explanation_age_ms", 1000 * self.explanation_age)
            self._stats.measure("sync_error_frames", abs(frame.index - explained.index))
        if self._last is not None:
            gap = now - self._last
            self._stats.measure("pacing_jitter_ms", 1000 * abs(gap - period))
            self.missed += max(0, round(gap / period) - 1) if gap > LATE * period else 0
            self.longest_gap = max(self.longest_gap, gap)
        self._captured_at, self._last = frame.captured_at, now

    def checked(self, faithfulness: Faithfulness) -> None:
        self._stats.measure("hot_hidden_drop_points", 100 * faithfulness.drop)
        self._stats.measure("cold_hidden_drop_points", 100 * faithfulness.control_drop)

    def rest(self) -> None:
        """What stands still because it is to says nothing about pacing."""
        self._last = self._captured_at = None

    def state(self) -> dict[str, Any]:
        return {
            "camera_fps": round(self.camera.rate, 2),
            "shown_fps": round(self.shown.rate, 2),
            "explained_fps": round(self.explained.rate, 2),
            "missed_deadlines": self.missed,
            "longest_gap_ms": round(1000 * self.longest_gap, 3),
            "measures": self._stats.measures(),
        }
