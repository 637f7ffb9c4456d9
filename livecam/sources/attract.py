"""A camera that gives way to a clip while nobody is there, and comes back at the first motion."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import cv2
import numpy as np

from livecam.channel import Channel, Closed, Full
from livecam.clock import Clock, Playback, SystemClock
from livecam.errors import SourceError
from livecam.health import SourceHealth, State
from livecam.idle import SIZE, Idle, Luma
from livecam.smoothing import thumbnail
from livecam.sources import Source, health_of
from livecam.sources._fit import fitted
from livecam.sources._guarded import GuardedSource
from livecam.types import Frame, Picture, SourceInfo, rgb

WAKE_S = 0.1
LEAVE_S = 2.0
TICKS = 1_000_000  # a second


class AttractSource(GuardedSource):
    """Pictures of ``camera``, owned from now on; of a clip while the camera sees no motion for ``after_s`` seconds.

    open_clip: opens the clip, at its beginning, again and again. The camera is read and watched meanwhile, on a thread
    of its own, and its next picture with motion in it is given at once. A lost camera ends the clip: who looks after
    the screen is to see that it is lost. A camera that is a recording is played at its own speed.
    All pictures have the camera's size; their indices count on, and their times are those of giving them.
    """

    def __init__(
        self, camera: Source, open_clip: Callable[[], Source], after_s: float, *, clock: Clock | None = None
    ) -> None:
        super().__init__()
        self._camera, self._open_clip = camera, open_clip
        self._clock = clock or SystemClock()
        self._info = replace(camera.info, live=True, time_base=Fraction(1, TICKS), frames=0, duration_s=0.0)
        self._idle = Idle(after_s)
        self._clip: _Clip | None = None
        self._examples = (-1, -1)  # indices of the pictures of the last clip: from, to
        self._index, self._last = 0, -1
        self._began = self._clock.now()
        self._stop = threading.Event()
        self._watched: Channel[Frame] = Channel(1, Full.LATEST)
        self._thread = threading.Thread(target=self._watch, name="livecam-watch", daemon=True)
        self._thread.start()

    @property
    def info(self) -> SourceInfo:
        return self._info

    @property
    def decode_errors(self) -> int:
        """Of the camera: damaged packets or pictures skipped so far."""
        return self._camera.decode_errors

    @property
    def health(self) -> SourceHealth:
        """Of the camera."""
        return health_of(self._camera)

    @property
    def silent_s(self) -> float:
        """Seconds since the camera saw motion."""
        return self._idle.silent_s(self._clock.now())

    def is_example(self, index: int) -> bool:
        """Is picture ``index``, of the last minute, one of the clip? Any thread may ask."""
        first, last = self._examples
        return first <= index <= last

    def _watch(self) -> None:
        playback = Playback(self._clock)
        try:
            while (frame := self._camera.read()) is not None:
                if not self._camera.info.live:
                    due, now = playback.due(frame.pts), self._clock.now()
                    if self._clock.wait(self._stop, due - now):
                        break
                    frame = frame.captured(max(due, now))
                self._watched.put(frame)
        except Closed:
            pass
        except BaseException as error:  # noqa: BLE001  it is raised again in the reader's thread
            self._watched.close(error)
        self._watched.close()

    def _next(self) -> Frame | None:
        while not self._stop.is_set():
            try:
                frame = self._watched.get(self._clip.wait_s if self._clip else WAKE_S)
            except Closed:
                break
            except TimeoutError:
                if self._clip is None:
                    continue
                if self.health.state not in (State.LOST, State.CONNECTING):
                    return self._example(self._clip)
                self._end_clip()
                continue
            if not self._idle.observe(small(frame.picture), self._clock.now()):
                self._end_clip()
                return self._placed(frame.picture, frame.captured_at)
            self._clip = self._clip or _Clip(self._open_clip, self._clock)
            if self._clip.wait_s <= 0:  # a camera that is faster than the clip does not hold it up
                return self._example(self._clip)
        return None

    def _example(self, clip: _Clip) -> Frame:
        picture = fitted(rgb(clip.take()), self._info.width, self._info.height)
        first = self._examples[0] if self._examples[1] == self._index - 1 else self._index
        self._examples = first, self._index
        return self._placed(picture, self._clock.now())

    def _placed(self, picture: Picture, captured_at: float) -> Frame:
        ticks = max(round((captured_at - self._began) * TICKS), self._last + 1)
        self._last = ticks
        self._index += 1
        return Frame(picture, self._index - 1, ticks / TICKS, captured_at, ticks)

    def _end_clip(self) -> None:
        if self._clip is not None:
            self._clip.close()
            self._clip = None

    def close(self) -> None:
        self._stop.set()
        self._watched.discard()
        self._camera.close()
        super().close()

    def _release(self) -> None:
        self._end_clip()
        self._thread.join(LEAVE_S)


class _Clip:
    """A recording, played at its own speed, over and over."""

    def __init__(self, open_clip: Callable[[], Source], clock: Clock) -> None:
        self._open, self._clock = open_clip, clock
        self._begin()

    def _begin(self) -> None:
        self._source, self._playback = self._open(), Playback(self._clock)
        first = self._source.read()
        if first is None:
            raise SourceError(f"{self._source.info.name}: no picture to show while nobody is there")
        self._picture, self._due = first.picture, self._playback.due(first.pts)

    @property
    def wait_s(self) -> float:
        """Until the next picture is due; at least 0."""
        return max(self._due - self._clock.now(), 0.0)

    def take(self) -> Picture:
        picture, following = self._picture, self._source.read()
        if following is None:
            self.close()
            self._begin()
        else:
            self._picture, self._due = following.picture, self._playback.due(following.pts)
        return picture

    def close(self) -> None:
        self._source.close()


def small(picture: Picture) -> Luma:
    """What is compared for motion: (18, 32) uint8 luma of a (H, W, 3) uint8 RGB picture, or of planes."""
    return np.asarray(cv2.resize(thumbnail(picture), SIZE, interpolation=cv2.INTER_AREA), np.uint8)
