"""LIVE for several cameras: each is captured, smoothed, drawn and lost by itself; one thread explains them all.

N capture threads   source ─▶ newest frame (LATEST, one slot each) ─▶ a place in the line
inference thread    whose turn it is ─▶ explain, those of one size together ─▶ newest explanation (one slot each)
caller's thread     tick ─▶ each camera's newest frame and explanation ─▶ overlay at the size of its tile ─▶ one picture
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, runtime_checkable

from livecam.addresses import scheme
from livecam.channel import Channel, Closed, Full
from livecam.clock import Clock, Pacer, SystemClock
from livecam.controls.wall import WallControls
from livecam.errors import ConfigError
from livecam.explainer import Asked
from livecam.geometry import Region
from livecam.overlay import Painter
from livecam.overlay.grid import LARGEST, Grid, Tile, arrange, empty
from livecam.pipeline._camera import Camera
from livecam.pipeline._live import Waiting, drain
from livecam.pipeline._meter import Meter
from livecam.pipeline._run import Explains, Progress, Run, Workers
from livecam.pipeline._screen import Explained
from livecam.pipeline._signal import NO_FRAME
from livecam.pipeline._turns import Turns
from livecam.pipeline._window import Window
from livecam.smoothing import Smoother
from livecam.sources import Source
from livecam.stats import RateMeter, Stats
from livecam.types import AnnotatedFrame, Explanation, Frame, Image, SourceInfo

FASTEST = 30.0  # pictures of the wall a second, unless more are asked for
TICKS = 1_000_000  # a second
LEAST_S = 0.001  # from one picture of the wall to the next, so that a recording has them all


@runtime_checkable
class ExplainsTogether(Protocol):
    """What an explainer offers that takes several pictures at a time."""

    @property
    def together(self) -> int: ...

    @property
    def explain_together(self) -> Callable[[Sequence[Asked]], list[Explanation]]: ...


class Wall:
    """Annotated frames of several cameras, all in one picture: iterate over it. The caller owns the loop.

    ``cameras`` has what belongs to each: ``shown``, its own newest AnnotatedFrame (at the size of its tile), and
    ``state()``. ``info``: the wall as a source, for sinks.

    The cameras share ``explainer``. Whoever has waited longest is served next, so that a fast camera never keeps a slow
    one waiting; those that wait with pictures of one size go through the network together where that pays. Each has its
    own smoother, controls, statistics and quality. One that is lost shows NO SIGNAL while the others go on;
    coming back is its source's own affair (``open_live``). The wall ends when all sources have, and raises SourceError
    when every one of them was lost. Any other failure of a thread is raised here, the original one.

    names: of the cameras, for the captions; None: those of the sources. class_idx, smooth_s, painter, quality, check,
    max_frames (of each): see ``Pipeline``. target_fps: pictures of the wall a second; None: as many as the fastest
    camera has, at most 30. size: (H, W) that the wall has at most. controls: what the viewer asks for.

    The picture of ``AnnotatedFrame.frame`` is the wall's, drawn already. Its explanation is that of the enlarged camera
    (region and spot within the wall), else None. Leaving the loop, by any way, ends the threads and closes the sources.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        explainer: Explains,
        *,
        names: Sequence[str] | None = None,
        class_idx: int | None = None,
        smooth_s: float | None = None,
        painter: Painter | None = None,
        controls: WallControls | None = None,
        quality: int | None = None,
        target_fps: float | None = None,
        check: bool = False,
        max_frames: int | None = None,
        size: tuple[int, int] = LARGEST,
        stop_requested: Callable[[], bool] = lambda: False,
        clock: Clock | None = None,
        stats: Stats | None = None,
    ) -> None:
        if not sources:
            raise ConfigError("a wall needs at least one camera")
        if max_frames is not None and max_frames < 1:
            raise ConfigError(f"max_frames is at least 1, not {max_frames}")
        infos = [source.info for source in sources]
        rate = target_fps or min(max(info.fps for info in infos) or FASTEST, FASTEST)
        grid = arrange([(info.height, round(info.width * info.pixel_aspect)) for info in infos], size)
        self.controls = controls or WallControls(len(sources))
        if len(self.controls.cameras) != len(sources):
            raise ConfigError(f"controls of {len(self.controls.cameras)} cameras do not fit {len(sources)}")
        self.controls.arranged(grid.regions(), [grid.region(tile.picture) for tile in grid.whole])
        self.stats, self.progress = stats or Stats(), Progress(level=quality or 0)
        clock, stop = clock or SystemClock(), threading.Event()
        together = explainer.together if isinstance(explainer, ExplainsTogether) else 1
        window = getattr(explainer, "window", None)
        turns = Turns[Waiting](len(sources), together, _shape)
        painter = painter or Painter()
        cameras = []
        for number, source in enumerate(sources):
            stats = Stats()
            run = Run(
                source,
                explainer,
                class_idx,
                Smoother() if smooth_s is None else Smoother(smooth_s),
                painter,
                self.controls.cameras[number],
                quality,
                None,
                max_frames,
                stop_requested,
                clock,
                stats,
                Progress(level=quality or 0),
                stop,
                Meter(stats, clock),
                sync=False,
                resizable=False,
                check=check,
                window=Window(*window) if window else None,
            )
            name = names[number] if names else _short(infos[number].name)
            cameras.append(Camera(run, f"{number + 1}  {name}", rate, turns.places[number], len(sources)))
        self.cameras: tuple[Camera, ...] = tuple(cameras)
        self.info = SourceInfo(
            " + ".join(info.name for info in infos),
            grid.size[1],
            grid.size[0],
            rate,
            Fraction(1, TICKS),
            live=True,
            detail=f"{len(sources)} cameras, {grid.size[1]}x{grid.size[0]}",
        )
        self._show = _Show(
            self.cameras, self.controls, self.progress, grid, turns, rate, clock, stop, stop_requested, self.stats
        )
        self._frames = self._show.pictures()  # it does not know the Wall, as in Pipeline

    def __iter__(self) -> Iterator[AnnotatedFrame]:
        return self

    def __next__(self) -> AnnotatedFrame:
        return next(self._frames)

    def state(self) -> dict[str, Any]:
        """How the run is doing, as JSON goes; any thread may ask.

        frames_in, explained: of all cameras; dropped: theirs, by cause, summed. frames_out, shown_fps: of the wall.
        stages: of the wall. cameras: of each, see ``Camera.state``. view: what the viewer asks for.
        """
        cameras = [camera.state() for camera in self.cameras]
        dropped = Counter(self.stats.dropped)
        for one in cameras:
            dropped.update(one["dropped"])
        return {
            "frames_in": sum(one["frames_in"] for one in cameras),
            "frames_out": self.progress.frames_out,
            "explained": self.progress.explained,
            "dropped": dict(dropped),
            "shown_fps": round(self._show.meter.rate, 2),
            "missed_deadlines": self._show.missed,
            "explained_fps": round(sum(one["explained_fps"] for one in cameras), 2),
            "stages": self.stats.stages(),
            "cameras": cameras,
            "view": asdict(self.controls.view),
        }

    def close(self) -> None:
        """End the threads and close the sources. Twice is harmless."""
        self._frames.close()

    def __enter__(self) -> Wall:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@dataclass(slots=True)
