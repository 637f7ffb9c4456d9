"""LIVE: the newest picture with the newest explanation, for cameras and the network.

capture thread    source ─▶ newest frame (LATEST, one slot)
inference thread  newest ─▶ explain, smooth ─▶ newest explanation (LATEST, one slot); now and then, check it
caller's thread   newest frame + newest explanation, carried along with the motion ─▶ overlay

In sync, the caller's thread takes explained pictures only, each with its own explanation.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any, Protocol, TypeVar

from livecam.channel import Channel, Closed, Full
from livecam.clock import Playback
from livecam.controls import View
from livecam.governor import LADDER, fixed_size
from livecam.pipeline._checks import Checks
from livecam.pipeline._run import JOIN_S, WAKE_S, Run, Workers, asked_of, read, smoothed
from livecam.pipeline._screen import Explained, Screen
from livecam.smoothing import Smoother, thumbnail
from livecam.types import AnnotatedFrame, Explanation, Frame, Picture, Question

T = TypeVar("T")
Waiting = tuple[Frame, float]
"""A picture to be explained, and the time at which."""


def live(run: Run) -> Generator[AnnotatedFrame, None, None]:
    """The newest picture with the newest explanation; the last one again, marked, or NO SIGNAL, while none comes."""
    ladder = LADDER if run.resizable else fixed_size()
    screen = Screen(run, run.target_fps or run.source.info.fps or 30.0, ladder)
    newest: Channel[Waiting] = Channel(1, Full.LATEST)
    feed, explaining = Feed(run, screen, newest), Explaining(run, screen)

    def explain() -> None:
        for frame, at in newest:
            explained = explaining.explain(frame, at)
            feed.hand_over(explained)
            explaining.check(explained)  # not before it is handed over: nobody waits for that

    workers = Workers(run.stop, [run.source], (feed.capture, feed.shown), (explain, feed.explained), between=[newest])
    with workers, screen.inputs:
        while not run.stop_requested():
            missed = screen.wait()
            view = run.controls.view
            try:
                frame, explained = feed.take(WAKE_S)
            except Closed:
                screen.overwritten(feed.lost, missed)
                drain(feed.shown if run.sync else feed.explained)
                return
            screen.overwritten(feed.lost, missed)
            picture = screen.take(frame, explained, view)
            start = run.clock.now()
            annotated = screen.show(picture, view)
            if annotated is None:
                continue
            yield annotated
            screen.presented(annotated, run.clock.now() - start, view)
        run.progress.complete = False


class Slot(Protocol):
    """Where the newest picture waits to be explained: the writer's end."""

    @property
    def dropped(self) -> int: ...

    def put(self, item: Waiting) -> None: ...

    def close(self) -> None: ...


class Feed:
    """What the capture thread does, and what it and the inference thread hand over to the caller's."""

    def __init__(self, run: Run, screen: Screen, newest: Slot) -> None:
        self.shown: Channel[Frame] = Channel(1, Full.LATEST)
        self.newest = newest
        self.explained: Channel[Explained] = Channel(1, Full.LATEST)
        self._run, self._screen = run, screen

    def capture(self) -> None:
        run, screen = self._run, self._screen
        offered, last = 0, None
        try:
            for frame in _paced(run):
                run.meter.camera.add(run.clock.now())
                if run.window is not None:  # also what is never explained is a moment of what is
                    run.window.add(frame.picture, frame.captured_at)
                if not run.sync:
                    self.shown.put(frame)
                if last is not None and frame.index - last < screen.level.every:
                    continue
                last = frame.index
                # While a picture stands, it is explained in the place of each new one.
                self.newest.put((screen.held or frame, frame.captured_at))
                offered += 1
                screen.count(offered, self.newest.dropped)
        finally:
            self.newest.close()

    def hand_over(self, explained: Explained) -> None:
        """By the inference thread."""
        self.explained.put(explained)
        self._run.meter.explained.add(self._run.clock.now())

    def take(self, seconds: float) -> tuple[Frame | None, Explained | None]:
        """What is new for the screen, if anything is within ``seconds``; else the last picture is shown again, so that
        the window answers, and says that the picture is old. Raises Closed at the end, and the failure of a thread."""
        if self._run.sync:
            explained = _got(self.explained, seconds)
            return (explained.frame if explained else None), explained
        frame = _got(self.shown, seconds)
        try:
            return frame, _got(self.explained, 0)
        except Closed:
            return frame, None

    @property
    def lost(self) -> int:
        """Pictures so far that a newer one replaced before they could be shown."""
        return self.explained.dropped + self.newest.dropped if self._run.sync else self.shown.dropped


