"""The clip while nobody is there, by hand-moved time: the clock goes on as the camera's pictures come."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from livecam.clock import ManualClock
from livecam.errors import SourceLost
from livecam.health import ALWAYS_LIVE, SourceHealth, State
from livecam.sources.attract import AttractSource
from livecam.types import Frame, SourceInfo

SHAPE = (90, 160, 3)
STILL, MOVED, CLIP = 60, 160, 250


class Camera:
    """Gives the pictures that it is told to give, and the time at which each is seen."""

    info = SourceInfo("camera", SHAPE[1], SHAPE[0], 30.0, Fraction(1, 30), live=True)
    decode_errors = 0

    def __init__(self, clock: ManualClock) -> None:
        self.clock, self.health = clock, ALWAYS_LIVE
        self.closed = threading.Event()
        self._wanted, self._waiting = threading.Semaphore(0), threading.Semaphore(0)
        self._picture: np.ndarray | BaseException | None = None
        self._count = 0

    def give(self, value: int | BaseException | None, after_s: float = 0.5) -> None:
        """Returns when the picture has been taken and the next one is asked for."""
        assert self._waiting.acquire(timeout=20)
        self.clock.advance(after_s)
        self._picture = picture(value) if isinstance(value, int) else value
        self._wanted.release()
        if isinstance(value, int):
            assert self._waiting.acquire(timeout=20)
            self._waiting.release()

    def read(self) -> Frame | None:
        self._waiting.release()
        self._wanted.acquire()
        if self.closed.is_set() or self._picture is None:
            return None
        if isinstance(self._picture, BaseException):
            raise self._picture
        self._count += 1
        return Frame(self._picture, self._count - 1, 0.0, self.clock.now())

    def close(self) -> None:
        self.closed.set()
        self._wanted.release()


class Clip:
    """Three pictures, 1 s apart."""

    info = SourceInfo("clip", 320, 90, 1.0, Fraction(1))
    decode_errors = 0
    opened = 0

    def __init__(self) -> None:
        Clip.opened += 1
        self._next, self.closed = 0, False

    def read(self) -> Frame | None:
        self._next += 1
        if self._next > 3:
            return None
        return Frame(np.full((90, 320, 3), CLIP, np.uint8), self._next - 1, float(self._next), 0.0)

    def close(self) -> None:
        self.closed = True


def picture(value: int) -> np.ndarray:
    image = np.full(SHAPE, 60, np.uint8)
    image[30:60, 40:90] = value
    return image


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(100.0)


@pytest.fixture
def camera(clock: ManualClock) -> Camera:
    Clip.opened = 0
    return Camera(clock)


@pytest.fixture
def source(camera: Camera, clock: ManualClock) -> Iterator[AttractSource]:
    with AttractSource(camera, Clip, 60.0, clock=clock) as source:
        yield source
    assert not any(thread.name == "livecam-watch" for thread in threading.enumerate())


def read(source: AttractSource) -> tuple[int, bool]:
    """Brightness in the middle of the next picture, and whether it is one of the clip."""
    frame = source.read()
    assert frame is not None
    assert frame.picture.shape == SHAPE
    return int(frame.picture[45, 60, 0]), source.is_example(frame.index)


def fall_asleep(camera: Camera, source: AttractSource) -> None:
    camera.give(STILL)
    assert read(source) == (STILL, False)
    camera.give(STILL, 61.0)
    assert read(source) == (CLIP, True)


def test_the_clip_comes_after_a_minute_without_motion_and_goes_with_the_first(camera, source):
    fall_asleep(camera, source)
    assert source.silent_s == 61.0
    camera.give(MOVED)
    assert read(source) == (MOVED, False)
    assert source.silent_s == 0.0
    camera.give(MOVED)
    assert read(source) == (MOVED, False)


def test_the_clip_is_fitted_and_played_over_and_over(camera, source):
    fall_asleep(camera, source)
    for _ in range(8):
        camera.give(STILL, 1.0)
        frame = source.read()
        assert frame is not None
        assert int(frame.picture[45, 60, 0]) == CLIP
        assert int(frame.picture[5, 60, 0]) == 0  # twice as wide as the camera's: bars above and below
    assert Clip.opened == 4  # the next one before the last picture of the third is shown


def test_indices_and_times_count_on(camera, clock, source):
    fall_asleep(camera, source)
    frames = []
    for value in (STILL, STILL, MOVED, STILL):
        camera.give(value, 1.0)
        frames.append(source.read())
    assert [frame.index for frame in frames] == [2, 3, 4, 5]
    assert [frame.captured_at for frame in frames] == [162.5, 163.5, 164.5, 165.5]
    assert [frame.pts for frame in frames] == [62.5, 63.5, 64.5, 65.5]


def test_a_lost_camera_ends_the_clip(camera, clock, source):
    fall_asleep(camera, source)
    camera.health = SourceHealth(State.LOST, clock.now(), "unplugged", retry_at=clock.now() + 1)
    reader = threading.Thread(target=lambda: seen.append(source.read()))
    seen: list[Frame | None] = []
    clock.advance(5.0)
    reader.start()
    camera.health = replace(camera.health)
    camera.give(MOVED)  # it is back
    reader.join(20)
    assert [int(frame.picture[45, 60, 0]) for frame in seen if frame] == [MOVED]


def test_the_camera_s_failure_is_the_reader_s(camera, source):
    failure = SourceLost("gone")
    camera.give(failure)
    with pytest.raises(SourceLost) as caught:
        source.read()
    assert caught.value is failure


def test_the_camera_s_end_is_the_end(camera, source):
    camera.give(None)
    assert source.read() is None
    assert source.read() is None


def test_closing_ends_a_read_that_waits_and_closes_the_camera(camera, source):
    seen: list[object] = []
    reader = threading.Thread(target=lambda: seen.append(source.read()))
    reader.start()
    source.close()
    source.close()
    reader.join(20)
    assert seen == [None]
    assert camera.closed.is_set()
