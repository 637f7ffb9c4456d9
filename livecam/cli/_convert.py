"""One recording in, one annotated recording and its sidecar out."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from livecam.cli._interrupt import Interrupt
from livecam.cli._parts import class_of, make_painter, make_smoother, run_info, sink_options, source_options
from livecam.cli._progress import Bar
from livecam.config import Settings
from livecam.errors import SinkError, SourceError, SourceLost
from livecam.explainer import Explainer
from livecam.pipeline import Pipeline, Policy
from livecam.sinks import Sink, open_sink
from livecam.sinks.threaded import ThreadedSink
from livecam.sources import open_source
from livecam.stats import Stats, peak_rss_mb
from livecam.types import Frame, SourceInfo

QUEUE = 2  # annotated frames that wait for the encoder: a picture at 1080p takes 12 MB with its original


def convert(
    spec: str, output: Path, settings: Settings, explainer: Explainer, interrupt: Interrupt, *, force: bool
) -> dict[str, Any]:
    """Annotate every frame of ``spec`` into ``output``; returns the report of the contract.

    Raises SourceError (nothing is left behind), SourceLost (what came before it is kept), SinkError, ModelError.
    """
    sidecar = Path(f"{output}.jsonl") if settings.sidecar else None
    stats, started = Stats(), time.monotonic()
    lost: SourceLost | None = None
    with open_source(spec, source_options(settings)) as source, ExitStack() as stack:
        check_free(output, force)
        run = run_info(source.info, explainer)
        options = replace(sink_options(settings, live=False, force=force), decode_errors=lambda: source.decode_errors)
        sinks: list[Sink] = []
        if sidecar:  # the first in is the last out: a video that cannot be finalised takes its sidecar with it
            sinks.append(stack.enter_context(open_sink(str(sidecar), options, run)))
        sinks.append(stack.enter_context(ThreadedSink(open_sink(str(output), options, run), QUEUE)))
        pipeline = stack.enter_context(
            Pipeline(
                source,
                explainer,
                policy=Policy.EVERY,
                class_idx=class_of(settings, explainer),
                smoother=make_smoother(settings),
                painter=make_painter(settings),
                quality=settings.quality,
                max_frames=settings.max_frames,
                stop_requested=interrupt,
                stats=stats,
            )
        )
        bar = stack.enter_context(Bar(output.name, source.info, settings.max_frames))
        first: Frame | None = None
        last: Frame | None = None
        try:
            for annotated in pipeline:
                with stats.stage("write"):
                    for sink in sinks:
                        sink.write(annotated)
                first, last = first or annotated.frame, annotated.frame
                bar.update(annotated.frame, source.decode_errors)
        except SourceLost as error:
            lost = error
        progress = pipeline.progress
        if not progress.frames_out and not lost and not interrupt.requested:
            raise SourceError(f"{spec}: no picture in it could be decoded; is the file damaged?")
        if progress.complete:
            for sink in sinks:
                sink.finish()
    if lost:
        raise lost
    elapsed = time.monotonic() - started
    return {
        "input": source.info.name,
        "output": str(output),
        "sidecar": str(sidecar) if sidecar else None,
        "model": explainer.model,
        "method": explainer.method,
        "target_layer": explainer.target_layer,
        "backend": explainer.backend,
        "device": explainer.device,
        "precision": explainer.precision,
        "frames_in": progress.frames_in,
        "frames_out": progress.frames_out,
        "decode_errors": source.decode_errors,
        "interrupted": interrupt.requested,
        "duration_s": round(_span(first, last, source.info), 6),
        "elapsed_s": round(elapsed, 3),
        "fps": round(progress.frames_out / elapsed, 2),
        "stages": stats.stages(),
        "peak_rss_mb": peak_rss_mb(),
    }


def _span(first: Frame | None, last: Frame | None, info: SourceInfo) -> float:
    """Media seconds from the begin of the first picture to the end of the last."""
    if first is None or last is None:
        return 0.0
    return float((last.ticks + last.duration - first.ticks) * info.time_base)


def check_free(output: Path, force: bool) -> None:
    """Raise SinkError when ``output`` exists and may not be overwritten: better now than after the work."""
    if output.exists() and not force:
        raise SinkError(f"{output}: exists; choose another -o, or overwrite it with --force")