class Explaining:
    """The inference thread's side: what the viewer asks of the network. sharing: cameras that the thread serves."""

    def __init__(self, run: Run, screen: Screen, sharing: int = 1) -> None:
        self._run, self._screen = run, screen
        self._raw = Smoother(0)
        self._smooth = True
        self._checks = Checks(run, sharing)
        self._smaller: int | None = None
        self._clip: tuple[int, list[Picture]] = (-1, [])

    def explain(self, frame: Frame, at: float) -> Explained:
        """Explain ``frame`` at the time ``at``, which goes on while a picture stands."""
        with self._run.stats.stage("explain"):
            asked = self.ask(frame, at)
            explanation = self._run.explainer.explain(frame.picture, **asked)
        return self.answered(frame, explanation)

    def ask(self, frame: Frame, at: float) -> dict[str, Any]:
        """Look at the picture; returns the arguments of ``explain`` beside it. ``answered`` is to follow."""
        run, view = self._run, self._run.controls.view
        if view.smooth and not self._smooth:
            run.smoother.reset()  # it has not seen what came in between
        self._smooth = view.smooth
        return asked_of(run, frame, at, self._smoother) | self._asked(frame, view) | self._window(frame)

    def answered(self, frame: Frame, explanation: Explanation) -> Explained:
        explanation = smoothed(self._run, frame, explanation, self._smoother)
        luma = thumbnail(frame.picture) if self._smoother.luma is None else self._smoother.luma
        return Explained(frame, self._checks.told(explanation), luma)

    @property
    def _smoother(self) -> Smoother:
        return self._run.smoother if self._smooth else self._raw

    def check(self, explained: Explained) -> None:
        """See whether the map of what has just been explained tells the truth, if it is time to."""
        self._checks.check(explained, self._screen.level.every, self._smaller)

    def _asked(self, frame: Frame, view: View) -> dict[str, Any]:
        """Arguments of ``explain`` beyond the picture: what the view asks of the explainer."""
        asked: dict[str, Any] = {}
        question = Question(view.rank, view.against, view.spot, view.method)
        if question != Question():
            asked["question"] = question
        if view.locked is not None or view.rank > 1:  # another rank than the best is no chosen class
            asked["class_idx"] = view.locked
        smaller = self._screen.inputs.size(frame.picture.shape[:2], self._screen.level.input)
        if smaller is not None:
            asked["input_size"] = smaller
        self._smaller = smaller
        return asked

    def _window(self, frame: Frame) -> dict[str, Any]:
        """Of a network over clips, the window that ends at ``frame``; of a picture that stands, always the same."""
        if self._run.window is None:
            return {}
        if frame.index != self._clip[0]:
            self._clip = frame.index, self._run.window.ending(frame.picture, frame.captured_at)
        return {"clip": self._clip[1]}


def _got(channel: Channel[T], seconds: float) -> T | None:
    try:
        return channel.get(seconds)
    except TimeoutError:
        return None


def drain(channel: Channel[Any]) -> None:
    """Wait for the end of what the other thread is doing when this one has ended: its failure is the caller's, too."""
    while True:
        try:
            channel.get(JOIN_S)
        except (TimeoutError, Closed):
            return


def _paced(run: Run) -> Iterator[Frame]:
    """The frames of the source in real time: a camera paces itself, a recording is held back to its own pts."""
    if run.source.info.live:
        yield from read(run)
        return
    playback, frame = Playback(run.clock), None
    for frame in read(run):
        due, now = playback.due(frame.pts), run.clock.now()
        if run.clock.wait(run.stop, due - now):
            return
        # Its time is when it was due, not when this thread was woken up.
        yield frame.captured(max(due, now))
    if frame:
        tick = float(run.source.info.time_base)
        shown_for = frame.duration * tick or 1 / (run.source.info.fps or 30.0)
        run.clock.wait(run.stop, playback.due(frame.pts) + shown_for - run.clock.now())
