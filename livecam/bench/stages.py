"""The stages of a recording, each alone: one after the other in one thread, so that none waits for another.

In ``livecam annotate`` they run side by side, and the slowest decides.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from livecam.bench.timing import summary
from livecam.errors import ModelError, SourceError
from livecam.explainer import Explainer
from livecam.overlay import Painter
from livecam.sinks import SinkOptions, open_sink
from livecam.sources import open_source
from livecam.types import AnnotatedFrame, Frame, RunInfo

T = TypeVar("T")
WARMUP = 5  # frames whose explanation and overlay are not counted
STAGES = ("decode", "explain", "overlay", "encode")


def measure_stages(
    clip: str, frames: int, explainer: Explainer, painter: Painter, options: SinkOptions, folder: Path
) -> dict[str, Any]:
    """Up to ``frames`` frames of ``clip``. Each stage: ``{p50_ms, p95_ms, samples, mean_ms}``, ms per frame.

    decode: a frame as RGB. explain: picture in, explanation out, its resize included. overlay: heat and words. encode:
    what the encoder takes of the caller's time; its own threads, and closing the file, are in its mean.
    """
    seconds: dict[str, list[float]] = defaultdict(list)
    flush = 0.0
    with open_source(clip) as source:
        run = RunInfo(source.info, explainer.model, explainer.method, explainer.target_layer, len(explainer.labels))
        first: Frame | None = None
        with open_sink(str(folder / "stages.mp4"), options, run) as sink:
            for number in range(frames):
                frame = _timed(seconds["decode"], source.read)
                if frame is None:
                    seconds["decode"].pop()
                    break
                if first is None:
                    first = frame
                    for _ in range(WARMUP):
                        painter.paint(frame.picture, explainer.explain(frame.picture))
                explanation = _timed(seconds["explain"], partial(explainer.explain, frame.picture))
                painted = _timed(seconds["overlay"], partial(painter.paint, frame.picture, explanation))
                if not np.isfinite(explanation.cam).all():
                    raise ModelError(f"frame {number}: its map is not finite; nothing is measured of that")
                annotated = AnnotatedFrame(frame, painted, explanation, 0)
                _timed(seconds["encode"], partial(sink.write, annotated))
            start = time.perf_counter()
        flush = time.perf_counter() - start
    if first is None:
        raise SourceError(f"{clip}: no picture in it could be decoded; is the file damaged?")
    done = len(seconds["decode"])
    means = {stage: (sum(seconds[stage]) + (flush if stage == "encode" else 0)) / done for stage in STAGES}
    return {
        "clip": Path(clip).name,
        "width": first.image.shape[1],
        "height": first.image.shape[0],
        "frames": done,
        "model": explainer.model,
        "backend": explainer.backend,
        "precision": explainer.precision,
        "stages": {s: summary(seconds[s]) | {"mean_ms": round(1000 * means[s], 4)} for s in STAGES},
    }


def _timed(seconds: list[float], work: Callable[[], T]) -> T:
    start = time.perf_counter()
    result = work()
    seconds.append(time.perf_counter() - start)
    return result
