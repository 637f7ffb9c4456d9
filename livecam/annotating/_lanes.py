"""Work in processes of their own: ``--jobs N``. A process that dies is replaced, and what it did is tried again."""

from __future__ import annotations

import logging
import multiprocessing
import os
import queue
import signal
import threading
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from multiprocessing.sharedctypes import Synchronized
from typing import Any, Protocol, TypeVar

from livecam.channel import Channel, Closed, Full
from livecam.errors import ModelError
from livecam.threads import beside_an_encoder

TRIES = 3  # of one task, when the processes die of it
WAKE_S = 0.1
_SPAWN = multiprocessing.get_context("spawn")

log = logging.getLogger("livecam")


class Task(Protocol):
    """Pickled on its way to a process. What it returns, or raises, comes back."""

    @property
    def name(self) -> str: ...

    def __call__(self, stop: Callable[[], bool], seen: Callable[[], object]) -> Any:
        """Do it; when ``stop()``, end soon. ``seen()`` is called once a frame."""
        ...


T = TypeVar("T", bound=Task)


class Workers(Protocol):
    """Processes that do tasks, here or on other machines."""

    @property
    def count(self) -> int: ...

    @property
    def threads(self) -> int:
        """Of the engine in each."""
        ...

    @property
    def here(self) -> bool:
        """Are all on this machine, and see its temporary files?"""
        ...

    def run(
        self, tasks: Sequence[T], stop: Callable[[], bool], told: Callable[[int], object] = ...
    ) -> Generator[tuple[T, Any], None, None]:
        """(task, result) as they finish; a task's failure is its result. Once ``stop()``, no task is begun, and those
        that are under way are asked to end; what they return still comes. ``told`` hears how many frames are done."""
        ...


class Lanes:
    """``count`` processes of this machine, each with one task at a time."""

    here = True

    def __init__(self, count: int) -> None:
        self.count = count
        self.threads = max(1, beside_an_encoder() // count)
        self._counters = [_SPAWN.Value("q", 0) for _ in range(count)]  # frames that each has done
        self._pids: dict[int, int] = {}
        self._stopped = threading.Event()

    def run(
        self, tasks: Sequence[T], stop: Callable[[], bool], told: Callable[[int], object] = id
    ) -> Generator[tuple[T, Any], None, None]:
        self._stopped.clear()
        for counter in self._counters:
            counter.value = 0
        waiting: queue.SimpleQueue[T] = queue.SimpleQueue()
        for task in tasks:
            waiting.put(task)
        done: Channel[tuple[T, Any]] = Channel(self.count, Full.WAIT)
        threads = [
            threading.Thread(target=self._lane, args=(number, waiting, done), name="livecam-lane", daemon=True)
            for number in range(min(self.count, len(tasks)))
        ]
        if stop():
            return
        for thread in threads:
            thread.start()
        try:
            while any(thread.is_alive() for thread in threads):
                if stop() and not self._stopped.is_set():
                    self.stop()
                told(sum(counter.value for counter in self._counters))
                with suppress(TimeoutError):
                    yield done.get(WAKE_S)
            done.close()
            with suppress(Closed):
                while True:
                    yield done.get()
        finally:
            self.stop()
            done.discard()
            for thread in threads:
                thread.join()

    def stop(self) -> None:
        """Ask the processes to end. Twice is harmless."""
        self._stopped.set()
        for pid in list(self._pids.values()):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)

    def _lane(self, number: int, waiting: queue.SimpleQueue[T], done: Channel[tuple[T, Any]]) -> None:
        pool: ProcessPoolExecutor | None = None
        counter = self._counters[number]
        try:
            while not self._stopped.is_set():
                try:
                    task = waiting.get_nowait()
                except queue.Empty:
                    return
                before = counter.value
                for tried in range(1, TRIES + 1):
                    pool = pool or self._pool(number)
                    if self._stopped.is_set():
                        return
                    result = self._result(pool, task)
                    if not isinstance(result, BrokenProcessPool):
                        break
                    pool.shutdown()
                    pool, counter.value = None, before
                    if self._stopped.is_set():
                        return
                    log.warning("%s: its process died, try %d of %d", task.name, tried, TRIES)
                else:
                    result = ModelError(f"{task.name}: {TRIES} processes have died of it; is there enough memory?")
                done.put((task, result))
        except Closed:
            return
        finally:
            self._pids.pop(number, None)
            if pool is not None:
                pool.shutdown()

    def _pool(self, number: int) -> ProcessPoolExecutor:
        pool = ProcessPoolExecutor(1, _SPAWN, _prepare, (self._counters[number],))
        with suppress(BrokenProcessPool):  # said again by the first task
            self._pids[number] = pool.submit(os.getpid).result()
        return pool

    @staticmethod
    def _result(pool: ProcessPoolExecutor, task: T) -> Any:
        try:
            return pool.submit(_do, task).result()
        except Exception as error:  # noqa: BLE001  it is told to who waits for the task
            return error


_stop = threading.Event()
_counter: Synchronized[int]


def _prepare(counter: Synchronized[int]) -> None:
    """Of a process: Ctrl-C reaches the whole group, and the one who has started it says when to stop."""
    global _counter
    _counter = counter
    threading.Thread(target=_end_with_parent, name="livecam-orphan", daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: _stop.set())


def _end_with_parent() -> None:
    """A parent that was killed asks nobody to end, and the pool waits for it for ever. Its next run does the work."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _do(task: Task) -> Any:
    return task(_stop.is_set, _seen)


def _seen() -> None:
    _counter.value += 1  # one process writes it
