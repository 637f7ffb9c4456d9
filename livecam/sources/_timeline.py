"""Presentation times that strictly increase, whatever the recording says."""

from __future__ import annotations


class Timeline:
    """Ticks of successive pictures. Good ones pass unchanged.

    A picture without a time (raw H.264, some AVI) follows its predecessor by the predecessor's duration. One that is
    not later than its predecessor is put one tick after it. A jump back by more than ``jump`` ticks is a recording
    that starts anew (concatenated, or the counter wrapped): what follows is shifted to the end of what was.

    >>> line = Timeline(step=10, jump=1000)
    >>> [line.place(pts, 10) for pts in (5000, 5010, 5010, None, 5030, 0, 10)]
    [5000, 5010, 5011, 5021, 5030, 5040, 5050]
    >>> line.repaired
    4
    """

    def __init__(self, step: int, jump: int) -> None:
        self.repaired = 0
        self._step = max(step, 1)
        self._jump = jump
        self._shift = 0
        self._last: int | None = None
        self._next = 0

    def place(self, pts: int | None, duration: int) -> int:
        """Ticks of the next picture. duration: ticks for which it is shown, 0 when unknown."""
        ticks = self._next if pts is None else pts + self._shift
        if pts is not None and self._last is not None and ticks <= self._last:
            ticks = self._repair(pts, ticks, self._last)
        self.repaired += pts is None or ticks != pts
        self._last, self._next = ticks, ticks + (duration or self._step)
        return ticks

    def _repair(self, pts: int, ticks: int, last: int) -> int:
        if last - ticks <= self._jump:
            return last + 1
        self._shift = self._next - pts
        return self._next
