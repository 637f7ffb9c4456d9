"""One source, or several in one picture, shown and recorded as they come."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from livecam.addresses import is_page
from livecam.assembly import make_pipeline, make_wall, run_info, sink_options, warm_up, who
from livecam.cli._acts import Acts, make_controls
from livecam.cli._console import say
from livecam.cli._interrupt import Interrupt
from livecam.cli._recorders import Recorders, is_push
from livecam.config import Settings
from livecam.controls import Controls
from livecam.controls.wall import WallControls
from livecam.explainer import Explainer
from livecam.masking import masked
from livecam.pipeline import Pipeline, Policy, Wall
from livecam.signals import patient
from livecam.sinks import Sink, open_sink
from livecam.sources import Source
from livecam.sources._names import BROWSER
from livecam.stats import Stats, peak_rss_mb
from livecam.types import AnnotatedFrame
from livecam.web.address import DEFAULT

VIEWS = ("display", "fullscreen", "memory", "null")  # a window belongs to the main thread; a page never waits


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
    sources: Sequence[Source],
    outputs: list[str],
    settings: Settings,
    explainer: Explainer,
    interrupt: Interrupt,
    *,
    force: bool,
    stage: Stage | None = None,
) -> dict[str, Any]:
    """Show ``sources`` on the sinks until they end, a viewer leaves, or a signal comes; returns the report.

    A file that cannot be written any more ends its own recording only; the report's ``exit_code`` says so, then.
    outputs: no two the same (``check_apart``). Raises ConfigError, SourceLost, ModelError, and SinkError when there is
    nothing left to go on for.
    """
    stage, stats, started = stage or Stage(), Stats(), time.monotonic()
    recording = not all(_is_view(spec) or is_push(spec) for spec in outputs)
    controls = make_controls(settings, explainer, recording=recording, forbidden=stage.forbidden, cameras=len(sources))
    if len(sources) == 1 and all(is_page(spec) for spec in outputs):
        controls.change(hud="off")  # a page writes the words beside the picture

    def decode_errors() -> int:
        return sum(source.decode_errors for source in sources)

    times: list[float] = []
    shown = -1
    warm_up(explainer, *(source.info for source in sources))
    stage.before_outputs()
    with ExitStack() as stack:
        stack.enter_context(patient())
        # Its threads start with the first picture: the sinks are opened, and closed after it.
        resizable = all(_is_view(spec) for spec in outputs)
        pipeline = _make(sources, explainer, settings, interrupt, stats, controls, resizable)
        run = run_info(pipeline.info, explainer)

        def state() -> dict[str, Any]:
            return {**pipeline.state(), **recorders.state()}

        options = replace(
            sink_options(settings, live=True, force=force),
            decode_errors=decode_errors,
            drop=stats.drop,
            controls=controls,
            state=state,
        )
        written = [spec for spec in outputs if not _is_view(spec)]
        recorders = Recorders(
            written,
            lambda spec: open_sink(spec, options, run),
            controls,
            stats,
            others=len(written) < len(outputs),
        )
        views: list[Sink] = [stack.enter_context(open_sink(spec, options, run)) for spec in outputs if _is_view(spec)]
        stack.enter_context(recorders)
        acts = stack.enter_context(Acts(controls, run, say))
        stack.enter_context(pipeline)
        for annotated in pipeline:
            # While no new picture comes, the last one is shown again, but recorded once.
            again, shown = annotated.frame.index == shown, annotated.frame.index
            with stats.stage("write"):
                dressed = stage.dress(annotated)
                wanted = [sink.write(dressed) for sink in views]
                wanted.append(again or recorders.write(dressed))
            stage.presented(annotated, pipeline.progress.explained)
            times = times if again else [*times[:1], time.monotonic()]
            if not (all(wanted) and acts.after(annotated)):
                break
        progress = pipeline.progress
        if progress.complete:
            for sink in views:
                sink.finish()
            recorders.finish()
    span = times[-1] - times[0] if len(times) > 1 else 0.0
    return {
        "input": pipeline.info.name,
        "mode": pipeline.info.detail,
        "output": [masked(spec) for spec in outputs],
        **who(explainer),
        **state(),
        "decode_errors": decode_errors(),
        "interrupted": interrupt.requested,
        "elapsed_s": round(time.monotonic() - started, 3),
        "fps": round((progress.frames_out - 1) / span, 3) if span else 0.0,
        "peak_rss_mb": peak_rss_mb(),
        **({"error": masked(str(failure)), "exit_code": failure.exit_code} if (failure := recorders.failure) else {}),
    }


def _make(
    sources: Sequence[Source],
    explainer: Explainer,
    settings: Settings,
    interrupt: Interrupt,
    stats: Stats,
    controls: Controls,
    resizable: bool,
) -> Pipeline | Wall:
    if isinstance(controls, WallControls):
        return make_wall(sources, explainer, settings, interrupt, stats, controls)
    (source,) = sources
    return make_pipeline(
        source, explainer, settings, Policy.LIVE, interrupt, stats, controls=controls, resizable=resizable
    )


def _is_view(spec: str) -> bool:
    return spec in VIEWS or is_page(spec)


def paired(sources: Sequence[str], outputs: tuple[str, ...]) -> tuple[list[str], tuple[str, ...]]:
    """A browser's camera is read where its page is served; without ``-o`` a window, or that page.

    >>> paired(["browser:"], ("http://127.0.0.1:9000",)), paired(["0", "1"], ())
    ((['browser:http://127.0.0.1:9000'], ('http://127.0.0.1:9000',)), (['0', '1'], ('display',)))
    """
    if BROWSER not in sources:
        return list(sources), outputs or ("display",)
    outputs = outputs or (DEFAULT,)
    page = next((spec for spec in outputs if is_page(spec)), DEFAULT)
    return [f"{BROWSER}{page}" if source == BROWSER else source for source in sources], outputs
