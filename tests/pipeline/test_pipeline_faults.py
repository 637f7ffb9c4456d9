"""What the viewer sees while a source is silent, lost, and back. Time is moved by hand, threads obey events."""

import threading
from fractions import Fraction

import numpy as np
import pytest

from livecam.clock import ManualClock
from livecam.errors import SourceLost, SourceNotFound
from livecam.health import SourceHealth, State
from livecam.overlay import Painter, Style
from livecam.overlay.no_signal import mark_stale, no_signal
from livecam.pipeline import Pipeline, Policy
from livecam.smoothing import Smoother
from livecam.sources import SourceOptions
from livecam.sources.reconnecting import ReconnectingSource
from livecam.types import Explanation, Frame, Prediction, SourceInfo

WAIT_S = 20
SIZE = (48, 64)


@pytest.fixture(autouse=True)
def no_thread_is_left():
    before = set(threading.enumerate())
    yield
    assert not [thread for thread in set(threading.enumerate()) - before if thread.name.startswith("livecam")]


class Camera:
    """One picture, then silence until ``go_on`` is set, then SourceLost; or, deaf, nothing at all."""

    def __init__(self, clock, *, deaf=False, grey=100):
        self.info = SourceInfo("cam", SIZE[1], SIZE[0], 30.0, Fraction(1, 1000), live=True)
        self.decode_errors = 0
        self.asked, self.go_on = threading.Event(), threading.Event()
        self._clock, self._deaf, self._grey, self._given = clock, deaf, grey, False

    def read(self):
        if not self._given:
            self._given = True
            return Frame(np.full((*SIZE, 3), self._grey, np.uint8), 0, 0.0, self._clock.now(), 0, 33)
        self.asked.set()
        assert self.go_on.wait(WAIT_S)
        if self._deaf:
            return None
        raise SourceLost("cam: the cable is out")

    def close(self):
        if not self._deaf:
            self.go_on.set()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Explains:
    title = "test"

    def explain(self, image, class_idx=None, *, choose=None):
        top = (Prediction(1, "x", 0.75),)
        return Explanation(0, choose(np.array([0.2, 0.8])), top, np.zeros((2, 2), np.float32), 1.0, "m", "l", 0.0)


class Bench:
    """A pipeline on a source whose openings are let through one by one."""

    def __init__(self, first, *later, clock, **options):
        self.clock, self.first = clock, first
        self._later, self.may_open, self.opening = iter(later), threading.Semaphore(0), threading.Event()
        self.source = ReconnectingSource(
            self._open,
            SourceOptions(**options),
            first=first,
            name="cam",
            cause="not there yet",
            clock=clock,
            random=lambda: 0.5,
        )
        # Without heat and HUD a picture is the camera's own, or one that says what it is.
        self.pipeline = Pipeline(
            self.source,
            Explains(),
            policy=Policy.LIVE,
            painter=Painter(Style(hud=False)),
            smoother=Smoother(0),
            clock=clock,
        )

    def _open(self, _options):
        self.opening.set()
        assert self.may_open.acquire(timeout=WAIT_S)
        camera = next(self._later, None)
        if camera is None:
            raise SourceNotFound("cam: gone for good")
        return camera

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.may_open.release(99)
        self.pipeline.close()


def marked(image, age_s):
    image = image.copy()
    mark_stale(image, age_s)
    return image


def shows_no_signal(annotated):
    """By its dark ground, at a corner and between the lines; a camera's picture here is grey."""
    return annotated.image[0, 0].max() < 20 and annotated.explanation is None


def test_an_old_picture_is_marked_then_gone_then_back():
    clock = ManualClock()
    first, second = Camera(clock), Camera(clock, grey=180)
    with Bench(first, second, clock=clock) as bench:
        fresh = next(bench.pipeline)
        assert (fresh.frame.index, fresh.image.max()) == (0, 100)
        assert first.asked.wait(WAIT_S)

        clock.advance(1.0)
        assert np.array_equal(next(bench.pipeline).image, fresh.frame.image), "a second old: just still live"
        clock.advance(0.2)
        assert np.array_equal(next(bench.pipeline).image, marked(fresh.frame.image, 1.2))
        assert bench.source.health.state is State.STALE
        clock.advance(2.0)
        assert np.array_equal(next(bench.pipeline).image, marked(fresh.frame.image, 3.2))

        first.go_on.set()  # and now the cable is out
        assert bench.opening.wait(WAIT_S)  # on this clock the delay before the next try takes no time
        missing = next(bench.pipeline)
        assert shows_no_signal(missing)
        assert (missing.frame.index, missing.lag) == (0, None)
        now = clock.now()
        expected = SourceHealth(State.CONNECTING, now, "the cable is out", 1, 1)
        assert np.array_equal(missing.image, no_signal(SIZE, "cam", expected, now))

        bench.may_open.release()
        back = next(one for one in bench.pipeline if not shows_no_signal(one))
        assert (back.frame.index, back.image.max()) == (1, 180)
        assert back.frame.pts == pytest.approx(clock.now())
        assert bench.source.health.state is State.LIVE
        assert bench.pipeline.progress.frames_out == 2


def test_no_signal_within_a_second_of_silence():
    clock = ManualClock()
    first = Camera(clock)
    with Bench(first, clock=clock) as bench:
        next(bench.pipeline)
        first.go_on.set()
        assert bench.opening.wait(WAIT_S)
        clock.advance(1.001)
        assert shows_no_signal(next(bench.pipeline))


def test_a_source_that_never_came():
    clock = ManualClock()
    with Bench(None, Camera(clock), clock=clock, size=(64, 48), retry_delay_s=2) as bench:
        missing = next(bench.pipeline)  # on this clock the delay before the next try takes no time, but passes
        assert shows_no_signal(missing)
        assert (missing.frame.index, missing.image.shape) == (-1, (48, 64, 3))
        assert bench.opening.wait(WAIT_S)
        bench.may_open.release()
        came = next(one for one in bench.pipeline if not shows_no_signal(one))
        assert (came.frame.index, came.image.max()) == (0, 100)


def test_a_read_that_never_returns_is_left_behind_and_nothing_else(caplog):
    clock = ManualClock()
    deaf, second = Camera(clock, deaf=True), Camera(clock, grey=180)
    with Bench(deaf, second, clock=clock) as bench:
        bench.may_open.release()
        next(bench.pipeline)
        assert deaf.asked.wait(WAIT_S)
        clock.advance(5.0)
        back = next(one for one in bench.pipeline if one.frame.index == 1)
        assert back.image.max() == 180
    left = [thread for thread in threading.enumerate() if thread.name.startswith("livecam")]
    assert len(left) == 1
    assert left[0].daemon
    (warning,) = [record.message for record in caplog.records if "left behind" in record.message]
    assert left[0].name in warning
    deaf.go_on.set()
    left[0].join(WAIT_S)
