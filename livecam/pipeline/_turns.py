"""Who is served next, of several who each have one thing waiting: whoever has waited longest."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from livecam.channel import Closed

T = TypeVar("T")


class Turns(Generic[T]):
    """The newest item of each of several writers, for one reader. Any thread may write, each at its own ``Place``.

    A writer stands in line once, from its first item on until it is served; meanwhile newer items replace that one, and
    it keeps its place. So nobody is served twice before somebody who stood in line already, however fast it writes.

    together: how many may be served in one turn, if ``alike`` (item → key) is the same for them: the first in line,
    and whoever is like it, however far behind; the others lose no turn by that.

    >>> turns = Turns[str](2)
    >>> fast, slow = turns.places
    >>> for item in ("f1", "f2"): fast.put(item)
    >>> slow.put("s1"); fast.put("f3")
    >>> turns.get(), turns.get(), fast.dropped
    ([(0, 'f3')], [(1, 's1')], 2)
    """

    def __init__(self, writers: int, together: int = 1, alike: Callable[[T], object] = id) -> None:
        self._together, self._alike = together, alike
        self._line: dict[int, T] = {}  # in the order of arrival
        self._open = writers
        self._discarded = False
        self._changed = threading.Condition()
        self.places = tuple(Place(self, number) for number in range(writers))

    def get(self) -> list[tuple[int, T]]:
        """Whose turn it is: their numbers and items, in the order in which they came. Raises Closed when nothing is
        left and all writers have closed their places, or after ``discard``."""
        with self._changed:
            self._changed.wait_for(lambda: self._line or not self._open or self._discarded)
            if self._discarded or not self._line:
                raise Closed
            key = self._alike(next(iter(self._line.values())))
            served = [number for number, item in self._line.items() if self._alike(item) == key][: self._together]
            return [(number, self._line.pop(number)) for number in served]

    def discard(self) -> None:
        """The reader wants no more: nobody waits any longer, the next ``put`` raises Closed."""
        with self._changed:
            self._discarded = True
            self._changed.notify_all()

    def _put(self, number: int, item: T) -> bool:
        """True when an item that waited was replaced."""
        with self._changed:
            if self._discarded:
                raise Closed
            replaced = number in self._line
            self._line[number] = item  # a dict: who is in it keeps its place
            self._changed.notify_all()
            return replaced

    def _leave(self) -> None:
        with self._changed:
            self._open -= 1
            self._changed.notify_all()


class Place(Generic[T]):
    """The end of one writer. ``dropped``: items that a newer one has replaced."""

    def __init__(self, turns: Turns[T], number: int) -> None:
        self.dropped = 0
        self._turns, self._number = turns, number
        self._closed = False

    def put(self, item: T) -> None:
        """Never waits. Raises Closed when nobody reads any more."""
        self.dropped += self._turns._put(self._number, item)

    def close(self) -> None:
        """No more items. Twice is harmless."""
        if not self._closed:
            self._closed = True
            self._turns._leave()
