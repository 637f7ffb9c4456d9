"""Pipeline: threads, channels, pairing of picture and explanation, stop and error rules. It only decides *when*."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from enum import Enum
from types import TracebackType
from typing import Any

from livecam.clock import Clock, SystemClock
from livecam.controls import Controls
from livecam.errors import ConfigError
from livecam.overlay import Painter
from livecam.pipeline._camera import Camera
from livecam.pipeline._every import every
from livecam.pipeline._live import live
from livecam.pipeline._meter import Meter
from livecam.pipeline._run import Explains, Progress, Run
from livecam.pipeline._wall import Wall
from livecam.pipeline._window import Window
from livecam.smoothing import Smoother
from livecam.sources import Source
from livecam.stats import Stats
from livecam.types import AnnotatedFrame

__all__ = ["Camera", "Pipeline", "Policy", "Progress", "Wall"]


class Policy(Enum):
    """Which frames reach the caller."""

    EVERY = "every"  # all, in order, bit-identical from run to run; quality never adapts
    LIVE = "live"  # the newest picture with the newest explanation, at the rate of the source


class Pipeline:
    """Annotated frames of a source: iterate over it. The caller owns the loop and the GUI thread.

    policy: None: LIVE for a live source, else EVERY. class_idx: the class to explain; None: the best, held against
    near-ties. controls: what the viewer of LIVE has asked for. quality: 0 (best) to 3; None: 0 for EVERY, and chosen by
    the governor for LIVE. target_fps: LIVE shows at most so many frames a second; None: as many as the source has.
    sync: LIVE shows explained pictures only, each with its own explanation; else the newest picture, with the newest
    map carried along with the motion. resizable: LIVE's governor may make the pictures smaller (not for recordings).
    check: LIVE hides the hottest part of a picture about once a second and classifies it again, to see whether the map
    tells the truth (``Explainer.check``).
    max_frames: end after so many. stop_requested: asked at least ten times a second; True ends the stream.

    An exception of any thread is raised here, the original one. Leaving the loop, by any way, ends the threads and
    closes the source.
    """

    def __init__(
        self,
        source: Source,
        explainer: Explains,
        *,
        policy: Policy | None = None,
        class_idx: int | None = None,
        smoother: Smoother | None = None,
        painter: Painter | None = None,
        controls: Controls | None = None,
        quality: int | None = None,
        target_fps: float | None = None,
        sync: bool = False,
        resizable: bool = False,
        check: bool = False,
        max_frames: int | None = None,
        stop_requested: Callable[[], bool] = lambda: False,
        clock: Clock | None = None,
        stats: Stats | None = None,
    ) -> None:
        if max_frames is not None and max_frames < 1:
            raise ConfigError(f"max_frames is at least 1, not {max_frames}")
        self.info = source.info
        self.policy = policy or (Policy.LIVE if source.info.live else Policy.EVERY)
        self.stats, self.progress = stats or Stats(), Progress(level=quality or 0)
        window = getattr(explainer, "window", None)
        run = Run(
            source,
            explainer,
            class_idx,
            smoother or Smoother(),
            painter or Painter(),
            controls or Controls(),
            quality,
            target_fps,
            max_frames,
            stop_requested,
            clock or SystemClock(),
            self.stats,
            self.progress,
            threading.Event(),
            Meter(self.stats, clock or SystemClock()),
            sync,
            resizable,
            check,
            Window(*window) if window else None,
        )
        self._run = run
        # A generator that does not know the Pipeline: when the caller drops the Pipeline in mid-stream, Python closes
        # the generator, and its ``finally`` ends the threads.
        self._frames = every(run) if self.policy is Policy.EVERY else live(run)

    def __iter__(self) -> Iterator[AnnotatedFrame]:
        return self

    def __next__(self) -> AnnotatedFrame:
        return next(self._frames)

    def state(self) -> dict[str, Any]:
        """How a live run is doing, as JSON goes; any thread may ask.

        frames_in, frames_out, explained: read, shown, explained so far. dropped: cause (overwritten: a newer picture
        came first; paced: above the target rate; paused; encoder too slow) → pictures that were not shown or recorded.
        camera_fps, shown_fps, explained_fps: rates of the last two seconds. missed_deadlines, longest_gap_ms: of
        showing. measures: name → p50, p95, p99, see ``livecam.pipeline._meter.Meter``. stages: name → p50_ms, p95_ms,
        p99_ms of the work. level: the governor's rung, 0 is the best; level_title: in words; level_changes: the last
        ones with their reasons; heatmap_quality: 0 to 3. view: what the viewer asks for (``livecam.controls.View``).
        """
        return self._run.state()

    def close(self) -> None:
        """End the threads and close the source. Twice is harmless."""
        self._frames.close()

    def __enter__(self) -> Pipeline:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
