"""LIVE: the newest picture with the newest explanation, for cameras and the network.

capture thread    source ─▶ newest frame (LATEST, one slot)
inference thread  newest ─▶ explain, smooth ─▶ newest explanation (LATEST, one slot)
caller's thread   newest frame + newest explanation ─▶ overlay
"""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterator

from livecam.channel import Channel, Closed, Full
from livecam.clock import Pacer
from livecam.governor import Governor
from livecam.pipeline._run import JOIN_S, WAKE_S, Run, Workers, explain_frame, read
from livecam.stats import RateMeter
from livecam.types import AnnotatedFrame, Explanation, Frame

log = logging.getLogger("livecam")

STALE_S = 1.0  # a picture older than this is said to be old
AGE_SHOWN_S = 0.2  # an overlay older than this says how old


def live(run: Run) -> Generator[AnnotatedFrame, None, None]:
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
            explained.put((frame, explain_frame(run, frame, frame.captured_at)))

    rate = run.target_fps or run.source.info.fps or 30.0
    # Where the source is no faster than the target, its own rhythm is the smoothest.
    pacer = Pacer(1 / rate, run.clock) if run.target_fps and not 0 < run.source.info.fps <= run.target_fps else None
    screen = _Screen(run, Governor(1 / rate))
    with Workers(run, (capture, shown), (explain, explained), between=(newest,)):
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

    def __init__(self, run: Run, governor: Governor) -> None:
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


def _paced(run: Run) -> Iterator[Frame]:
    """The frames of the source in real time: a camera paces itself, a recording is held back to its own pts."""
    if run.source.info.live:
        yield from read(run)
        return
    first: tuple[float, float] | None = None
    frame = None
    for frame in read(run):
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