class _Show:
    """What the caller's thread and the inference thread do. meter, missed: rate of the wall, and deadlines missed."""

    cameras: tuple[Camera, ...]
    controls: WallControls
    progress: Progress
    grid: Grid
    turns: Turns[Waiting]
    rate: float
    clock: Clock
    stop: threading.Event
    stop_requested: Callable[[], bool]
    stats: Stats
    meter: RateMeter = field(default_factory=RateMeter)
    missed: int = 0
    began: float = 0.0

    def pictures(self) -> Generator[AnnotatedFrame, None, None]:
        cameras, ended, blank = self.cameras, Channel[None](1, Full.WAIT), empty(self.grid.size)
        workers = Workers(
            self.stop,
            [camera.run.source for camera in cameras],
            *((camera.feed.capture, camera.feed.shown) for camera in cameras),
            (self.explain, ended),
            between=[self.turns],
        )
        pacer = Pacer(1 / self.rate, self.clock)
        before: Frame | None = None
        seen: list[int] = []
        with ExitStack() as stack:
            stack.enter_context(workers)
            for camera in cameras:
                stack.enter_context(camera.screen.inputs)
            while not self.stop_requested():
                self.missed += pacer.tick(self.stop)
                start = self.clock.now()
                view = self.controls.view
                tiles = self._tiles(view.enlarged)
                for camera, tile in zip(cameras, tiles, strict=True):
                    camera.show(tile, alone=view.enlarged is not None)
                _raise_failure(ended)
                if all(camera.over for camera in cameras):
                    drain(ended)
                    self._finish()
                    return
                if all(camera.shown is None for camera in cameras):
                    continue
                with self.stats.stage("wall"):
                    picture = blank.copy()
                    for camera, tile in zip(cameras, tiles, strict=True):
                        if tile is not None:
                            camera.draw(picture, tile)
                now = [camera.index for camera in cameras]
                before, seen = self._frame(picture, before, new=now != seen), now
                alone = None if view.enlarged is None else cameras[view.enlarged].shown
                yield self._annotated(before, alone, view.enlarged)
                for camera in cameras:
                    camera.presented(self.clock.now() - start)

    def explain(self) -> None:
        """The inference thread: turn after turn, until nobody can come any more."""
        while True:
            turn = [(self.cameras[number], *waiting) for number, waiting in self.turns.get()]
            made = [(camera.explaining, explained) for camera, explained in _explained(turn)]
            self.progress.explained += len(made)
            for explaining, explained in made:
                explaining.check(explained)

    def _tiles(self, enlarged: int | None) -> list[Tile | None]:
        if enlarged is None:
            return list(self.grid.tiles)
        return [tile if number == enlarged else None for number, tile in enumerate(self.grid.whole)]

    def _frame(self, picture: Image, before: Frame | None, *, new: bool) -> Frame:
        """The wall's next frame, or the one before once more, drawn again: when no camera has a new picture."""
        seen = [camera.shown.frame.captured_at for camera in self.cameras if camera.shown and camera.index > NO_FRAME]
        if not seen:
            return Frame(picture, NO_FRAME, 0.0, self.clock.now())
        if not new and before is not None:
            return Frame(picture, before.index, before.pts, before.captured_at, before.ticks)
        at = max(seen)
        if before is None or before.index == NO_FRAME:
            self.began = at
        else:
            at = max(at, before.captured_at + LEAST_S)
        now = self.clock.now()
        self.meter.add(now)
        self.progress.frames_out += 1
        pts = at - self.began
        return Frame(picture, self.progress.frames_out - 1, pts, at, round(pts * TICKS))

    def _annotated(self, frame: Frame, alone: AnnotatedFrame | None, number: int | None) -> AnnotatedFrame:
        level = max(camera.run.progress.level for camera in self.cameras)
        if alone is None or number is None:
            return AnnotatedFrame(frame, frame.picture, None, None, level)
        explanation = alone.explanation
        if explanation is not None:
            explanation = within(explanation, self.grid.region(self.grid.whole[number].picture))
        return AnnotatedFrame(frame, frame.picture, explanation, alone.lag, alone.level)

    def _finish(self) -> None:
        """All cameras are over. Raises SourceError when every one was lost."""
        errors = [camera.error for camera in self.cameras if camera.error is not None]
        if len(errors) == len(self.cameras):
            raise errors[0]
        self.progress.complete = True


