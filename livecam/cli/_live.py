"""One source, shown and recorded as it comes."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from livecam.addresses import is_page
from livecam.channel import Full
from livecam.cli._acts import Acts, make_controls
from livecam.cli._console import say
from livecam.cli._interrupt import Interrupt
from livecam.cli._parts import make_pipeline, run_info, sink_options, warm_up, who
from livecam.config import Settings
from livecam.controls import Controls
from livecam.errors import ConfigError
from livecam.explainer import Explainer
from livecam.masking import masked
from livecam.pipeline import Policy
from livecam.sinks import Sink, open_sink
from livecam.sinks.push import PushSink
from livecam.sinks.threaded import ThreadedSink
from livecam.sources import Source
from livecam.sources._names import BROWSER
from livecam.stats import Stats, peak_rss_mb
from livecam.types import AnnotatedFrame
from livecam.web.address import DEFAULT

VIEWS = ("display", "fullscreen", "memory", "null")  # a window belongs to the main thread; a page never waits
RECORDING_QUEUE = 30  # pictures that wait for an encoder that is late for a moment
PUSHING_QUEUE = 4  # fewer, for who watches a stream sees each of them as delay


class Stage:
    """What stands between the pipeline and the sinks; this one does nothing. forbidden: actions of nobody's."""

    forbidden: frozenset[str] = frozenset()

    def before_outputs(self) -> None:
        """Everything is loaded; the sinks are opened next."""

    def dress(self, annotated: AnnotatedFrame) -> AnnotatedFrame:
        """The picture as the sinks get it."""
        return annotated

    def presented(self, annotated: AnnotatedFrame, explained: int) -> None:
        """The sinks have it; so many explanations had been made by then."""


def run_live(
    source: Source,
    outputs: list[str],
    settings: Settings,
    explainer: Explainer,
    interrupt: Interrupt,
    *,
    force: bool,
    stage: Stage | None = None,
) -> dict[str, Any]:
    """Show ``source`` on the sinks until it ends, a viewer leaves, or a signal comes; returns the report.

    Raises ConfigError, SourceLost, SinkError, ModelError.
    """
    if len(set(outputs)) < len(outputs):
        raise ConfigError(f"-o: {masked(', '.join(outputs))}: name each output once")
    stage, stats, started = stage or Stage(), Stats(), time.monotonic()
    recording = not all(_is_view(spec) or _is_push(spec) for spec in outputs)
    controls = make_controls(settings, explainer, recording=recording, forbidden=stage.forbidden)
    if all(is_page(spec) for spec in outputs):
        controls.change(hud="off")  # a page writes the words beside the picture
    times: list[float] = []
    shown = -1
    warm_up(explainer, source.info)
    stage.before_outputs()
    with ExitStack() as stack:
        run = run_info(source.info, explainer)
        # Its threads start with the first picture: the sinks are opened, and closed after it.
        pipeline = make_pipeline(
            source,
            explainer,
            settings,
            Policy.LIVE,
            interrupt,
            stats,
            controls=controls,
            resizable=all(_is_view(spec) for spec in outputs),
        )
        options = replace(
            sink_options(settings, live=True, force=force),
            decode_errors=lambda: source.decode_errors,
            drop=stats.drop,
            controls=controls,
            state=pipeline.state,
        )
        views: list[Sink] = [stack.enter_context(open_sink(spec, options, run)) for spec in outputs if _is_view(spec)]
        # Whatever writes to a disk or to the network gets a thread of its own.
        threaded = {
            spec: stack.enter_context(ThreadedSink(open_sink(spec, options, run), _queue(spec), full=Full.LATEST))
            for spec in outputs
            if not _is_view(spec)
        }
        acts = stack.enter_context(Acts(controls, run, say))
        stack.enter_context(pipeline)
        for annotated in pipeline:
            # While no new picture comes, the last one is shown again, but recorded once.
            again, shown = annotated.frame.index == shown, annotated.frame.index
            taking = [] if again else _taking(threaded, controls)
            with stats.stage("write"):
                dressed = stage.dress(annotated)
                wanted = [sink.write(dressed) for sink in [*views, *taking]]
            stage.presented(annotated, pipeline.progress.explained)
            times = times if again else [*times[:1], time.monotonic()]
            if not (all(wanted) and acts.after(annotated)):
                break
        progress = pipeline.progress
        if progress.complete:
            for sink in (*views, *threaded.values()):
                sink.finish()
    for spec, thread in threaded.items():
        if thread.dropped:
            stats.drop("network too slow" if _is_push(spec) else "encoder too slow", thread.dropped)
    span = times[-1] - times[0] if len(times) > 1 else 0.0
    return {
        "input": source.info.name,
        "mode": source.info.detail,
        "output": [masked(spec) for spec in outputs],
        **who(explainer),
        **pipeline.state(),
        "decode_errors": source.decode_errors,
        "interrupted": interrupt.requested,
        "elapsed_s": round(time.monotonic() - started, 3),
        "fps": round((progress.frames_out - 1) / span, 3) if span else 0.0,
        "peak_rss_mb": peak_rss_mb(),
    }


def _is_view(spec: str) -> bool:
    return spec in VIEWS or is_page(spec)


def _is_push(spec: str) -> bool:
    return PushSink.matches(spec)


def _queue(spec: str) -> int:
    return PUSHING_QUEUE if _is_push(spec) else RECORDING_QUEUE


def _taking(threaded: dict[str, ThreadedSink], controls: Controls) -> list[ThreadedSink]:
    """Recording can be switched off; a stream goes on."""
    return [sink for spec, sink in threaded.items() if controls.view.recording or _is_push(spec)]


def paired(source: str, outputs: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """A browser's camera is read where its page is served; without ``-o`` a window, or that page.

    >>> paired("browser:", ("http://127.0.0.1:9000",)), paired("0", ())
    (('browser:http://127.0.0.1:9000', ('http://127.0.0.1:9000',)), ('0', ('display',)))
    """
    if source != BROWSER:
        return source, outputs or ("display",)
    outputs = outputs or (DEFAULT,)
    page = next((spec for spec in outputs if is_page(spec)), DEFAULT)
    return f"{BROWSER}{page}", outputs
