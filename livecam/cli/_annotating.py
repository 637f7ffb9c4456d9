"""One input of ``annotate``, whole or in parts, begun or gone on with."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from livecam.cli._alone import alone
from livecam.cli._convert import beside, check_outputs, convert, sidecar_of
from livecam.cli._lanes import Workers
from livecam.cli._ledger import Ledger
from livecam.cli._long import Here, Makes, PartTask, convert_long, explainer_of, parts_of
from livecam.cli._part_work import PartReport
from livecam.cli._parts import file_of, make_explainer, source_options, who
from livecam.cli._progress import Bar, MakesBar, Told, counted
from livecam.config import Settings
from livecam.errors import LivecamError
from livecam.explainer import Explainer
from livecam.masking import masked
from livecam.parts import Part
from livecam.sinks._files import sweep
from livecam.sources import open_source
from livecam.stats import Stats, peak_rss_mb

Ended = tuple[str, Path, dict[str, Any] | LivecamError]
"""Input, output, its report or why it failed."""


def annotate_all(
    work: Sequence[tuple[str, Path]],
    settings: Settings,
    stop: Callable[[], bool],
    *,
    force: bool,
    workers: Workers | None = None,
) -> Iterator[Ended]:
    """What has become of each (input, output), as they finish, until ``stop()``. Of several inputs, those whose output
    is there are left out. workers: share the inputs and, where they are more than the inputs, parts of the long ones;
    None: all is done here."""
    if workers:
        settings = settings.model_copy(update={"threads": settings.threads or workers.threads})
    left: list[FileTask] = []
    for spec, output in work:
        done = None if force or len(work) == 1 else already_done(spec, output, settings)
        if done:
            yield spec, output, done
        else:
            left.append(FileTask(spec, output, settings, force))
    if workers:
        long = [task for task in left if task.is_cut(workers.count)] if len(left) < workers.count else []
        yield from _shared([task for task in left if task not in long], stop, workers)
        left = long
    yield from _in_turn(left, stop, workers)


def _shared(tasks: list[FileTask], stop: Callable[[], bool], workers: Workers) -> Iterator[Ended]:
    """Each input whole, by one of the processes."""
    if not tasks:
        return
    done, started = 0, time.monotonic()
    with counted("recordings") as show:
        frames = lambda seen: show(done, len(tasks), f"{seen / (time.monotonic() - started):.0f} fps")  # noqa: E731
        for task, result in workers.run(tasks, stop, frames):
            if isinstance(result, BaseException) and not isinstance(result, LivecamError):
                raise result
            done += 1
            yield task.spec, task.output, result


def _in_turn(tasks: list[FileTask], stop: Callable[[], bool], workers: Workers | None) -> Iterator[Ended]:
    """One input after the other, the parts of each by ``workers``."""
    with ExitStack() as stack:
        made: list[Explainer] = []

        def explainer() -> Explainer:
            made[:] = made or [stack.enter_context(make_explainer(task.settings, "every"))]
            return made[0]

        for task in tasks:
            try:
                report = annotate_file(
                    task.spec, task.output, task.settings, explainer, stop, force=task.force, workers=workers
                )
            except LivecamError as error:
                yield task.spec, task.output, error
            else:
                yield task.spec, task.output, report
            if stop():
                return


def already_done(spec: str, output: Path, settings: Settings) -> dict[str, Any] | None:
    """The report of an input whose output is there, complete, and made of it with these settings; else None."""
    sidecar = sidecar_of(output) if settings.sidecar else None
    files = [sidecar] if sidecar else []
    if not Ledger(spec, output, settings).done([*files, *map(file_of, beside(output, settings).values())]):
        return None
    return {
        "input": masked(spec),
        "output": str(output),
        "sidecar": str(sidecar) if sidecar else None,
        "skipped": "complete already, made with the same settings",
    }


def annotate_file(
    spec: str,
    output: Path,
    settings: Settings,
    explainer: Callable[[], Explainer],
    stop: Callable[[], bool],
    *,
    force: bool,
    workers: Workers | None = None,
    make_bar: MakesBar = Bar,
) -> dict[str, Any]:
    """Annotate one input; returns the report of the contract. workers: make the parts of a long recording.

    What is wrong with the input or the output is said before ``explainer`` is asked for. Raises as ``convert`` does.
    """
    ledger = Ledger(spec, output, settings)
    with ExitStack() as running:
        with open_source(spec, source_options(settings)) as source:
            if ledger.mark:
                running.enter_context(alone(output))
                sweep(output, sidecar_of(output), *map(file_of, beside(output, settings).values()))
            if force:
                ledger.clear()
            force = ledger.may_write(force)
            check_outputs(output, settings, force)
            parts = parts_of(spec, source.info, output, settings, workers.count if workers else 1)
            if len(parts) < 2:
                with ledger.in_one_piece():
                    report = convert(
                        source, output, settings, explainer(), stop, force=force, comment=ledger.mark, make_bar=make_bar
                    )
                if report["interrupted"]:
                    ledger.stopped()
                else:
                    ledger.clear()
                return report
            info = source.info
        with make_bar(output.name, info) as bar:
            maker: Makes = Elsewhere(settings, workers, stop, bar) if workers else Here(explainer(), stop, bar)
            return convert_long(spec, info, parts, ledger, settings, maker, stop, force=force)


class Elsewhere:
    """Makes parts in other processes, as many at a time as there are."""

    def __init__(self, settings: Settings, workers: Workers, stop: Callable[[], bool], bar: Bar | Told) -> None:
        self._settings, self._workers, self._stop, self._bar = settings, workers, stop, bar
        self._frames = 0  # of the parts that are made
        self._who: dict[str, str] | None = None
        self.peak_rss_mb = peak_rss_mb()

    def who(self) -> dict[str, str]:
        """Who has explained; when there was nothing to do, who would have."""
        return self._who or who(explainer_of(self._settings))

    def make(self, tasks: Sequence[PartTask], stats: Stats) -> Iterator[tuple[Part, PartReport]]:
        before = self._frames
        for task, result in self._workers.run(tasks, self._stop, lambda seen: self._bar.at(before + seen)):
            if isinstance(result, BaseException):
                raise result
            report, samples, self._who, peak = result
            self._frames += report.frames
            stats.take(samples)
            self.peak_rss_mb = max(self.peak_rss_mb, peak)
            yield task.part, report


@dataclass(frozen=True, slots=True)
class FileTask:
    """A whole input for another process."""

    spec: str
    output: Path
    settings: Settings
    force: bool

    @property
    def name(self) -> str:
        return masked(self.spec)

    def is_cut(self, count: int) -> bool:
        """Is it long enough to be shared among ``count`` processes?"""
        try:
            with open_source(self.spec, source_options(self.settings)) as source:
                return len(parts_of(self.spec, source.info, self.output, self.settings, count)) > 1
        except LivecamError:
            return False  # said by who annotates it

    def __call__(self, stop: Callable[[], bool], seen: Callable[[], object]) -> dict[str, Any]:
        explainer, told = lambda: explainer_of(self.settings), Told(seen)
        return annotate_file(
            self.spec, self.output, self.settings, explainer, stop, force=self.force, make_bar=lambda *_: told
        )
