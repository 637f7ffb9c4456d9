"""One input of ``annotate``, whole or in parts, begun or gone on with."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from livecam.cli._convert import beside, check_outputs, convert, file_of, sidecar_of
from livecam.cli._lanes import Lanes
from livecam.cli._ledger import Ledger
from livecam.cli._long import Here, Makes, PartTask, convert_long, explainer_of, parts_of
from livecam.cli._part_work import PartReport
from livecam.cli._parts import make_explainer, source_options, who
from livecam.cli._progress import Bar
from livecam.config import Settings
from livecam.errors import LivecamError
from livecam.explainer import Explainer
from livecam.masking import masked
from livecam.parts import Part
from livecam.sources import open_source
from livecam.stats import Stats, peak_rss_mb
from livecam.threads import beside_an_encoder

Ended = tuple[str, Path, dict[str, Any] | LivecamError]
"""Input, output, its report or why it failed."""


def annotate_all(
    work: Sequence[tuple[str, Path]], settings: Settings, stop: Callable[[], bool], *, force: bool, jobs: int
) -> Iterator[Ended]:
    """What has become of each (input, output), as they finish, until ``stop()``. Of several inputs, those whose output
    is there are left out. jobs: processes among which inputs are shared or, where they are fewer, their parts."""
    if jobs > 1:
        settings = settings.model_copy(update={"threads": settings.threads or max(1, beside_an_encoder() // jobs)})
    left: list[FileTask] = []
    for spec, output in work:
        done = None if force or len(work) == 1 else already_done(spec, output, settings)
        if done:
            yield spec, output, done
        else:
            left.append(FileTask(spec, output, settings, force))
    yield from _shared(left, stop, jobs) if jobs > 1 and len(left) >= jobs else _in_turn(left, stop, jobs)


def _shared(tasks: list[FileTask], stop: Callable[[], bool], jobs: int) -> Iterator[Ended]:
    """Each input whole, by one of the processes."""
    for task, result in Lanes[FileTask](jobs).run(tasks, stop):
        if isinstance(result, BaseException) and not isinstance(result, LivecamError):
            raise result
        yield task.spec, task.output, result


def _in_turn(tasks: list[FileTask], stop: Callable[[], bool], jobs: int) -> Iterator[Ended]:
    """One input after the other, the parts of a long one by ``jobs`` processes."""
    with ExitStack() as stack:
        made: list[Explainer] = []

        def explainer() -> Explainer:
            made[:] = made or [stack.enter_context(make_explainer(task.settings, "every"))]
            return made[0]

        for task in tasks:
            try:
                report = annotate_file(
                    task.spec, task.output, task.settings, explainer, stop, force=task.force, jobs=jobs
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
    jobs: int = 1,
) -> dict[str, Any]:
    """Annotate one input; returns the report of the contract. jobs: processes among which a long recording is shared.

    What is wrong with the input or the output is said before ``explainer`` is asked for. Raises as ``convert`` does.
    """
    ledger = Ledger(spec, output, settings)
    if force:
        ledger.clear()
    force = ledger.may_write(force)
    check_outputs(output, settings, force)
    with open_source(spec, source_options(settings)) as source:
        parts = parts_of(spec, source.info, output, settings, jobs)
        if len(parts) < 2:
            report = convert(source, output, settings, explainer(), stop, force=force, comment=ledger.mark)
            if report["interrupted"] and report["output"]:
                ledger.interrupted()
            else:
                ledger.clear()
            return report
        info = source.info
    with Bar(output.name, info) as bar:
        maker: Makes = Here(explainer(), stop, bar) if jobs == 1 else Elsewhere(settings, jobs, stop)
        return convert_long(spec, info, parts, ledger, settings, maker, stop, force=force)


class Elsewhere:
    """Makes parts in ``jobs`` processes, as many at a time."""

    def __init__(self, settings: Settings, jobs: int, stop: Callable[[], bool]) -> None:
        self._settings, self._jobs, self._stop = settings, jobs, stop
        self._who: dict[str, str] | None = None
        self.peak_rss_mb = peak_rss_mb()

    def who(self) -> dict[str, str]:
        """Who has explained; when there was nothing to do, who would have."""
        return self._who or who(explainer_of(self._settings))

    def make(self, tasks: Sequence[PartTask], stats: Stats) -> Iterator[tuple[Part, PartReport]]:
        for task, result in Lanes[PartTask](self._jobs).run(tasks, self._stop):
            if isinstance(result, BaseException):
                raise result
            report, samples, self._who, peak = result
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

    def __call__(self, stop: Callable[[], bool]) -> dict[str, Any]:
        settings = self.settings
        return annotate_file(self.spec, self.output, settings, lambda: explainer_of(settings), stop, force=self.force)
