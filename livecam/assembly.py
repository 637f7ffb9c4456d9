"""From settings to the parts of a run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from livecam.addresses import scheme
from livecam.config import Settings
from livecam.controls import Controls
from livecam.controls.wall import WallControls
from livecam.errors import ConfigError
from livecam.explainer import Explainer
from livecam.masking import masked
from livecam.overlay import Painter, Style
from livecam.pipeline import Pipeline, Policy, Wall
from livecam.sinks import SinkOptions
from livecam.sinks.heatmap import ENCODERS as HEAT_FILES
from livecam.sinks.heatmap import SCHEME as HEATMAP
from livecam.sinks.images import ImagesSink
from livecam.sinks.maps import MapsSink
from livecam.sinks.video import VideoSink
from livecam.smoothing import Smoother
from livecam.sources import Source, SourceOptions
from livecam.stats import Stats
from livecam.threads import beside_an_encoder
from livecam.types import RunInfo, SourceInfo

DETAIL = {"still": "best", "live": "live", "every": "plain"}


def make_explainer(settings: Settings, work: Literal["still", "live", "every"] = "still") -> Explainer:
    """work: single pictures are worth precision ``auto`` exact and the best detail, pictures seen in passing not; where
    every frame is also encoded, the engine leaves cores to the encoder, and maps are plain: finer ones take a fifth of
    the speed."""
    threads = settings.threads or (beside_an_encoder() if work == "every" else None)
    precision = "fast" if settings.precision == "auto" and work != "still" else settings.precision
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
        precision=precision,
        input=settings.input,
        input_size=settings.input_size,
        detail=settings.detail or DETAIL[work],
        scales=settings.scales,
        scale_weights=settings.scale_weights,
        fuse=settings.fuse,
        upsample=settings.upsample,
        top_k=settings.top_k,
        threads=threads,
        budget=settings.budget,
        relu=settings.relu,
        normalise=settings.normalise,
        min_score=settings.min_score,
        like=settings.like,
        like_text=settings.like_text,
    )


def warm_up(explainer: Explainer, *sources: SourceInfo) -> None:
    """Explain a picture of each source's size before the first one comes: the first time with a model, that takes
    seconds, in which a short show would be over and a camera's picture would stand without a map."""
    for height, width in {(source.height, source.width) for source in sources}:
        explainer.explain(np.zeros((height, width, 3), np.uint8))


def make_painter(settings: Settings, explainer: Explainer) -> Painter:
    """A painter that works where ``explainer`` does."""
    chosen = {"colormap": settings.colormap, "alpha": settings.alpha}
    given = {name: value for name, value in chosen.items() if value is not None}
    return Painter(Style(mode=settings.blend, hud=settings.hud, **given), explainer.device)  # type: ignore[arg-type]


def class_of(settings: Settings, explainer: Explainer) -> int | None:
    return None if settings.class_ is None else explainer.class_named(settings.class_)


def source_options(settings: Settings) -> SourceOptions:
    return SourceOptions(
        start_s=settings.start,
        duration_s=settings.duration,
        size=settings.size,
        fps=settings.fps,
        reconnect=settings.reconnect,
        retry_delay_s=settings.retry_delay,
        stall_timeout_s=settings.stall_timeout,
    )


def sink_options(settings: Settings, *, live: bool, force: bool) -> SinkOptions:
    if (settings.quota or settings.keep_free) and settings.segment is None:
        raise ConfigError("--quota, --keep-free: only segments are deleted; add --segment 10m")
    return SinkOptions(
        live=live,
        force=force,
        codec=settings.codec,
        crf=settings.crf,
        preset=settings.preset,
        audio=settings.audio,
        subtitles=settings.subtitles,
        settings=settings.given(),
        segment_s=settings.segment if live else None,
        quota=settings.quota,
        keep_free=settings.keep_free,
    )


