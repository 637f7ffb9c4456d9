"""The inputs of ``annotate``: each whole or in parts, begun or gone on with."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from livecam.annotating._alone import alone
from livecam.annotating._convert import beside, check_names, convert, sidecar_of
from livecam.annotating._far import FarWorkers
from livecam.annotating._lanes import Workers
from livecam.annotating._ledger import Ledger
from livecam.annotating._long import Here, Makes, PartTask, convert_long, explainer_of, parts_of
from livecam.annotating._part_work import PartReport
from livecam.annotating._progress import Bar, MakesBar, Shows, Silent, Told, untold
from livecam.annotating._staged import Delivery, Job, Staging
from livecam.assembly import file_of, make_explainer, source_options, who
from livecam.config import Settings
from livecam.errors import LivecamError
from livecam.explainer import Explainer
from livecam.masking import masked
from livecam.parts import Part
from livecam.remote import identity, is_remote
from livecam.sinks import SinkOptions
from livecam.sinks._files import check_free, sweep
from livecam.sources import open_source
from livecam.stats import Stats, peak_rss_mb

LARGE = 32 << 20  # bytes of an input at an address, which is perhaps long: only when it is fetched is that known
Place = str | Path
Ended = tuple[int, dict[str, Any] | LivecamError]
"""Number of the job, its report or why it failed."""


def annotate_all(
    work: Sequence[tuple[str, Place]],
    settings: Settings,
    stop: Callable[[], bool],
    *,
    force: bool,
    workers: Workers | None = None,
    shows: Shows | None = None,
) -> Generator[Ended, None, None]:
    """What has become of each (input, output), as they finish, until ``stop()``. Of several inputs, those whose output
    is there are left out. workers: share the inputs and, where they are more than the inputs, parts of the long ones;
    None: all is done here."""
    shows = shows or Silent()
    if workers:
        settings = settings.model_copy(update={"threads": settings.threads or workers.threads})
    left: list[FileTask] = []
    for number, (spec, output) in enumerate(work):
        try:
            done = None if force or len(work) == 1 or stop() else already_done(spec, str(output), settings)
        except LivecamError as error:  # what is at an address cannot be asked for
            yield number, error
            continue
        if done:
            yield number, done
        else:
            left.append(FileTask(spec, str(output), settings, force, number))
    if workers:
        # As many as are given, not as are left: what a killed run has begun goes on where that was cut.
        long = [task for task in left if task.is_cut(workers)] if len(work) < workers.count else []
        yield from _shared([task for task in left if task not in long], stop, workers, shows)
        left = long
    yield from _in_turn(left, stop, workers, shows)


def _shared(tasks: list[FileTask], stop: Callable[[], bool], workers: Workers, shows: Shows) -> Iterator[Ended]:
    """Each input whole, by one of the processes."""
    if not tasks:
        return
    done, started = 0, time.monotonic()
    with shows.counted("recordings") as show:
        frames = lambda seen: show(done, len(tasks), f"{seen / (time.monotonic() - started):.0f} fps")  # noqa: E731
        with closing(workers.run(tasks, stop, frames)) as results:
            for task, result in results:
                if isinstance(result, BaseException) and not isinstance(result, LivecamError):
                    raise result
                done += 1
                yield task.number, result


def _in_turn(tasks: list[FileTask], stop: Callable[[], bool], workers: Workers | None, shows: Shows) -> Iterator[Ended]:
    """One input after the other, the parts of each by ``workers``."""
    with ExitStack() as stack:
        made: list[Explainer] = []

        def explainer() -> Explainer:
            made[:] = made or [stack.enter_context(make_explainer(task.settings, "every"))]
            return made[0]

        for task in tasks:
            try:
                report = annotate_file(task, explainer, stop, workers=workers, make_bar=shows.bar)
            except LivecamError as error:
                yield task.number, error
            else:
                yield task.number, report
            if stop():
                return


def already_done(spec: str, output: str, settings: Settings) -> dict[str, Any] | None:
    """The report of an input whose output is there, complete, and made of it with these settings; else None. Raises
    SourceError and SinkError when what is at an address cannot be asked for."""
    sidecar: Place | None
    if is_remote(output):
        delivery = Delivery(spec, output, settings, Path())
        done, sidecar = delivery.done(), delivery.sidecar
    else:
        here = Path(output)
        sidecar = sidecar_of(here) if settings.sidecar else None
        files = [sidecar] if sidecar else []
        done = Ledger(spec, here, settings).done([*files, *map(file_of, beside(here, settings).values())])
    if not done:
        return None
    return {
        "input": masked(spec),
        "output": masked(output),
        "sidecar": masked(str(sidecar)) if sidecar else None,
        "skipped": "complete already, made with the same settings",
    }


def annotate_file(
    task: FileTask,
    explainer: Callable[[], Explainer],
    stop: Callable[[], bool],
    *,
    workers: Workers | None = None,
    make_bar: MakesBar = untold,
) -> dict[str, Any]:
    """Annotate one input; returns the report of the contract. workers: make the parts of a long recording.

    What is at an address is fetched, and put when all is complete: of an interrupted or failed run nothing is put.
    What is wrong with the input or the output is said before ``explainer`` is asked for. Raises as ``convert`` does.
    """
    if not task.is_staged:
        return _annotate(
            Job(task.spec, Path(task.output), task.settings),
            explainer,
            stop,
            force=task.force,
            workers=workers,
            make_bar=make_bar,
        )
    started = time.monotonic()
    with Staging(task.spec, task.output, task.settings) as staging:
        job = staging.job(stop, force=task.force)
        if job is None:
            return _nothing(task, started)
        if workers and not workers.here:
            parts, info = job.parts(workers.count)
            if len(parts) < 2 or not job.mark:
                return _elsewhere(task, workers, stop, make_bar(job.output.name, info)) or _nothing(task, started)
            workers = FarWorkers(workers, task.spec, staging.depot(job, parts, stop, workers.count, force=task.force))
        report = _annotate(job, explainer, stop, force=task.force, workers=workers, make_bar=make_bar)
        if staging.delivery is None:
            return report
        if not report["interrupted"]:
            staging.delivery.put(task.force)
        return staging.delivery.told(report)


def _elsewhere(task: FileTask, workers: Workers, stop: Callable[[], bool], bar: Bar) -> dict[str, Any] | None:
    """The report of the whole input, by one of the processes; None when ``stop()`` came first."""
    with bar:
        for _, result in list(workers.run([task], stop, bar.at)):
            if isinstance(result, BaseException):
                raise result
            return cast("dict[str, Any]", result)
    return None


def _nothing(task: FileTask, started: float) -> dict[str, Any]:
    """The report of a run that was interrupted while its input was fetched."""
    counts = dict.fromkeys(("frames_in", "frames_out", "decode_errors"), 0)
    elapsed = round(time.monotonic() - started, 3)
    return {"input": task.name, "output": None, "sidecar": None, **counts, "interrupted": True, "elapsed_s": elapsed}


def _annotate(
    job: Job,
    explainer: Callable[[], Explainer],
    stop: Callable[[], bool],
    *,
    force: bool,
    workers: Workers | None,
    make_bar: MakesBar,
) -> dict[str, Any]:
    """What ``annotate_file`` does, all of it on this machine."""
    spec, output, settings = job.spec, job.output, job.settings
    ledger = Ledger(spec, output, settings, job.mark)
    with ExitStack() as running:
        with open_source(spec, replace(source_options(settings), name=job.name)) as source:
            check_names(output, settings)
            if ledger.mark:
                running.enter_context(alone(output))
                sweep(output, sidecar_of(output), *map(file_of, beside(output, settings).values()))
            if force:
                ledger.clear()
            force = ledger.may_write(force)
            for place in beside(output, settings).values():
                check_free(file_of(place), SinkOptions(force=force))
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

    def __init__(self, settings: Settings, workers: Workers, stop: Callable[[], bool], bar: Bar) -> None:
        self._settings, self._workers, self._stop, self._bar = settings, workers, stop, bar
        self._frames = 0  # of the parts that are made
        self._who: dict[str, str] | None = None
        self.peak_rss_mb = peak_rss_mb()

    def who(self) -> dict[str, str]:
        """Who has explained; when there was nothing to do, who would have."""
        return self._who or who(explainer_of(self._settings))

    def make(self, tasks: Sequence[PartTask], stats: Stats) -> Iterator[tuple[Part, PartReport]]:
        before = self._frames
        with closing(self._workers.run(tasks, self._stop, lambda seen: self._bar.at(before + seen))) as results:
            for task, result in results:
                if isinstance(result, BaseException):
                    raise result
                report, samples, self._who, peak = result
                self._frames += report.frames
                stats.take(samples)
                self.peak_rss_mb = max(self.peak_rss_mb, peak)
                yield task.part, report


@dataclass(frozen=True, slots=True)
class FileTask:
    """A whole input, here or for another process. output: a path or an address; number: of the job."""

    spec: str
    output: str
    settings: Settings
    force: bool
    number: int = 0

    @property
    def name(self) -> str:
        return masked(self.spec)

    @property
    def is_staged(self) -> bool:
        """Are the input, the output, or what is written beside it, at an address?"""
        places = self.spec, self.output, self.settings.heatmap_video, self.settings.maps
        return any(is_remote(place) for place in places if place)

    def is_cut(self, workers: Workers) -> bool:
        """Is it long enough to be shared among ``workers``?"""
        try:
            if is_remote(self.spec):
                return (identity(self.spec)[0] or 0) >= LARGE
            return len(Job(self.spec, Path(self.output), self.settings).parts(workers.count)[0]) > 1
        except LivecamError:
            return False  # said by who annotates it

    def __call__(self, stop: Callable[[], bool], seen: Callable[[], object]) -> dict[str, Any]:
        explainer, told = lambda: explainer_of(self.settings), Told(seen)
        return annotate_file(self, explainer, stop, make_bar=lambda *_: told)
