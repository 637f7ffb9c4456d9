"""Work on a Ray cluster: ``--engine ray``. A worker that dies is replaced, and what it did is tried again."""

from __future__ import annotations

import logging
import re
import signal
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import ray
from ray.exceptions import RayError, RayTaskError

from livecam.annotating._lanes import TRIES, WAKE_S, T, Task
from livecam.errors import ConfigError, ModelError, first_line
from livecam.masking import masked
from livecam.threads import cores

CPUS = 2  # of a worker: one for the engine, one that decodes, paints and encodes
PATIENCE_S = 30.0
TIMEOUT_S = 5.0
STORE = 128 << 20  # bytes: what is passed are reports; pictures stay in files

log = logging.getLogger("livecam")


class _Worker:
    """An actor with two threads, so that it can be asked while it works. It keeps its explainer."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._frames = 0

    def ready(self) -> None:
        """Answers once it is there."""

    def do(self, task: Task) -> tuple[Any, int]:
        """Its result, and how many frames it had."""
        self._frames = 0
        return task(self._stop.is_set, self._seen), self._frames

    def stop(self) -> None:
        self._stop.set()

    def frames(self) -> int:
        """That its task has done so far."""
        return self._frames

    def _seen(self) -> None:
        self._frames += 1


@dataclass(slots=True)
class _Seat:
    """A worker, what it does, and what has been asked of it."""

    actor: Any
    answer: Any  # a reference to what is to come: that it is there, or the result of its task
    task: Any = None
    tries: int = 0
    asked: Any = None  # a reference to the number of frames
    frames: int = 0


class Cluster:
    """``count`` actors, each with one task at a time; None: as many as the cluster has room for now. address: of the
    cluster; "local": one is started on this machine, and ended with this; neither where this process is
    connected to one already. A context manager.

    Never more tasks are under way than there are workers. Raises ConfigError when the cluster cannot be reached.
    """

    threads = 1
    here = False

    def __init__(self, address: str, count: int | None = None, *, gpus: bool = False) -> None:
        self._connection = _Connection(address, count)
        self.count: int = count or max(1, int(ray.cluster_resources().get("CPU", 0)) // CPUS)
        self._new = ray.remote(_Worker).options(num_cpus=CPUS, num_gpus=int(gpus), max_concurrency=2).remote
        self._seats: list[_Seat] = []
        self._frames = 0  # of the tasks that are done
        self._lost = 0  # workers in a row that were gone before they began

    def run(
        self, tasks: Sequence[T], stop: Callable[[], bool], told: Callable[[int], object] = id
    ) -> Generator[tuple[T, Any], None, None]:
        waiting, stopping, started = deque((task, 1) for task in tasks), False, time.monotonic()
        self._frames = 0
        try:
            while waiting or any(seat.task for seat in self._seats):
                if stop() and not stopping:
                    stopping = True
                    waiting.clear()
                    for seat in self._seats:
                        seat.actor.stop.remote()
                    continue
                while len(self._seats) < min(self.count, len(waiting) + sum(bool(seat.task) for seat in self._seats)):
                    self._hire()
                for seat in self._seats:
                    if waiting and seat.answer is None:
                        seat.task, seat.tries = waiting.popleft()
                        seat.answer = seat.actor.do.remote(seat.task)
                if started and time.monotonic() - started > PATIENCE_S and not any(seat.task for seat in self._seats):
                    log.warning("the cluster has no %d free CPUs for a worker yet; waiting for some", CPUS)
                    started = 0.0
                told(self._frames + self._under_way())
                for seat in self._answered():
                    yield from self._ended(seat, waiting)
        finally:
            self._let_go([seat for seat in self._seats if seat.task])

    def _let_go(self, busy: list[_Seat]) -> None:
        """Nobody waits for these any more: what they return is not the next run's."""
        for seat in busy:
            seat.actor.stop.remote()
        if busy:
            ray.wait([seat.answer for seat in busy], num_returns=len(busy), timeout=TIMEOUT_S)
        for seat in busy:
            ray.kill(seat.actor)
            self._seats.remove(seat)

    def _answered(self) -> list[_Seat]:
        pending = {seat.answer: seat for seat in self._seats if seat.answer is not None}
        if not pending:
            return []
        ready, _ = ray.wait(list(pending), num_returns=len(pending), timeout=WAKE_S)
        return [pending[one] for one in ready]

    def _ended(self, seat: _Seat, waiting: deque[tuple[T, int]]) -> Iterator[tuple[T, Any]]:
        """What has come of the task of ``seat``, if it was one. It is free again, or gone."""
        task, tries = seat.task, seat.tries
        try:
            answer = ray.get(seat.answer)
        except RayTaskError as error:
            result = error.cause if isinstance(error.cause, Exception) else error
            result.__cause__ = error
        except RayError as error:
            ray.kill(seat.actor)  # it may only be out of reach
            self._seats.remove(seat)
            if task is None:
                self._lost += 1
                if self._lost < TRIES:
                    return
                raise ModelError(
                    f"the cluster's workers cannot begin ({first_line(error)}); has each node "
                    "livecam, Ray and Python of the same versions as this one?"
                ) from error
            if tries < TRIES:
                log.warning("%s: its worker died, try %d of %d", task.name, tries, TRIES)
                waiting.appendleft((task, tries + 1))
                return
            result = ModelError(f"{task.name}: {TRIES} workers have died of it; is there enough memory?")
        else:
            self._lost = 0
            result, frames = answer or (None, 0)
            self._frames += frames
        seat.task = seat.answer = seat.asked = None
        seat.frames = 0
        if task is not None:
            yield task, result

    def _under_way(self) -> int:
        """Frames of the tasks that are not done yet."""
        for seat in self._seats:
            if seat.task is None:
                continue
            if seat.asked is None:
                seat.asked = seat.actor.frames.remote()
            elif ray.wait([seat.asked], timeout=0)[0]:
                asked, seat.asked = seat.asked, None
                try:
                    seat.frames = ray.get(asked)
                except RayError:
                    continue  # its task says so, too
        return sum(seat.frames for seat in self._seats)

    def _hire(self) -> None:
        actor = self._new()
        self._seats.append(_Seat(actor, actor.ready.remote()))

    def close(self) -> None:
        """End the workers, and the cluster if it was started here. Twice is harmless."""
        for seat in self._seats:
            ray.kill(seat.actor)
        self._seats.clear()
        self._connection.close()

    def __enter__(self) -> Cluster:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Connection:
    """Of this process: the first of those who work at the same time makes it, the last one ends it, unless the caller
    has made it. ``close`` twice is harmless."""

    _lock = threading.Lock()
    _users = 0
    _mine = False

    def __init__(self, address: str, count: int | None) -> None:
        self._open = False
        with self._lock:
            if not ray.is_initialized():
                _connect(address, count)
                _Connection._mine = True
            _Connection._users += 1
            self._open = True

    def close(self) -> None:
        with self._lock:
            if not self._open:
                return
            self._open = False
            _Connection._users -= 1
            if _Connection._mine and not _Connection._users:
                _Connection._mine = False
                ray.shutdown()


def _connect(address: str, count: int | None) -> None:
    started: dict[str, Any] = {}
    if address == "local":
        started = {
            "num_cpus": max(cores(), CPUS * (count or 1)),
            "include_dashboard": False,
            "object_store_memory": STORE,
        }
    handled = signal.getsignal(signal.SIGTERM)
    try:
        if found := re.fullmatch(r"(?:ray://)?([^/:]+):(\d+)", address):  # Ray would try for minutes
            socket.create_connection((found[1], int(found[2])), TIMEOUT_S).close()
        ray.init(address, log_to_driver=False, logging_level=logging.CRITICAL, **started)
    except (OSError, RuntimeError, ValueError) as error:
        raise ConfigError(
            f"RAY_ADDRESS={masked(address)}: no Ray cluster answers ({first_line(error)}); "
            "check the address, or unset it to start one here"
        ) from error
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, handled)  # Ray's handler would exit at once
