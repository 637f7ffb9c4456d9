"""Measured time against budget → a rung of the ladder. Fast down, slow up, longer hold-off after a failed step up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from livecam.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Level:
    """One rung: what is done at most, each beside the best.

    quality: the heatmap is coloured at 1, 1/2, 1/4, 1/8 of the picture (0 to 3). every: the network explains every
    n-th picture, its map is carried along in between. input: share of the network's input size. size: share of the
    picture's width and height. rate: share of the frame rate. cost: busy time of a tick, a guess by which a step is
    chosen, measured afterwards.
    """

    title: str
    quality: int = 0
    every: int = 1
    input: float = 1.0
    size: float = 1.0
    rate: float = 1.0
    cost: float = 1.0


# Cheapest to see first. The network and the display share a machine, so that explaining less makes a tick faster, too.
LADDER = (
    Level("full quality"),
    Level("heatmap at 1/2", 1, cost=0.8),
    Level("heatmap at 1/4", 2, cost=0.7),
    Level("heatmap at 1/8", 3, cost=0.65),
    Level("every 2nd picture explained", 3, 2, cost=0.55),
    Level("every 3rd picture explained", 3, 3, cost=0.5),
    Level("network's input at 6/7", 3, 3, 6 / 7, cost=0.45),  # 192 of 224
    Level("network's input at 5/7", 3, 3, 5 / 7, cost=0.42),  # 160 of 224
    Level("picture at 1/2", 3, 3, 5 / 7, 0.5, cost=0.25),
    Level("frame rate at 4/5", 3, 3, 5 / 7, 0.5, 0.8, cost=0.25),  # 24 of 30
    Level("frame rate at 1/2", 3, 3, 5 / 7, 0.5, 0.5, cost=0.25),  # 15 of 30
)
STARVED = 0.25  # share of pictures that the network misses, from which on it is in the way of the display


@dataclass(frozen=True, slots=True)
class Change:
    """One step of the governor, for the log."""

    level: int
    reason: str


def fixed_size() -> tuple[Level, ...]:
    """The ladder for sinks that cannot take pictures of another size in mid-stream, as a recording."""
    whole = [level for level in LADDER if level.size == 1.0]
    slower = [replace(level, size=1.0, cost=whole[-1].cost) for level in LADDER if level.rate < 1.0]
    return (*whole, *slower)


def shared_tick() -> tuple[Level, ...]:
    """The ladder of one of several cameras that are shown together: neither its size nor its rate is its own."""
    return tuple(level for level in LADDER if level.size == level.rate == 1.0)


class Governor:
    """Chooses the rung of ``ladder`` that keeps the work of a tick inside its budget.

    The load is the 90th percentile of busy time over the time that a tick of the rung has, in windows of ``window``
    seconds. Above ``high`` the level goes down at once, to the first whose predicted load is below it. It goes up when
    the load predicted for the level above has been at most ``low`` for ``hold`` seconds: by one, or, where no step up
    has failed, as far as the prediction stays under half of ``high``. A step up that fails within the hold-off doubles
    it, at most to ``hold_max`` (the rule of WebRTC's overuse detector). Rungs that ``skip`` (asked with their number)
    says are not there now are left out; nothing goes below the last one.
    """

    def __init__(
        self,
        budget: float,
        ladder: tuple[Level, ...] = LADDER,
        *,
        skip: Callable[[int], bool] = lambda _number: False,
        high: float = 0.9,
        low: float = 0.7,
        window: float = 0.5,
        hold: float = 10.0,
        hold_max: float = 240.0,
    ) -> None:
        if budget <= 0:
            raise ConfigError(f"the governor's budget is a time above 0 s, not {budget}")
        self.level = 0
        self.ladder = ladder
        self._budget, self._skip = budget, skip
        self._high, self._low, self._window = high, low, window
        self._hold = self._hold_first = hold
        self._hold_max = hold_max
        self._busy: list[float] = []  # seconds of the window's ticks
        self._since: float | None = None  # end of the tick before them
        self._calm_since: float | None = None
        self._went_up_at: float | None = None

    def update(self, busy: float, now: float, starved: float = 0.0) -> Change | None:
        """Take the busy seconds of one tick that ended at ``now``. Returns the change of level, if there is one.

        starved: share of the pictures meant for the network that it could not take. A slow network alone is no
        overload, for maps are carried along; but where the display is late as well, it is the network that is in its
        way, and the step goes down to a rung that explains less.
        """
        if self._since is None:
            self._since = now
            return None
        self._busy.append(busy)
        if now - self._since < self._window:
            return None
        busy = float(np.percentile(self._busy, 90))
        self._busy.clear()
        self._since = now
        load = self._predicted(busy, self.level)
        if load > self._high:
            self._calm_since = None
            return self._down(busy, now, starved)
        above = next((number for number in reversed(range(self.level)) if not self._skip(number)), None)
        if self._predicted(busy, self.level if above is None else above) > self._low:
            self._calm_since = None
            return None
        if self._calm_since is None:
            self._calm_since = now
        if above is None or now - self._calm_since < self._hold:
            return None
        return self._up(busy, above, now)

    def rest(self) -> None:
        """Nothing is shown that says anything about the load (a pause, a silent camera): measure afresh."""
        self._busy.clear()
        self._since = self._calm_since = None

    def calm(self, now: float) -> float:
        """Seconds for which there has been time to spare."""
        return 0.0 if self._calm_since is None else now - self._calm_since

    def _predicted(self, busy: float, number: int) -> float:
        """Load at a level, from the busy seconds of a tick at the present one."""
        level = self.ladder[number]
        return busy * level.cost / self.ladder[self.level].cost * level.rate / self._budget

    def _down(self, busy: float, now: float, starved: float) -> Change | None:
        below = [number for number in range(self.level + 1, len(self.ladder)) if not self._skip(number)]
        if starved > STARVED:
            below = [number for number in below if self.ladder[number].every > 1]
        if not below:
            return None
        failed_up = self._went_up_at is not None and now - self._went_up_at < self._hold
        self._hold = min(self._hold * 2, self._hold_max) if failed_up else self._hold_first
        self._went_up_at = None
        enough = [number for number in below if self._predicted(busy, number) <= self._high]
        also = f", {starved:.0%} of the pictures missed by the network" if starved > STARVED else ""
        reason = f"{self._predicted(busy, self.level):.0%} of the time budget used{also}"
        return self._step(enough[0] if enough else below[-1], reason)

    def _up(self, busy: float, above: int, now: float) -> Change:
        self._went_up_at = now
        load = self._predicted(busy, self.level)
        ample = [
            number
            for number in range(above)
            if self._hold == self._hold_first
            and not self._skip(number)
            and self._predicted(busy, number) <= self._high / 2
        ]
        reason = f"{load:.0%} of the time budget used for {self._hold:.0f} s"
        return self._step(ample[0] if ample else above, reason)

    def _step(self, level: int, reason: str) -> Change:
        self.level = level
        self.rest()  # the next decision rests on the new level alone
        return Change(level, reason)
