"""The newest picture, encoded once for all who watch, and not at all when nobody does."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from livecam.types import AnnotatedFrame
from livecam.web.message import jpeg, pack

IN_FLIGHT = 2  # one on its way while one is drawn: a page as far as 30 ms away still gets every picture


@dataclass(frozen=True, slots=True)
class Coded:
    """A picture as it is sent: number of the message, from 1; the JPEG; the message with the JPEG in it."""

    number: int
    jpeg: bytes
    message: bytes


class Viewer:
    """One who watches. What it has not acknowledged counts; when that is too much, it is sent nothing, and whatever
    comes meanwhile is not for it: it goes on with the newest."""

    def __init__(self, broadcast: Broadcast) -> None:
        self.wake = asyncio.Event()
        self._broadcast = broadcast
        self._last = 0
        self._out: deque[tuple[int, float]] = deque()

    @property
    def ready(self) -> bool:
        return len(self._out) < IN_FLIGHT

    def next(self, now: float) -> Coded | None:
        """What to send now; it counts as sent at the time ``now``."""
        coded = self._broadcast.coded
        if coded is None or coded.number <= self._last or not self.ready:
            return None
        self._last = coded.number
        self._out.append((coded.number, now))
        return coded

    def acknowledge(self, number: int) -> None:
        """Everything up to ``number`` has arrived. A number that was never sent, or is no longer waited for, is no
        news."""
        if number > self._last:
            return
        while self._out and self._out[0][0] <= number:
            self._out.popleft()
        self.wake.set()
        self._broadcast.look()

    def waiting_since(self) -> float | None:
        """When the oldest message that is not acknowledged was sent; None: there is none."""
        return self._out[0][1] if self._out else None


class Broadcast:
    """Lives in an event loop; ``show`` alone may come from any thread."""

    def __init__(self) -> None:
        self.coded: Coded | None = None
        self.viewers: set[Viewer] = set()
        self.encoded = 0
        self.newest: AnnotatedFrame | None = None
        self._loop = asyncio.get_running_loop()
        self._fresh = asyncio.Event()
        self._encoded_of: AnnotatedFrame | None = None

    def show(self, annotated: AnnotatedFrame) -> None:
        """The newest picture. Never waits."""
        self.newest = annotated
        if self.viewers:
            with suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self._fresh.set)

    def look(self) -> None:
        """Somebody can take a picture."""
        self._fresh.set()

    @contextmanager
    def viewer(self) -> Iterator[Viewer]:
        viewer = Viewer(self)
        self.viewers.add(viewer)
        viewer.wake.set()
        self.look()
        try:
            yield viewer
        finally:
            self.viewers.discard(viewer)

    def wake(self) -> None:
        """Something else than a picture is news."""
        for viewer in self.viewers:
            viewer.wake.set()

    async def run(self) -> None:
        """Encode until cancelled. Raises SinkError when a picture cannot be encoded."""
        with ThreadPoolExecutor(1, "livecam-jpeg") as encoder:
            while True:
                await self._fresh.wait()
                self._fresh.clear()
                newest = self.newest
                if newest is None or newest is self._encoded_of or not any(one.ready for one in self.viewers):
                    continue
                number = self.encoded + 1
                self.coded = await self._loop.run_in_executor(encoder, _encode, newest, number)
                self._encoded_of, self.encoded = newest, number
                self.wake()


def _encode(annotated: AnnotatedFrame, number: int) -> Coded:
    data = jpeg(annotated)
    return Coded(number, data, pack(annotated, number, data))
