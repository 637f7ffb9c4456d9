"""Parts that are made where this machine's files are not seen: the input is fetched there, what is made is put."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from livecam import remote
from livecam.annotating._lanes import T, Workers
from livecam.annotating._long import PartTask
from livecam.annotating._part_work import PartFiles
from livecam.errors import SinkError, SourceError
from livecam.masking import masked
from livecam.remote import is_remote


@dataclass(frozen=True, slots=True)
class Depot:
    """Finished parts of one recording in the folder at ``url``. They stay until the recording is complete."""

    url: str

    def give(self, files: PartFiles) -> None:
        """Put the files of a part, its report last. Raises SinkError."""
        remote.drop(self._at(files.paths[-1]))
        for path in files.paths:
            remote.put(path, self._at(path), force=True)

    def take(self, files: PartFiles, stop: Callable[[], bool]) -> bool:
        """Fetch the files of a finished part; False when it is not there, or ``stop()`` came first. Raises SourceError,
        SinkError."""
        return self._take(files.paths, stop)

    def take_memory(self, files: PartFiles, stop: Callable[[], bool]) -> bool:
        """What the part after it goes on from."""
        return self._take(files.paths[-2:], stop)

    def _take(self, paths: Sequence[Path], stop: Callable[[], bool]) -> bool:
        there = remote.exists(self._at(paths[-1]))
        return there and all(remote.fetch(self._at(path), path, stop) for path in paths)

    def _at(self, path: Path) -> str:
        return f"{self.url}/{path.name}"


@dataclass(frozen=True, slots=True)
class FarTask:
    """``task`` where its files are not seen. spec, version: the recording, fetched when it is an address, and what
    ``remote.identity`` says of it; depot: where the part goes; None: into the task's folder."""

    task: PartTask
    spec: str
    version: list[Any] | None
    depot: Depot | None

    @property
    def name(self) -> str:
        return self.task.name

    def __call__(self, stop: Callable[[], bool], seen: Callable[[], object]) -> Any:
        """What the task returns; None when ``stop()`` came first."""
        here = self.spec if self.version is None else _fetched(self.spec, self.version, stop)
        if here is None:
            return None
        task = replace(self.task, spec=here)
        if self.depot is None:
            return task(stop, seen)
        with tempfile.TemporaryDirectory(prefix="livecam-", ignore_cleanup_errors=True) as name:
            folder, number = Path(name), self.task.part.number
            if number:
                self.depot.take_memory(PartFiles(folder, number - 1, task.suffix), stop)
            result = replace(task, folder=folder)(stop, seen)
            if result[0].complete:
                self.depot.give(PartFiles(folder, number, task.suffix))
            return result


class FarWorkers:
    """``workers`` for the parts of ``spec``. What they make is fetched from ``depot`` when all are made: a worker
    would have nothing to do meanwhile."""

    here = False

    def __init__(self, workers: Workers, spec: str, depot: Depot | None) -> None:
        self.count, self.threads = workers.count, workers.threads
        self._workers, self._spec, self._depot = workers, spec, depot
        self._version = remote.identity(spec) if is_remote(spec) else None

    def run(
        self, tasks: Sequence[T], stop: Callable[[], bool], told: Callable[[int], object] = id
    ) -> Generator[tuple[T, Any], None, None]:
        far = [FarTask(cast("PartTask", task), self._spec, self._version, self._depot) for task in tasks]
        made: list[tuple[PartTask, Any]] = []
        with closing(self._workers.run(far, stop, told)) as results:
            for one, result in results:
                if isinstance(result, BaseException):
                    yield cast("T", one.task), result
                elif result is not None:
                    made.append((one.task, result))
        for task, result in made:
            files = PartFiles(task.folder, task.part.number, task.suffix)
            if self._depot and not (result[0].complete and self._depot.take(files, stop)):
                if stop():
                    return
                raise SinkError(f"{masked(self._depot.url)}: a finished part is gone; does another run make the same?")
            yield cast("T", task), result


@dataclass(frozen=True, slots=True)
class _Input:
    spec: str
    version: list[Any]
    path: str
    holds: ExitStack


_input: _Input | None = None


def _fetched(spec: str, version: list[Any], stop: Callable[[], bool]) -> str | None:
    """Where this process has the recording, fetched once for all its parts; None when ``stop()`` came first. Raises
    SourceError, SinkError."""
    global _input
    if _input and (_input.spec, _input.version) == (spec, version):
        return _input.path
    if _input:
        _input.holds.close()
        _input = None
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="livecam-", ignore_cleanup_errors=True))
        path = Path(folder, remote.name_of(spec))
        if not remote.fetch(spec, path, stop):
            return None
        if remote.identity(spec) != version:
            raise SourceError(f"{masked(spec)}: has changed meanwhile; annotate it again")
        here = str(path)
        if sys.platform == "linux":  # workers are killed: a file without a name goes with its process
            file = path.open("rb")
            stack.close()
            here = f"/proc/self/fd/{stack.enter_context(file).fileno()}"
        _input = _Input(spec, version, here, stack.pop_all())
    return _input.path
