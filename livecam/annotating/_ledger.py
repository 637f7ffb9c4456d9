"""What a run of ``annotate`` finds of earlier ones: outputs that are done, and parts of those that are not."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from livecam._av import av
from livecam.config import Settings
from livecam.remote import identity, is_remote
from livecam.sinks import SinkOptions
from livecam.sinks._files import check_free, write_whole
from livecam.sinks.images import ImagesSink

FORMAT = 1  # of what is kept; another one knows nothing of what there is
LONGEST = 1 << 24  # characters of a job
TAIL = 1 << 16  # bytes in which a sidecar says how it ended
BLOCK, BLOCKS = 1 << 16, 16  # of a recording, that are looked at to know it again
ELSEWHERE = {
    "threads", "kiosk", "segment", "quota", "keep_free", "sync", "check", "target_fps", "size", "fps", "reconnect",
    "retry_delay", "stall_timeout",
}  # fmt: skip
"""Settings that do not change what is annotated."""


class Ledger:
    """Of one output. ``mark``: who made it of what, by which a finished output is known again; "" for a source that is
    no file, and for images, of which nothing is known.

    While an output is not complete, ``.OUT.parts`` lies beside it: the finished parts of a long recording, and
    ``job.json``: the mark, where the parts were cut, and the size and time of what an interrupted run has left. So a
    run that is killed at any moment leaves nothing that looks complete, or that the next one takes for a stranger's.
    """

    def __init__(self, spec: str, output: Path, settings: Settings, mark: str | None = None) -> None:
        self.output = output
        self.folder = output.with_name(f".{output.name}.parts")
        self._spec, self._settings, self._mark = spec, settings, mark

    @cached_property
    def mark(self) -> str:
        return mark_of(self._spec, self.output.name, self._settings) if self._mark is None else self._mark

    def done(self, beside: Iterable[Path]) -> bool:
        """Are the output, and the files ``beside`` it, complete, and what this run would make?"""
        return not self.job and self._is_marked() and all(map(_is_whole, beside))

    def _is_marked(self) -> bool:
        """Is the output ours, and is all there that its index names?"""
        try:
            with av.open(f"file:{self.output}") as container:
                indices = [stream.index_entries for stream in container.streams]
                end = max(index[len(index) - 1].pos + index[len(index) - 1].size for index in indices if len(index))
                marked = container.metadata.get("comment") == self.mark
                return bool(self.mark) and marked and end <= self.output.stat().st_size
        except (av.FFmpegError, OSError, ValueError):
            return False

    @property
    def job(self) -> dict[str, Any]:
        """What an earlier run has begun; {}: none has, or it was another job."""
        try:
            with (self.folder / "job.json").open(encoding="utf-8") as file:
                job = json.loads(file.read(LONGEST))
        except (OSError, ValueError, RecursionError):
            return {}
        return job if isinstance(job, dict) and self.mark and job.get("mark") == self.mark else {}

    def may_write(self, force: bool) -> bool:
        """Whether what exists is to be overwritten: forced, or what an interrupted run of this job has left there.
        Raises SinkError when the output may not be written."""
        force = force or self._is_left()
        check_free(self.output, SinkOptions(force=force))
        return force

    def _is_left(self) -> bool:
        """Is the output what an interrupted run of this job has left there, or one that was killed as it ended?"""
        job = self.job
        partial = job.get("partial")
        return (partial is not None and partial == _stamp(self.output)) or (bool(job) and self._is_marked())

    def begin(self, **job: Any) -> None:
        """The output is not complete from now on. job: what the next run has to know."""
        write_whole(self.folder / "job.json", json.dumps({"mark": self.mark, **job}).encode())

    def interrupted(self) -> None:
        """The output holds a part of what it will."""
        if self.mark:
            self.begin(**{**self.job, "partial": _stamp(self.output)})

    @contextmanager
    def in_one_piece(self) -> Iterator[None]:
        """The output is made as a whole within. After a failure, what is left there is no more than a part of it."""
        if self.mark:
            self.begin(partial=self.job.get("partial"))
        try:
            yield
        except BaseException:
            self.stopped()
            raise

    def stopped(self) -> None:
        """The run is over, and the output is not complete; perhaps there is none."""
        if self._is_left():
            self.interrupted()
        else:
            self.clear()

    def clear(self) -> None:
        """The output is complete, or another job begins."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _is_whole(path: Path) -> bool:
    """Is the file there? Of a sidecar: does it have its last line?"""
    try:
        with path.open("rb") as file:
            file.seek(max(path.stat().st_size - TAIL, 0))
            return path.suffix != ".jsonl" or file.read().splitlines()[-1].startswith(b'{"type": "end"')
    except (OSError, IndexError):
        return False


def mark_of(spec: str, output: str, settings: Settings) -> str:
    """What ``Ledger.mark`` is of the input ``spec``, for an output of this name. Raises SourceError when ``spec`` is an
    address and cannot be asked for."""
    source = Path(spec)
    if ImagesSink.matches(output) or not (is_remote(spec) or source.is_file()):
        return ""
    chosen = settings.model_dump(mode="json", exclude=ELSEWHERE)
    read = settings.weights, settings.labels, settings.model, *settings.like
    files = [Path(path) for path in read if path]
    known = [identity(spec) if is_remote(spec) else _identity(source)]
    known += [_identity(path) for path in files if path.is_file()]
    text = json.dumps([FORMAT, chosen, known, source.name], sort_keys=True)
    return f"livecam {hashlib.sha256(text.encode()).hexdigest()[:32]}"


def _stamp(path: Path) -> list[int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return [found.st_size, found.st_mtime_ns]


def _identity(path: Path) -> list[Any]:
    """The same for the same contents, wherever they are: the size, and what some blocks all over the file hold."""
    size, digest = path.stat().st_size, hashlib.sha256()
    with path.open("rb") as file:
        for number in range(BLOCKS):
            file.seek(max(size - BLOCK, 0) * number // (BLOCKS - 1))
            digest.update(file.read(BLOCK))
    return [size, digest.hexdigest()]
