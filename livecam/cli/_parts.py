"""From settings to the parts of a run."""

from __future__ import annotations

from livecam.config import Settings
from livecam.explainer import Explainer
from livecam.overlay import Painter, Style
from livecam.sinks import SinkOptions
from livecam.smoothing import Smoother
from livecam.sources import SourceOptions
from livecam.types import RunInfo, SourceInfo


def make_explainer(settings: Settings) -> Explainer:
    return Explainer(
        settings.model,
        weights=settings.weights,
        labels=settings.labels,
        mean=settings.mean,
        std=settings.std,
        method=settings.method,
        layer=settings.layer,
        backend=settings.backend,
        device=settings.device,
        precision=settings.precision,
        input=settings.input,
        input_size=settings.input_size,
        detail=settings.detail,
        top_k=settings.top_k,
    )


def make_painter(settings: Settings) -> Painter:
    chosen = {"colormap": settings.colormap, "alpha": settings.alpha}
    given = {name: value for name, value in chosen.items() if value is not None}
    return Painter(Style(mode=settings.blend, hud=settings.hud, **given))  # type: ignore[arg-type]


def make_smoother(settings: Settings) -> Smoother:
    return Smoother(settings.smooth)


def class_of(settings: Settings, explainer: Explainer) -> int | None:
    return None if settings.class_ is None else explainer.class_named(settings.class_)


def source_options(settings: Settings) -> SourceOptions:
    return SourceOptions(start_s=settings.start, duration_s=settings.duration, size=settings.size, fps=settings.fps)


def sink_options(settings: Settings, *, live: bool, force: bool) -> SinkOptions:
    return SinkOptions(
        live=live, force=force, codec=settings.codec, crf=settings.crf, preset=settings.preset, audio=settings.audio
    )


def run_info(source: SourceInfo, explainer: Explainer) -> RunInfo:
    return RunInfo(source, explainer.model, explainer.method, explainer.target_layer, len(explainer.labels))