def masks(settings: Settings) -> dict[str, str]:
    """Recordings of the maps themselves that were asked for: setting → the spec of its sink. Raises ConfigError."""
    heat = settings.heatmap_video
    if heat and (scheme(heat) or Path(heat).suffix.lower() not in HEAT_FILES):
        raise ConfigError(
            f"--heatmap-video {masked(heat)}: heat is recorded without loss: name a {', '.join(HEAT_FILES)} file"
        )
    if settings.maps and not MapsSink.matches(settings.maps):
        raise ConfigError(f"--maps {masked(settings.maps)}: name a .npz file")
    given = {"heatmap_video": heat and f"{HEATMAP}{heat}", "maps": settings.maps}
    return {name: spec for name, spec in given.items() if spec}


def check_apart(outputs: Iterable[str]) -> None:
    """Raise ConfigError when two of the sinks ``outputs`` are one: ``a.mp4`` and ``./a.mp4``, or a link to it."""
    outputs = list(outputs)
    if len({file_of(spec).resolve() for spec in outputs}) < len(outputs):
        raise ConfigError(f"-o {masked(', '.join(outputs))}: one is named twice; give each a name of its own")


def file_of(spec: str) -> Path:
    """What the sink of ``spec`` writes."""
    return Path(spec.removeprefix(HEATMAP))


def subtitles_of(output: str) -> str | None:
    """Where players look for the subtitles of a recording: ``out.vtt``; of images ``frames/%05d.png``, ``frames.vtt``.

    >>> subtitles_of("a/out.mp4"), subtitles_of("display")
    ('a/out.vtt', None)
    """
    if ImagesSink.matches(output):
        return f"{Path(output).parent}.vtt"
    return str(Path(output).with_suffix(".vtt")) if VideoSink.matches(output) else None


def make_pipeline(
    source: Source,
    explainer: Explainer,
    settings: Settings,
    policy: Policy,
    stop: Callable[[], bool],
    stats: Stats,
    *,
    controls: Controls | None = None,
    resizable: bool = False,
    smoother: Smoother | None = None,
) -> Pipeline:
    return Pipeline(
        source,
        explainer,
        policy=policy,
        class_idx=class_of(settings, explainer),
        smoother=smoother or Smoother(settings.smooth),
        painter=make_painter(settings, explainer),
        quality=settings.quality,
        target_fps=settings.target_fps,
        sync=settings.sync,
        check=settings.check,
        controls=controls,
        resizable=resizable,
        max_frames=settings.max_frames,
        stop_requested=stop,
        stats=stats,
    )


def check_several(specs: Sequence[str], settings: Settings) -> None:
    """Raises ConfigError for what one camera can do and several cannot."""
    if len(set(specs)) < len(specs):
        raise ConfigError(f"{masked(', '.join(specs))}: name each source once")
    for name in ("sync", "subtitles", "maps", "heatmap_video"):
        if getattr(settings, name) and len(specs) > 1:
            raise ConfigError(f"--{name.replace('_', '-')}: is for one camera; run each by itself")


def make_wall(
    sources: Sequence[Source],
    explainer: Explainer,
    settings: Settings,
    stop: Callable[[], bool],
    stats: Stats,
    controls: WallControls,
) -> Wall:
    return Wall(
        sources,
        explainer,
        class_idx=class_of(settings, explainer),
        smooth_s=settings.smooth,
        painter=make_painter(settings, explainer),
        quality=settings.quality,
        target_fps=settings.target_fps,
        check=settings.check,
        controls=controls,
        max_frames=settings.max_frames,
        stop_requested=stop,
        stats=stats,
    )


def who(explainer: Explainer) -> dict[str, Any]:
    """Who explains, for a report."""
    names = ("model", "method", "target_layer", "backend", "device", "precision")
    marked = {"random_weights": True} if explainer.random_weights else {}
    return {name: getattr(explainer, name) for name in names} | marked


def run_info(source: SourceInfo, explainer: Explainer) -> RunInfo:
    named = explainer.model, explainer.method, explainer.target_layer
    return RunInfo(source, *named, len(explainer.labels), explainer.random_weights)
