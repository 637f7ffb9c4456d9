"""Measured time against budget → quality level. Fast down, slow up, longer hold-off after each failed step up."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from livecam.errors import ConfigError

HEAVY = (2.0, 4.0)  # loads above which one step more is taken
LEVELS = 4  # the heatmap is coloured at 1, 1/2, 1/4, 1/8 of the picture


@dataclass(frozen=True, slots=True)
class Change:
    """One step of the governor, for the log."""

    level: int
    reason: str


class Governor:
    """Chooses the quality level 0 (best) to 3 that keeps the work of a tick inside its budget.

    The load is the 90th percentile of busy time over the budget, in windows of ``window`` seconds. Above ``high`` the
    level goes down at once, by more where the load is heavier; below ``low`` for ``hold`` seconds it goes up by one. A
    step up that fails within ``hold`` seconds doubles the hold-off, at most ``hold_max`` (the rule of WebRTC's overuse
    detector).
    """

    def __init__(
        self,
        budget: float,
        *,
        high: float = 0.9,
        low: float = 0.5,
        window: float = 0.5,
        hold: float = 10.0,
        hold_max: float = 240.0,
    ) -> None:
        if budget <= 0:
            raise ConfigError(f"the governor's budget is a time above 0 s, not {budget}")
        self.level = 0
        self._budget, self._high, self._low, self._window = budget, high, low, window
        self._hold = self._hold_first = hold
        self._hold_max = hold_max
        self._busy: deque[tuple[float, float]] = deque()  # (end, seconds) of the window's ticks
        self._calm_since: float | None = None
        self._went_up_at: float | None = None

    def update(self, busy: float, now: float) -> Change | None:
        """Take the busy seconds of one tick that ended at ``now``. Returns the change of level, if there is one."""
        self._busy.append((now, busy))
        while len(self._busy) > 2 and now - self._busy[1][0] >= self._window:
            self._busy.popleft()
        if len(self._busy) < 2 or now - self._busy[0][0] < self._window:
            return None
        load = float(np.percentile([seconds for _, seconds in self._busy], 90)) / self._budget
        if load > self._high:
            self._calm_since = None
            return self._down(load, now)
        if load >= self._low:
            self._calm_since = None
            return None
        if self._calm_since is None:
            self._calm_since = now
        return self._up(load, now)

    def _down(self, load: float, now: float) -> Change | None:
        if self.level == LEVELS - 1:
            return None
        failed_up = self._went_up_at is not None and now - self._went_up_at < self._hold
        self._hold = min(self._hold * 2, self._hold_max) if failed_up else self._hold_first
        self._went_up_at = None
        steps = 1 + sum(load > heavy for heavy in HEAVY)
        return self._step(min(self.level + steps, LEVELS - 1), f"{load:.0%} of the time budget used")

    def _up(self, load: float, now: float) -> Change | None:
        if self.level == 0 or self._calm_since is None or now - self._calm_since < self._hold:
            return None
        self._calm_since, self._went_up_at = None, now
        return self._step(self.level - 1, f"{load:.0%} of the time budget used for {self._hold:.0f} s")

    def _step(self, level: int, reason: str) -> Change:
        self.level = level
        self._busy.clear()  # the next decision rests on the new level alone
        return Change(level, reason)
