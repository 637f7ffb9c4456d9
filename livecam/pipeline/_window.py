"""The pictures of the last moments, for networks over clips."""

from __future__ import annotations

from collections import deque

from livecam.types import Picture

SLACK_S = 1e-3  # times of frames are rounded


class Window:
    """frames: of a window. step_s: seconds from one to the next, whatever the rate at which pictures come."""

    def __init__(self, frames: int, step_s: float) -> None:
        self._ages = [step_s * back for back in reversed(range(frames))]
        self._held: deque[tuple[float, Picture]] = deque()

    def add(self, picture: Picture, now: float) -> list[Picture]:
        """The window that ends at ``picture``, of time ``now``, oldest first; before the first picture it is that one.
        A jump back in time begins anew."""
        if self._held and now < self._held[-1][0]:
            self._held.clear()
        self._held.append((now, picture))
        while len(self._held) > 1 and self._held[1][0] <= now - self._ages[0] + SLACK_S:
            self._held.popleft()
        return [self._at(now - age + SLACK_S) for age in self._ages]

    def _at(self, time: float) -> Picture:
        """The newest that is not later."""
        return next((picture for at, picture in reversed(self._held) if at <= time), self._held[0][1])
