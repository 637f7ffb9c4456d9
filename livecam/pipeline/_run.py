"""What the threads of one run share, and the rules by which they stop."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Protocol

from livecam.channel import Channel, Closed
from livecam.clock import Clock
from livecam.controls import Controls
from livecam.overlay import Painter
from livecam.pipeline._meter import Meter
from livecam.pipeline._window import Window
from livecam.smoothing import Smoother
from livecam.sources import Source
from livecam.stats import Stats
from livecam.types import Explanation, Frame

log = logging.getLogger("livecam")

WAKE_S = 0.1  # how often a waiting caller looks for a stop request or an error of another thread
JOIN_S = 5.0
CHANGES_KEPT = 100  # of quality: a kiosk runs for weeks


class Explains(Protocol):
    """What the pipeline needs of an Explainer."""

    title: str

    @property
    def explain(self) -> Callable[..., Explanation]:
        """``explain(picture, class_idx, *, choose, ...)``, as of an Explainer."""
        ...


@dataclass(slots=True)
class Progress:
    """What has happened so far; written by the pipeline, read by anyone.

    frames_in: read from the source. frames_out: given to the caller, each counted once. explained: explanations made.
    complete: the source has ended by itself. level: heatmap quality in use. step, title: the governor's rung, and its
    words. changes: of the rung, with their reasons, the last CHANGES_KEPT.
    """

    frames_in: int = 0
    frames_out: int = 0
    explained: int = 0
    complete: bool = False
    level: int = 0
    step: int = 0
    title: str = ""
    changes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Run:
    """Everything that the threads of one run share; nothing here refers to the Pipeline (see Pipeline.__del__)."""

    source: Source
    explainer: Explains
    class_idx: int | None
    smoother: Smoother
    painter: Painter
    controls: Controls
    quality: int | None
    target_fps: float | None
    max_frames: int | None
    stop_requested: Callable[[], bool]
    clock: Clock
    stats: Stats
    progress: Progress
    stop: threading.Event
    meter: Meter
    sync: bool
    resizable: bool
    check: bool
    window: Window | None = None

    def state(self) -> dict[str, Any]:
        """See ``Pipeline.state``."""
        progress = self.progress
        return {
            "frames_in": progress.frames_in,
            "frames_out": progress.frames_out,
            "explained": progress.explained,
            "dropped": dict(self.stats.dropped),
            **self.meter.state(),
            "level": progress.step,
            "level_title": progress.title,
            "level_changes": list(progress.changes),
            "heatmap_quality": progress.level,
            "stages": self.stats.stages(),
            "view": asdict(self.controls.view),
        }


def read(run: Run) -> Iterator[Frame]:
    """The frames of the source, timed and counted, up to max_frames."""
    progress = run.progress
    while not run.stop.is_set() and progress.frames_in != run.max_frames:
        with run.stats.stage("decode"):
            frame = run.source.read()
        if frame is None:
            progress.complete = not run.stop.is_set()
            return
        progress.frames_in += 1
        yield frame


def asked_of(run: Run, frame: Frame, now: float, smoother: Smoother) -> dict[str, Any]:
    """Look at the picture of time ``now``; returns what is asked of it, the arguments of ``explain``."""
    smoother.observe(frame.picture, now)
    asked: dict[str, Any] = {"class_idx": run.class_idx, "choose": smoother.choose}
    if getattr(run.explainer, "finds_objects", False):
        asked["track"] = smoother.track
    return asked


def smoothed(run: Run, frame: Frame, explanation: Explanation, smoother: Smoother) -> Explanation:
    """What has been made of ``frame``, counted, and averaged with what was made before."""
    run.progress.explained += 1
    return smoother.smooth(replace(explanation, frame_index=frame.index))


class Discards(Protocol):
    """The reader's end of something that is waited for."""

    def discard(self) -> None: ...


class Workers:
    """Runs workers, each the writer of one channel. A worker's end closes its channel, with its error if it fails.
    between: further channels that somebody may wait for.

    On exit: ``stop`` is set, the channels are closed (so that nobody waits for anybody), then the sources, then the
    threads are joined; a ``read()`` that never returns is abandoned with a warning.
    """

    def __init__(
        self,
        stop: threading.Event,
        sources: Sequence[Source],
        *workers: tuple[Callable[[], None], Channel[Any]],
        between: Sequence[Discards] = (),
    ) -> None:
        self._stop, self._sources = stop, sources
        self._channels: list[Discards] = [*(channel for _, channel in workers), *between]
        self._threads = [
            threading.Thread(target=self._work, args=worker, name=f"livecam-{worker[0].__name__}", daemon=True)
            for worker in workers
        ]

    @staticmethod
    def _work(work: Callable[[], None], channel: Channel[Any]) -> None:
        try:
            work()
        except Closed:
            channel.close()
        except BaseException as error:  # noqa: BLE001  it is raised again in the caller's thread
            channel.close(error)
        else:
            channel.close()

    def __enter__(self) -> None:
        for thread in self._threads:
            thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for channel in self._channels:
            channel.discard()
        for source in self._sources:
            source.close()
        for thread in self._threads:
            thread.join(JOIN_S)
            if thread.is_alive():
                log.warning("%s: does not return, abandoned", thread.name)
