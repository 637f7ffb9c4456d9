"""Pipeline: threads, channels, pairing of picture and explanation, stop and error rules. It only decides *when*.

EVERY (files, exports)   source ─▶ Channel(n, WAIT) ─▶ explain, smooth ─▶ Channel(n, WAIT) ─▶ overlay ─▶ caller
LIVE  (camera, network)  capture thread    source ─▶ newest frame (LATEST, one slot)
                         inference thread  newest ─▶ explain, smooth ─▶ newest explanation (LATEST, one slot)
                         caller's thread   newest frame + newest explanation ─▶ overlay
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field, replace
from enum import Enum
from types import TracebackType
from typing import Any, Protocol

from livecam.channel import Channel, Closed, Full
from livecam.clock import Clock, Pacer, SystemClock
from livecam.errors import ConfigError
from livecam.governor import Governor
from livecam.overlay import Painter
from livecam.smoothing import Smoother
from livecam.sources import Source
from livecam.stats import RateMeter, Stats
from livecam.types import AnnotatedFrame, Explanation, Frame, Picture

log = logging.getLogger("livecam")

DEPTH = 2  # frames in flight between two threads of EVERY: enough to even out their pace, little memory at 4K
WAKE_S = 0.1  # how often a waiting caller looks for a stop request or an error of another thread
STALE_S = 1.0  # a picture older than this is said to be old
AGE_SHOWN_S = 0.2  # an overlay older than this says how old
JOIN_S = 5.0


class Policy(Enum):
    """Which frames reach the caller."""

    EVERY = "every"  # all, in order, bit-identical from run to run; quality never adapts
    LIVE = "live"  # the newest picture with the newest explanation, at the rate of the source


class Explains(Protocol):
    """What the pipeline needs of an Explainer."""

    title: str

    def explain(
        self, image: Picture, class_idx: int | None = None, *, choose: Callable[[Any], int] | None = None
    ) -> Explanation: ...


@dataclass(slots=True)
class Progress:
    """What has happened so far; written by the pipeline, read by anyone.

    frames_in: read from the source. frames_out: given to the caller, each counted once. explained: explanations made.
    complete: the source has ended by itself. level: quality in use. changes: of quality, with their reasons.
    """

    frames_in: int = 0
    frames_out: int = 0
    explained: int = 0
    complete: bool = False
    level: int = 0
    changes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Run:
    """Everything that the threads of one run share; nothing here refers to the Pipeline (see Pipeline.__del__)."""

    source: Source
    explainer: Explains
    class_idx: int | None
    smoother: Smoother
    painter: Painter
    quality: int | None
    target_fps: float | None
    max_frames: int | None
    stop_requested: Callable[[], bool]
    clock: Clock
    stats: Stats
    progress: Progress
    stop: threading.Event


class Pipeline:
    """Annotated frames of a source: iterate over it. The caller owns the loop and the GUI thread.

    policy: None: LIVE for a live source, else EVERY. class_idx: the class to explain; None: the best, held against
    near-ties. quality: 0 (best) to 3; None: 0 for EVERY, and chosen by the governor for LIVE. target_fps: LIVE shows at
    most so many frames a second; None: as many as the source has. max_frames: end after so many. stop_requested: asked
    at least ten times a second; True ends the stream.

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
        quality: int | None = None,
        target_fps: float | None = None,
        max_frames: int | None = None,
        stop_requested: Callable[[], bool] = lambda: False,
        clock: Clock | None = None,
        stats: Stats | None = None,
    ) -> None:
        if max_frames is not None and max_frames < 1:
            raise ConfigError(f"max_frames is at least 1, not {max_frames}")
        self.policy = policy or (Policy.LIVE if source.info.live else Policy.EVERY)
        self.stats, self.progress = stats or Stats(), Progress(level=quality or 0)
        run = _Run(
            source,
            explainer,
            class_idx,
            smoother or Smoother(),
            painter or Painter(),
            quality,
            target_fps,
            max_frames,
            stop_requested,
            clock or SystemClock(),
            self.stats,
            self.progress,
            threading.Event(),
        )
        # A generator that does not know the Pipeline: when the caller drops the Pipeline in mid-stream, Python closes
        # the generator, and its ``finally`` ends the threads.
        self._frames = _every(run) if self.policy is Policy.EVERY else _live(run)

    def __iter__(self) -> Iterator[AnnotatedFrame]:
        return self

    def __next__(self) -> AnnotatedFrame:
        return next(self._frames)

    def close(self) -> None:
        """End the threads and close the source. Twice is harmless."""
        self._frames.close()

    def __enter__(self) -> Pipeline:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _every(run: _Run) -> Generator[AnnotatedFrame, None, None]:
    """Every frame, in order."""
    frames: Channel[Frame] = Channel(DEPTH, Full.WAIT)
    explained: Channel[tuple[Frame, Explanation]] = Channel(DEPTH, Full.WAIT)

    def decode() -> None:
        for frame in _read(run):
            frames.put(frame)

    def explain() -> None:
        for frame in frames:
            explained.put((frame, _explain(run, frame, frame.pts)))

    with _threads(run, (decode, frames), (explain, explained)):
        while not run.stop_requested():
            try:
                frame, explanation = explained.get(WAKE_S)
            except TimeoutError:
                continue
            except Closed:
                return
            with run.stats.stage("overlay"):
                picture = run.painter.paint(
                    frame.picture, explanation, quality=run.progress.level, status=run.explainer.title
                )
            run.progress.frames_out += 1
            yield AnnotatedFrame(frame, picture, explanation, 0, run.progress.level)
        run.progress.complete = False


