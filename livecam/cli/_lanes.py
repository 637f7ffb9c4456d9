"""Work in processes of their own: ``--jobs N``. A process that dies is replaced, and what it did is tried again."""

from __future__ import annotations

import logging
import multiprocessing
import os
import queue
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from typing import Any, Generic, Protocol, TypeVar

from livecam.channel import Channel, Closed, Full
from livecam.errors import ModelError

TRIES = 3  # of one task, when the processes die of it
WAKE_S = 0.1

log = logging.getLogger("livecam")


class Task(Protocol):
    """Pickled on its way to a process. What it returns, or raises, comes back."""

    @property
    def name(self) -> str: ...

    def __call__(self, stop: Callable[[], bool]) -> Any:
        """Do it; when ``stop()``, end soon."""
        ...


T = TypeVar("T", bound=Task)


class Lanes(Generic[T]):
    """``count`` processes, each with one task at a time. A context manager: leaving it ends them."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._pids: dict[int, int] = {}
        self._stopped = threading.Event()

    def run(self, tasks: Sequence[T], stop: Callable[[], bool]) -> Iterator[tuple[T, Any]]:
        """(task, result) as they finish; a task's failure is its result. Once ``stop()``, no task is begun, and those
        that are under way are asked to end; what they return still comes."""
        waiting: queue.SimpleQueue[T] = queue.SimpleQueue()
        for task in tasks:
            waiting.put(task)
        done: Channel[tuple[T, Any]] = Channel(self._count, Full.WAIT)
        threads = [
            threading.Thread(target=self._lane, args=(number, waiting, done), name="livecam-lane", daemon=True)
            for number in range(min(self._count, len(tasks)))
        ]
        if stop():
            return
        for thread in threads:
            thread.start()
        try:
            while any(thread.is_alive() for thread in threads):
                if stop() and not self._stopped.is_set():
                    self.stop()
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
        try:
            while not self._stopped.is_set():
                try:
                    task = waiting.get_nowait()
                except queue.Empty:
                    return
                for tried in range(1, TRIES + 1):
                    pool = pool or self._pool(number)
                    if self._stopped.is_set():
                        return
                    result = self._result(pool, task)
                    if not isinstance(result, BrokenProcessPool):
                        break
                    pool.shutdown()
                    pool = None
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
        pool = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), _prepare)
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


def _prepare() -> None:
    """Of a process: Ctrl-C reaches the whole group, and the one who has started it says when to stop."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: _stop.set())


def _do(task: Task) -> Any:
    return task(_stop.is_set)
