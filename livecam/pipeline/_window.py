"""The pictures of the last moments, for networks over clips."""

from __future__ import annotations

import threading
from collections import deque

from livecam.types import Picture

SLACK_S = 1e-3  # times of frames are rounded


class Window:
    """frames: of a window. step_s: seconds from one to the next, whatever the rate at which pictures come. One thread
    may add pictures while another asks for windows."""

    def __init__(self, frames: int, step_s: float) -> None:
        self._ages = [step_s * back for back in reversed(range(frames))]
        self._held: deque[tuple[float, Picture]] = deque()
        self._lock = threading.Lock()

    def add(self, picture: Picture, now: float) -> None:
        """The next picture, of time ``now``. A jump back in time begins anew."""
        with self._lock:
            if self._held and now < self._held[-1][0]:
                self._held.clear()
            self._held.append((now, picture))
            while len(self._held) > 1 and self._held[1][0] <= now - self._ages[0] + SLACK_S:
                self._held.popleft()

    def ending(self, picture: Picture, now: float) -> list[Picture]:
        """The window that ends at ``picture``, of time ``now``, which was added; oldest first. Of each moment the
        newest picture that is not later; before the first picture it is that one."""
        with self._lock:
            held = [one for one in self._held if one[0] <= now] or [(now, picture)]
        moments = (now - age + SLACK_S for age in self._ages[:-1])
        return [next((one for at, one in reversed(held) if at <= time), held[0][1]) for time in moments] + [picture]
