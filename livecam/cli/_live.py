"""One source, shown and recorded as it comes."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from livecam.channel import Full
from livecam.cli._interrupt import Interrupt
from livecam.cli._parts import class_of, make_painter, make_smoother, run_info, sink_options
from livecam.config import Settings
from livecam.explainer import Explainer
from livecam.pipeline import Pipeline, Policy
from livecam.sinks import Sink, SinkOptions, open_sink
from livecam.sinks.threaded import ThreadedSink
from livecam.sources import Source
from livecam.stats import Stats, peak_rss_mb
from livecam.types import RunInfo

RECORDING_QUEUE = 30  # pictures that wait for an encoder that is late for a moment


def run_live(
    source: Source, outputs: list[str], settings: Settings, explainer: Explainer, interrupt: Interrupt, *, force: bool
) -> dict[str, Any]:
    """Show ``source`` on the sinks until it ends, a viewer leaves, or a signal comes; returns the report."""
    stats, started = Stats(), time.monotonic()
    times: list[float] = []
    with ExitStack() as stack:
        run = run_info(source.info, explainer)
        options = replace(sink_options(settings, live=True, force=force), decode_errors=lambda: source.decode_errors)
        sinks = [stack.enter_context(_open(spec, options, run)) for spec in outputs]
        pipeline = stack.enter_context(
            Pipeline(
                source,
                explainer,
                policy=Policy.LIVE,
                class_idx=class_of(settings, explainer),
                smoother=make_smoother(settings),
                painter=make_painter(settings),
                quality=settings.quality,
                target_fps=settings.target_fps,
                max_frames=settings.max_frames,
                stop_requested=interrupt,
                stats=stats,
            )
        )
        for annotated in pipeline:
            with stats.stage("write"):
                wanted = [sink.write(annotated) for sink in sinks]
            times = [*times[:1], time.monotonic()]
            if not all(wanted):
                break
        progress = pipeline.progress
        if progress.complete:
            for sink in sinks:
                sink.finish()
    for sink in sinks:
        if isinstance(sink, ThreadedSink) and sink.dropped:
            stats.drop("encoder too slow", sink.dropped)
    span = times[-1] - times[0] if len(times) > 1 else 0.0
    return {
        "input": source.info.name,
        "mode": source.info.detail,
        "output": outputs,
        "model": explainer.model,
        "method": explainer.method,
        "target_layer": explainer.target_layer,
        "backend": explainer.backend,
        "device": explainer.device,
        "precision": explainer.precision,
        "frames_in": progress.frames_in,
        "frames_out": progress.frames_out,
        "explained": progress.explained,
        "dropped": dict(stats.dropped),
        "decode_errors": source.decode_errors,
        "interrupted": interrupt.requested,
        "level": progress.level,
        "level_changes": progress.changes,
        "elapsed_s": round(time.monotonic() - started, 3),
        "fps": round((progress.frames_out - 1) / span, 3) if span else 0.0,
        "stages": stats.stages(),
        "peak_rss_mb": peak_rss_mb(),
    }


def _open(spec: str, options: SinkOptions, run: RunInfo) -> Sink:
    """A window belongs to the main thread; whatever writes to a disk gets a thread of its own."""
    sink = open_sink(spec, options, run)
    if spec in ("display", "null", "memory"):
        return sink
    return ThreadedSink(sink, RECORDING_QUEUE, full=Full.LATEST)
