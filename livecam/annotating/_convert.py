"""One recording in, one annotated recording and its sidecar out."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from livecam.annotating._progress import MakesBar, untold
from livecam.assembly import check_apart, file_of, make_pipeline, masks, run_info, sink_options, subtitles_of, who
from livecam.config import Settings
from livecam.errors import ConfigError, ModelError, SourceError, SourceLost
from livecam.explainer import Explainer
from livecam.pipeline import Policy, Progress
from livecam.signals import patient
from livecam.sinks import Sink, open_sink
from livecam.sinks.images import ImagesSink
from livecam.sinks.threaded import ThreadedSink
from livecam.sinks.video import VideoSink
from livecam.sources import Source
from livecam.stats import Stats, peak_rss_mb
from livecam.threads import opencv_threads
from livecam.types import Frame, SourceInfo

QUEUE = 1  # annotated frames that wait for the encoder: at 1080p each takes 6 MB with its original


def convert(
    source: Source,
    output: Path,
    settings: Settings,
    explainer: Explainer,
    interrupt: Callable[[], bool],
    *,
    force: bool,
    comment: str = "",
    make_bar: MakesBar = untold,
) -> dict[str, Any]:
    """Annotate every frame of ``source`` into ``output``; returns the report of the contract.

    comment: kept in the metadata of the video.

    Raises SourceError, SinkError (nothing is left behind), SourceLost, ModelError (what came before it is kept).
    """
    sidecar = sidecar_of(output) if settings.sidecar else None
    extra = beside(output, settings)
    stats, started = Stats(), time.monotonic()
    lost: SourceLost | ModelError | None = None
    with ExitStack() as stack:
        stack.enter_context(patient())
        stack.enter_context(opencv_threads(1))
        run = run_info(source.info, explainer)
        options = replace(
            sink_options(settings, live=False, force=force),
            decode_errors=lambda: source.decode_errors,
            comment=comment,
        )
        sinks: list[Sink] = []
        if sidecar:  # the first in is the last out: a video that cannot be finalised takes its sidecar with it
            sinks.append(stack.enter_context(open_sink(str(sidecar), options, run)))
        for spec in extra.values():
            sinks.append(stack.enter_context(ThreadedSink(open_sink(spec, options, run), QUEUE)))
        sinks.append(stack.enter_context(ThreadedSink(open_sink(str(output), options, run), QUEUE)))
        pipeline = stack.enter_context(make_pipeline(source, explainer, settings, Policy.EVERY, interrupt, stats))
        bar = make_bar(output.name, source.info, settings.max_frames)
        stack.enter_context(bar)
        first: Frame | None = None
        last: Frame | None = None
        try:
            for annotated in pipeline:
                with stats.stage("write"):
                    for sink in sinks:
                        sink.write(annotated)
                first, last = first or annotated.frame, annotated.frame
                bar.update(annotated.frame, source.decode_errors)
        except (SourceLost, ModelError) as error:
            lost = error
        progress = pipeline.progress
        if not progress.frames_out and not lost and not interrupt():
            raise SourceError(f"{source.info.name}: no picture in it could be decoded; is the file damaged?")
        for sink in sinks:
            _end(sink, progress, complete=progress.complete and not lost)
    if lost:
        raise lost
    elapsed = time.monotonic() - started
    return {
        "input": source.info.name,
        "output": str(output) if progress.frames_out else None,
        "sidecar": str(sidecar) if sidecar and progress.frames_out else None,
        **{name: str(file_of(spec)) if progress.frames_out else None for name, spec in extra.items()},
        **who(explainer),
        "frames_in": progress.frames_in,
        "frames_out": progress.frames_out,
        "decode_errors": source.decode_errors,
        "interrupted": interrupt(),
        "duration_s": round(_span(first, last, source.info), 6),
        "elapsed_s": round(elapsed, 3),
        "fps": round(progress.frames_out / elapsed, 2),
        "stages": stats.stages(),
        "peak_rss_mb": peak_rss_mb(),
    }


def _end(sink: Sink, progress: Progress, *, complete: bool) -> None:
    """What closing alone would not do, for a run that was interrupted or lost, or came to its end."""
    if not progress.frames_out:
        sink.abort()
    elif complete:
        sink.finish()


def _span(first: Frame | None, last: Frame | None, info: SourceInfo) -> float:
    """Media seconds from the begin of the first picture to the end of the last."""
    if first is None or last is None:
        return 0.0
    return float((last.ticks + last.duration - first.ticks) * info.time_base)


def check_names(output: Path, settings: Settings) -> None:
    """Raise ConfigError when ``output`` is no file, or what is written beside it is the same one."""
    if not any(kind.matches(str(output)) for kind in (VideoSink, ImagesSink)):
        raise ConfigError(f"-o {output}: name a file: out.mp4, .mov, .mkv, .webm, or frames/%05d.png")
    check_apart([str(output), *beside(output, settings).values()])


def beside(output: Path, settings: Settings) -> dict[str, str]:
    """What is written beside the recording and its sidecar: a name for the report → the spec of its sink."""
    subtitles = subtitles_of(str(output)) if settings.subtitles else None
    return ({"subtitles": subtitles} if subtitles else {}) | masks(settings)


def sidecar_of(output: Path) -> Path:
    """``out.mp4.jsonl``; of images ``frames/%05d.png``, ``frames.jsonl``."""
    return Path(f"{output.parent}.jsonl") if ImagesSink.matches(str(output)) else Path(f"{output}.jsonl")
