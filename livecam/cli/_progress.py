"""The progress bar: on a terminal only, on stderr."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from types import TracebackType
from typing import TYPE_CHECKING

from livecam.cli._console import console
from livecam.types import Frame, SourceInfo

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn


class Bar:
    """Frames, share, speed, ETA. The share is of the claimed length, which is a hint and never a bound."""

    def __init__(self, name: str, source: SourceInfo, max_frames: int | None = None) -> None:
        self._source = source
        self._frames, self._start = 0, time.monotonic()
        claimed = source.duration_s * source.fps if source.duration_s and source.fps else source.frames
        self._total = min(claimed or float("inf"), max_frames or float("inf"))
        self._progress = _progress() if console().is_terminal else None
        if self._progress:
            total = None if self._total == float("inf") else self._total
            self._task = self._progress.add_task(name, total=total, speed="")

    def update(self, frame: Frame, decode_errors: int) -> None:
        self.at(self._frames + 1, decode_errors)

    def at(self, frames: int, decode_errors: int = 0) -> None:
        """So many are done."""
        self._frames = frames
        if self._progress is None:
            return
        rate = self._frames / max(time.monotonic() - self._start, 1e-6)
        real_time = f" · {rate / self._source.fps:.1f}× real time" if self._source.fps else ""
        damaged = f" · {decode_errors} damaged" if decode_errors else ""
        self._progress.update(self._task, completed=self._frames, speed=f"{rate:.0f} fps{real_time}{damaged}")

    def __enter__(self) -> Bar:
        if self._progress:
            self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._progress:
            self._progress.stop()


@contextmanager
def counted(name: str) -> Iterator[Callable[..., None]]:
    """A bar of things that can be counted beforehand: call it with how many are done, how many there are, and words
    that stand beside."""
    progress = _progress() if console().is_terminal else None
    if progress is None:
        yield lambda _done, _total, _words="": None
        return
    task = progress.add_task(name, total=None, speed="")
    with progress:
        yield lambda done, total, words="": progress.update(task, completed=done, total=total, speed=words)


def _progress() -> Progress:
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )

    columns: list[ProgressColumn] = [
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[speed]}"),
        TimeRemainingColumn(),
    ]
    return Progress(*columns, console=console(), transient=True)


class Shown:
    """What ``annotate`` tells, on the terminal."""

    bar = Bar

    def counted(self, name: str) -> AbstractContextManager[Callable[..., None]]:
        return counted(name)
