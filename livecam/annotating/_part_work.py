"""One part of a recording → a video, a sidecar, a report, and what the smoother remembers at both ends."""

from __future__ import annotations

import hashlib
import io
import math
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Annotated
from zipfile import BadZipFile, ZipFile

import numpy as np
from pydantic import Field, TypeAdapter

from livecam.assembly import make_pipeline, run_info, sink_options, source_options
from livecam.config import Settings
from livecam.explainer import Explainer
from livecam.parts import WARM_S, Part
from livecam.pipeline import Policy
from livecam.signals import patient
from livecam.sinks import Sink, open_sink
from livecam.sinks._files import write_whole
from livecam.sinks.threaded import ThreadedSink
from livecam.smoothing import Memory, Smoother
from livecam.sources import open_source
from livecam.stats import Stats
from livecam.threads import opencv_threads
from livecam.types import Frame, Picture

Count = Annotated[int, Field(ge=0)]
Seconds = Annotated[str, Field(pattern=r"^\d+(/[1-9]\d*)?$", max_length=60)]


@dataclass(frozen=True, slots=True)
class PartReport:
    """frames, decode_errors: of the part. first, end: seconds at which its first picture begins and its last one ends,
    as fractions. complete: False after an interruption."""

    frames: Count
    decode_errors: Count
    first: Seconds
    end: Seconds
    complete: bool


@dataclass(frozen=True, slots=True)
class _Kept:
    """A report, and SHA-256 of each file of the part."""

    report: PartReport
    files: dict[str, str]


KEPT = TypeAdapter(_Kept)
LONGEST = 1 << 16  # bytes of a report
MOST = 1 << 26  # bytes of a memory


class PartFiles:
    """Where a part lies in ``folder``. It counts as finished once its report is there, which is written last."""

    def __init__(self, folder: Path, number: int, suffix: str) -> None:
        self.video = folder / f"part-{number:05d}{suffix}"
        self.sidecar = folder / f"part-{number:05d}.jsonl"
        self._report = folder / f"part-{number:05d}.json"
        self._memory = {end: folder / f"part-{number:05d}.{end}.npz" for end in ("start", "end")}

    @property
    def paths(self) -> list[Path]:
        """In the order in which they are finished: the last two are what the next part goes on from."""
        return [self.video, self.sidecar, *self._memory.values(), self._report]

    @property
    def report(self) -> PartReport | None:
        kept = self._kept()
        return kept.report if kept else None

    def checked(self) -> PartReport | None:
        """The report, if all files are what they were when it was written; else the part is not finished any more."""
        kept = self._kept()
        if kept is None:
            return None
        try:
            if kept.files == self._digests():
                for end in self._memory:
                    Smoother().recall(self.memory(end))
                return kept.report
        except (OSError, ValueError, LookupError, TypeError, RecursionError, MemoryError, EOFError, BadZipFile):
            pass  # as good as not there
        self.forget()
        return None

    def _kept(self) -> _Kept | None:
        try:
            with self._report.open("rb") as file:
                return KEPT.validate_json(file.read(LONGEST), strict=True)
        except (OSError, ValueError):
            return None

    def _digests(self) -> dict[str, str]:
        found = {}
        for path in self.paths[:-1]:
            with path.open("rb") as file:
                found[path.name] = hashlib.file_digest(file, "sha256").hexdigest()
        return found

    def memory(self, end: str) -> Memory:
        with ZipFile(self._memory[end]) as found:
            if sum(part.file_size for part in found.infolist()) > MOST:
                raise ValueError(f"{self._memory[end]}: unpacks to more than a memory has")
        with np.load(self._memory[end], allow_pickle=False) as found:
            return dict(found)

    def forget(self) -> None:
        self._report.unlink(missing_ok=True)

    def keep(self, report: PartReport, start: Memory, end: Memory) -> None:
        for name, memory in (("start", start), ("end", end)):
            data = io.BytesIO()
            np.savez(data, **memory)  # type: ignore[arg-type]
            write_whole(self._memory[name], data.getvalue())
        write_whole(self._report, KEPT.dump_json(_Kept(report, self._digests())))


class _Watched(Smoother):
    """``at_start``: what it remembered before its first picture of ``start_s`` or later."""

    def __init__(self, seconds: float, start_s: float) -> None:
        super().__init__(seconds)
        self._start_s = start_s
        self.at_start: Memory | None = None

    def observe(self, image: Picture, now: float) -> None:
        if self.at_start is None and now >= self._start_s:
            self.at_start = self.memory()
        super().observe(image, now)


def annotate_part(
    spec: str,
    shown: str,
    part: Part,
    folder: Path,
    suffix: str,
    settings: Settings,
    explainer: Explainer,
    stop: Callable[[], bool],
    stats: Stats,
    seen: Callable[[Frame], object] = id,
) -> PartReport:
    """Annotate a part of ``spec``, which is called ``shown``, into ``folder``. It goes on from what the part before has
    remembered, if that is finished; else it warms up. Stopped, its files are playable, and not kept for the next run.
    Raises as ``convert`` does."""
    files, before = PartFiles(folder, part.number, suffix), PartFiles(folder, part.number - 1, suffix)
    files.forget()
    start_s = -math.inf if part.start is None else float((part.start - Fraction(1, 2)) * part.time_base)
    smoother = _Watched(settings.smooth, start_s)
    handed = part.start is not None and before.report is not None
    if handed:
        smoother.recall(before.memory("end"))
    begin_s = part.begin_s(0.0 if handed or not settings.smooth else WARM_S)
    end_s = part.end_s()
    asked = replace(
        source_options(settings),
        start_s=begin_s,
        duration_s=None if end_s is None else end_s - (begin_s or 0.0),
        name=shown,
    )
    first: Frame | None = None
    last: Frame | None = None
    frames = skipped = 0
    with ExitStack() as stack:
        stack.enter_context(patient())
        stack.enter_context(opencv_threads(1))
        source = stack.enter_context(open_source(spec, asked))
        # Its pictures keep their times in the whole; the sound is copied once, when the parts are joined.
        info = replace(source.info, start_s=None, stop_s=None, media=None)
        options, run = sink_options(settings, live=False, force=True), run_info(info, explainer)
        sinks: list[Sink] = [
            stack.enter_context(open_sink(str(files.sidecar), options, run)),
            stack.enter_context(ThreadedSink(open_sink(str(files.video), options, run), 1)),
        ]
        pipeline = stack.enter_context(
            make_pipeline(source, explainer, settings, Policy.EVERY, stop, stats, smoother=smoother)
        )
        for annotated in pipeline:
            frame = annotated.frame
            if part.start is not None and frame.ticks < part.start:
                skipped = source.decode_errors
                continue
            with stats.stage("write"):
                for sink in sinks:
                    sink.write(annotated)
            first, last, frames = first or frame, frame, frames + 1
            seen(frame)
        complete = pipeline.progress.complete
        decode_errors = max(source.decode_errors - skipped, 0)
    base = part.time_base
    report = PartReport(
        frames,
        decode_errors,
        str(first.ticks * base if first else 0),
        str((last.ticks + last.duration) * base if last else 0),
        complete,
    )
    if complete:
        files.keep(report, smoother.at_start or smoother.memory(), smoother.memory())
    return report