def within(explanation: Explanation, part: Region) -> Explanation:
    """The explanation of a picture as one of the larger picture of which it is ``part``."""
    y0, x0, y1, x1 = part
    height, wide = y1 - y0, x1 - x0
    top, left, bottom, right = explanation.region
    spot = explanation.spot and (x0 + explanation.spot[0] * wide, y0 + explanation.spot[1] * height)
    region = y0 + top * height, x0 + left * wide, y0 + bottom * height, x0 + right * wide
    return replace(explanation, region=region, spot=spot)


def _explained(turn: list[tuple[Camera, Frame, float]]) -> Iterator[tuple[Camera, Explained]]:
    """Explain the pictures of a turn, and hand each over as soon as it is made."""
    explainer, start = turn[0][0].run.explainer, time.perf_counter()
    if len(turn) == 1 or not isinstance(explainer, ExplainsTogether):
        for camera, frame, at in turn:
            explained = camera.explaining.explain(frame, at)
            camera.feed.hand_over(explained)
            yield camera, explained
        return
    asked = [Asked(frame.picture, **camera.explaining.ask(frame, at)) for camera, frame, at in turn]
    made = explainer.explain_together(asked)
    seconds = (time.perf_counter() - start) / len(turn)
    for (camera, frame, _), explanation in zip(turn, made, strict=True):
        camera.run.stats.add("explain", seconds)
        explained = camera.explaining.answered(frame, explanation)
        camera.feed.hand_over(explained)
        yield camera, explained


def _raise_failure(thread: Channel[None]) -> None:
    """What the thread that closes the channel has failed with, if it has."""
    with suppress(TimeoutError, Closed):
        thread.get(0)


def _short(name: str) -> str:
    """An address as it is, of a path the file.

    >>> _short("clips/dog.mp4"), _short("rtsp://10.0.0.7/front")
    ('dog.mp4', 'rtsp://10.0.0.7/front')
    """
    return name if scheme(name) else Path(name).name or name


def _shape(waiting: Waiting) -> object:
    return waiting[0].picture.shape