def _live(run: _Run) -> Generator[AnnotatedFrame, None, None]:
    """The newest picture with the newest explanation; the last picture again, marked, while none comes."""
    shown: Channel[Frame] = Channel(1, Full.LATEST)
    newest: Channel[Frame] = Channel(1, Full.LATEST)
    explained: Channel[tuple[Frame, Explanation]] = Channel(1, Full.LATEST)

    def capture() -> None:
        try:
            for frame in _paced(run):
                shown.put(frame)
                newest.put(frame)
        finally:
            newest.close()

    def explain() -> None:
        for frame in newest:
            explained.put((frame, _explain(run, frame, frame.captured_at)))

    rate = run.target_fps or run.source.info.fps or 30.0
    # Where the source is no faster than the target, its own rhythm is the smoothest.
    pacer = Pacer(1 / rate, run.clock) if run.target_fps and not 0 < run.source.info.fps <= run.target_fps else None
    screen = _Screen(run, Governor(1 / rate))
    with _threads(run, (capture, shown), (explain, explained), between=(newest,)):
        frame: Frame | None = None
        while not run.stop_requested():
            if pacer:
                pacer.tick(run.stop)
            try:
                frame = shown.get(WAKE_S)
            except TimeoutError:
                pass  # the last picture again, if there is one: the window answers, and says that it is old
            except Closed:
                run.stats.drop("overwritten", shown.dropped)
                _drain(explained)
                return
            screen.explanation = _poll(explained, screen.explanation)
            if frame is None:
                continue
            start = run.clock.now()
            yield screen.draw(frame)
            screen.adapt(run.clock.now() - start)
        run.progress.complete = False


