"""A long recording, annotated part by part: what is finished is kept over an interruption, and all is joined."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

from livecam._av import av
from livecam.annotating._convert import sidecar_of
from livecam.annotating._ledger import Ledger
from livecam.annotating._part_work import PartFiles, PartReport, annotate_part
from livecam.annotating._progress import Bar
from livecam.assembly import make_explainer, sink_options, who
from livecam.config import Settings
from livecam.errors import SourceError
from livecam.explainer import Explainer
from livecam.models import OPEN_CLIP, ModelSpec
from livecam.parts import PART_S, Part, agree, plan
from livecam.parts.join import join_sidecars, join_videos
from livecam.sinks._codecs import FORMATS
from livecam.stats import Stats, peak_rss_mb
from livecam.tasks import CLASSIFICATION
from livecam.types import SourceInfo

SHORTEST_S = 60.0  # of a part: each warms up for half as long


@dataclass(frozen=True, slots=True)
class PartTask:
    """A part to be made in another process, which sees ``spec`` and ``folder``. shown: what the recording is called."""

    spec: str
    shown: str
    part: Part
    folder: Path
    suffix: str
    settings: Settings

    @property
    def name(self) -> str:
        return f"{self.shown}, part {self.part.number + 1}"

    def __call__(
        self, stop: Callable[[], bool], seen: Callable[[], object]
    ) -> tuple[PartReport, dict[str, Any], dict[str, str], float]:
        """The report, samples of the stages, who has explained, and the memory that it took."""
        explainer, stats = explainer_of(self.settings), Stats()
        args = self.spec, self.shown, self.part, self.folder, self.suffix, self.settings
        report = annotate_part(*args, explainer, stop, stats, lambda _frame: seen())
        return report, stats.samples(), who(explainer), peak_rss_mb()


_explainers: dict[str, Explainer] = {}


def explainer_of(settings: Settings) -> Explainer:
    """The explainer of this process; it lives as long."""
    key = settings.model_dump_json()
    if key not in _explainers:
        _explainers[key] = make_explainer(settings, "every")
    return _explainers[key]


class Makes(Protocol):
    """Makes parts: here, or in other processes."""

    @property
    def peak_rss_mb(self) -> float:
        """Of the largest process, so far."""
        ...

    def who(self) -> dict[str, str]: ...

    def make(self, tasks: Sequence[PartTask], stats: Stats) -> Iterator[tuple[Part, PartReport]]: ...


class Here:
    """One part after the other, each from where the one before has ended."""

    def __init__(self, explainer: Explainer, stop: Callable[[], bool], bar: Bar) -> None:
        self._explainer, self._stop, self._bar = explainer, stop, bar

    def who(self) -> dict[str, str]:
        return who(self._explainer)

    @property
    def peak_rss_mb(self) -> float:
        return peak_rss_mb()

    def make(self, tasks: Sequence[PartTask], stats: Stats) -> Iterator[tuple[Part, PartReport]]:
        for task in tasks:
            if self._stop():
                return
            args = task.spec, task.shown, task.part, task.folder, task.suffix, task.settings
            seen = lambda frame: self._bar.update(frame, 0)  # noqa: E731
            yield task.part, annotate_part(*args, self._explainer, self._stop, stats, seen)


def parts_of(spec: str, info: SourceInfo, output: Path, settings: Settings, jobs: int) -> list[Part]:
    """Where to cut; one part or none: not at all."""
    length = PART_S if jobs == 1 else min(PART_S, max(SHORTEST_S, info.duration_s / jobs))
    asked = (settings.start, settings.duration, settings.max_frames)
    if any(one is not None for one in asked) or info.media is None or not Path(spec).is_file():
        return []
    if info.duration_s < 1.5 * length or output.suffix.lower() not in FORMATS:
        return []
    if settings.subtitles or settings.heatmap_video or settings.maps:  # these are not joined
        return []
    if not _goes_on(settings.model, jobs):
        return []
    try:
        return plan(Path(spec), length)
    except av.FFmpegError:
        return []


def _goes_on(model: str, jobs: int) -> bool:
    """Is a recording that is made in parts what it is in one go? A window of a clip would begin anew with each part,
    and what number an object has follows from all the parts before."""
    if model.startswith(OPEN_CLIP):  # its answers are a classifier's; asking it would load a library
        return True
    task = ModelSpec(model).task
    return task is CLASSIFICATION or (task.many and jobs == 1)


def convert_long(
    spec: str,
    info: SourceInfo,
    parts: list[Part],
    ledger: Ledger,
    settings: Settings,
    maker: Makes,
    stop: Callable[[], bool],
    *,
    force: bool,
) -> dict[str, Any]:
    """Annotate ``parts`` of the recording ``spec`` into the ledger's output; returns the report of the contract.

    Parts that an earlier run has finished are not made again. Interrupted, the output is what comes before the first
    gap. Raises as ``convert`` does; finished parts stay for the next run.
    """
    output, folder, stats, started = ledger.output, ledger.folder, Stats(), time.monotonic()
    cuts, job = [part.start for part in parts], ledger.job
    if job.get("cuts") != cuts:
        ledger.clear()
    ledger.begin(cuts=cuts, partial=job.get("partial"))
    tasks = [PartTask(spec, info.name, part, folder, output.suffix, settings) for part in parts]
    files = [PartFiles(folder, part.number, output.suffix) for part in parts]
    found = {number: report for number, one in enumerate(files) if (report := one.checked())}
    kept = len(found)
    made = 0
    todo = [task for task in tasks if task.part.number not in found]
    while todo:
        for part, report in maker.make(todo, stats):
            found[part.number] = report
            made += report.frames
        todo = [] if stop() else _torn(tasks, files)
    ready = _before_the_gap(found, len(parts))
    complete = len(ready) == len(parts) and ready[-1].complete
    frames, errors = sum(report.frames for report in ready), sum(report.decode_errors for report in ready)
    if complete and not frames:
        raise SourceError(f"{info.name}: no picture in it could be decoded; is the file damaged?")
    sidecar = sidecar_of(output) if settings.sidecar else None
    span = Fraction(0)
    if frames:
        written = [(one, report) for one, report in zip(files, ready, strict=False) if report.frames]
        end = Fraction(written[-1][1].end)
        span = end - Fraction(written[0][1].first)
        options = sink_options(settings, live=False, force=force)
        marked = replace(options, comment=ledger.mark if complete else "")
        join_videos([one.video for one, _ in written], output, marked, info, end, whole=complete)
        if sidecar:
            join_sidecars([one.sidecar for one, _ in written], sidecar, replace(options, force=True), errors)
    if complete:
        ledger.clear()
    elif frames:
        ledger.interrupted()
    elapsed = time.monotonic() - started
    return {
        "input": info.name,
        "output": str(output) if frames else None,
        "sidecar": str(sidecar) if sidecar and frames else None,
        **maker.who(),
        "frames_in": frames,
        "frames_out": frames,
        "decode_errors": errors,
        "interrupted": not complete,
        "duration_s": round(float(span), 6),
        "elapsed_s": round(elapsed, 3),
        "fps": round(made / elapsed, 2),
        "parts": len(parts),
        "parts_kept": kept,
        "stages": stats.stages(),
        "peak_rss_mb": maker.peak_rss_mb,
    }


def _torn(tasks: list[PartTask], files: list[PartFiles]) -> list[PartTask]:
    """The first part that did not begin with what the one before has left in memory; it is made again with that."""
    for task, one, before in zip(tasks[1:], files[1:], files, strict=False):
        if one.report is None or before.report is None:
            return []
        if not agree(before.memory("end"), one.memory("start")):
            one.forget()
            return [task]
    return []


def _before_the_gap(found: dict[int, PartReport], count: int) -> list[PartReport]:
    """Parts from the first one on, up to the first that is missing, or was not finished."""
    ready: list[PartReport] = []
    for number in range(count):
        if number not in found or (ready and not ready[-1].complete):
            break
        ready.append(found[number])
    return ready
