"""Channel: the only thing that two threads share."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from enum import Enum
from typing import Generic, TypeVar

T = TypeVar("T")


class Full(Enum):
    """What ``put`` does when the channel is full."""

    WAIT = "wait"  # until the reader has made room: nothing is lost
    LATEST = "latest"  # the oldest item is dropped and counted: the reader sees the newest


class Closed(Exception):  # an end, not an error
    """The other end has closed the channel; for a reader also: and everything in it has been read."""


class Channel(Generic[T]):
    """Bounded queue with an end. ``close(error)`` wakes both ends; the reader is raised ``error`` after the last item.

    >>> channel = Channel[int](2, Full.LATEST)
    >>> for number in (1, 2, 3): channel.put(number)
    >>> channel.close()
    >>> list(channel), channel.dropped
    ([2, 3], 1)
    """

    def __init__(self, capacity: int, full: Full) -> None:
        self.dropped = 0
        self._items: deque[T] = deque()
        self._capacity = capacity
        self._full = full
        self._closed = False
        self._error: BaseException | None = None
        self._changed = threading.Condition()

    def put(self, item: T) -> None:
        """Raises Closed when nobody reads any more."""
        with self._changed:
            if self._full is Full.WAIT:
                self._changed.wait_for(lambda: self._closed or len(self._items) < self._capacity)
            if self._closed:
                raise Closed
            if len(self._items) == self._capacity:
                self._items.popleft()
                self.dropped += 1
            self._items.append(item)
            self._changed.notify_all()

    def get(self, timeout: float | None = None) -> T:
        """The oldest item. Raises TimeoutError after ``timeout`` seconds, at the end Closed, or the writer's error."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._items or self._closed, timeout):
                raise TimeoutError
            if self._items:
                item = self._items.popleft()
                self._changed.notify_all()
                return item
            if self._error is not None:
                raise self._error
            raise Closed

    def close(self, error: BaseException | None = None) -> None:
        """End of the stream, with the reason if it is a failure. The first close counts."""
        with self._changed:
            if not self._closed:
                self._closed, self._error = True, error
                self._changed.notify_all()

    def discard(self) -> None:
        """The reader wants no more: what is queued is thrown away, the writer's next ``put`` raises Closed."""
        with self._changed:
            self._items.clear()
            self._closed = True
            self._changed.notify_all()

    def __iter__(self) -> Iterator[T]:
        while True:
            try:
                yield self.get()
            except Closed:
                return