class _Screen:
    """The caller's side of LIVE: joins a picture with the newest explanation, and governs the quality."""

    def __init__(self, run: _Run, governor: Governor) -> None:
        self.explanation: tuple[Frame, Explanation] | None = None
        self._run, self._governor = run, governor
        self._rate = RateMeter()
        self._drawn = -1

    def draw(self, frame: Frame) -> AnnotatedFrame:
        run, now = self._run, self._run.clock.now()
        explained, explanation = self.explanation or (None, None)
        lag = None if explained is None else frame.index - explained.index
        age = None if explained is None else frame.captured_at - explained.captured_at
        if frame.index != self._drawn:  # and not the last picture once more
            self._rate.add(now)
            self._drawn = frame.index
            run.progress.frames_out += 1
        with run.stats.stage("overlay"):
            picture = run.painter.paint(
                frame.picture,
                explanation,
                quality=run.progress.level,
                status=f"{run.explainer.title} · {self._rate.rate:.0f} fps",
                notice=_staleness(now - frame.captured_at),
                age_s=age if age is not None and age > AGE_SHOWN_S else None,
            )
        return AnnotatedFrame(frame, picture, explanation, lag, run.progress.level)

    def adapt(self, busy: float) -> None:
        """Take the time that drawing and the caller's sinks took."""
        if self._run.quality is not None:
            return
        change = self._governor.update(busy, self._run.clock.now())
        if change:
            self._run.progress.level = change.level
            self._run.progress.changes.append(f"quality {change.level}: {change.reason}")
            log.info("quality level %d: %s", change.level, change.reason)


def _staleness(age: float) -> str:
    return f"NO NEW PICTURE FOR {age:.0f} s" if age > STALE_S else ""


def _poll(
    explained: Channel[tuple[Frame, Explanation]], current: tuple[Frame, Explanation] | None
) -> tuple[Frame, Explanation] | None:
    try:
        return explained.get(0)
    except (TimeoutError, Closed):
        return current


def _drain(explained: Channel[tuple[Frame, Explanation]]) -> None:
    """Wait for the explanation that is being made when the source ends: its failure is the caller's, too."""
    while True:
        try:
            explained.get(JOIN_S)
        except (TimeoutError, Closed):
            return


def _read(run: _Run) -> Iterator[Frame]:
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


def _paced(run: _Run) -> Iterator[Frame]:
    """The frames of the source in real time: a camera paces itself, a recording is held back to its own pts."""
    if run.source.info.live:
        yield from _read(run)
        return
    first: tuple[float, float] | None = None
    frame = None
    for frame in _read(run):
        now = run.clock.now()
        first = first or (now, frame.pts)
        due = first[0] + frame.pts - first[1]
        if run.clock.wait(run.stop, due - now):
            return
        # Its time is when it was due, not when this thread was woken up.
        yield frame.captured(max(due, now))
    if first and frame:
        tick = float(run.source.info.time_base)
        shown_for = frame.duration * tick or 1 / (run.source.info.fps or 30.0)
        run.clock.wait(run.stop, first[0] + frame.pts - first[1] + shown_for - run.clock.now())


def _explain(run: _Run, frame: Frame, now: float) -> Explanation:
    with run.stats.stage("explain"):
        run.smoother.observe(frame.picture, now)
        explanation = run.explainer.explain(frame.picture, run.class_idx, choose=run.smoother.choose)
    run.progress.explained += 1
    return run.smoother.smooth(replace(explanation, frame_index=frame.index))


class _threads:  # noqa: N801  used as ``with _threads(...)``
    """Runs workers, each the writer of one channel. A worker's end closes its channel, with its error if it fails.
    between: further channels that somebody may wait for.

    On exit: the source is closed, then the channels (so that nobody waits for anybody), then the threads are joined; a
    ``read()`` that never returns is abandoned with a warning.
    """

    def __init__(
        self, run: _Run, *workers: tuple[Callable[[], None], Channel[Any]], between: tuple[Channel[Any], ...] = ()
    ) -> None:
        self._run = run
        self._channels = [*(channel for _, channel in workers), *between]
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
        self._run.stop.set()
        for channel in self._channels:
            channel.discard()
        self._run.source.close()
        for thread in self._threads:
            thread.join(JOIN_S)
            if thread.is_alive():
                log.warning("%s: does not return, abandoned", thread.name)
