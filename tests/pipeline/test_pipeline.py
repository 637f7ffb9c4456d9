"""Threads, pairing, stopping, failures. Sources and explainers here obey events, not clocks."""

import threading
from fractions import Fraction

import numpy as np
import pytest

from livecam.clock import ManualClock, SystemClock
from livecam.errors import ConfigError, SourceLost
from livecam.overlay import Painter, Style
from livecam.overlay.no_signal import mark_stale
from livecam.pipeline import Pipeline, Policy
from livecam.planes import Planes
from livecam.sinks import open_sink
from livecam.sinks.memory import MemorySink
from livecam.smoothing import Smoother
from livecam.sources import open_source
from livecam.types import AnnotatedFrame, Explanation, Frame, Prediction, RunInfo, SourceInfo

WAIT_S = 20


@pytest.fixture(autouse=True)
def no_thread_is_left():
    before = set(threading.enumerate())
    yield
    left = [thread for thread in set(threading.enumerate()) - before if thread.name.startswith("livecam")]
    assert not left


class Pictures:
    """``count`` frames; ``gate``, where given, lets each frame through."""

    def __init__(self, count, *, live=False, gate=None, fails=None, fps=30.0):
        self.info = SourceInfo("pictures", 32, 16, fps, Fraction(1, 30), live=live)
        self.decode_errors = 0
        self.closed = threading.Event()
        self._count, self._gate, self._fails, self._index = count, gate, fails, 0

    def read(self):
        if self._gate:
            self._gate(self._index, self.closed)
        if self.closed.is_set():
            return None
        if self._index == self._count:
            if self._fails:
                raise self._fails
            return None
        image = np.full((16, 32, 3), self._index % 256, np.uint8)
        frame = Frame(image, self._index, self._index / 30, SystemClock().now(), self._index, 1)
        self._index += 1
        return frame

    def close(self):
        self.closed.set()


class Explains:
    """An explanation whose peak is the picture's grey value, so that pairing can be checked."""

    title = "test"

    def __init__(self, before=None):
        self._before = before
        self.threads = set()

    def explain(self, image, class_idx=None, *, choose=None, question=None):
        self.threads.add(threading.current_thread().name)
        if self._before:
            self._before(int(image[0, 0, 0]))
        scores = np.array([0.25, 0.75], np.float32)
        chosen = class_idx if class_idx is not None else choose(scores)
        return Explanation(
            0, chosen, (Prediction(1, "x", 0.75),), np.ones((2, 2), np.float32), float(image[0, 0, 0]), "m", "l", 0.0
        )


PLAIN = {"smoother": Smoother(0), "painter": Painter(Style(hud=False))}


class TestEvery:
    def test_every_frame_in_order_with_its_own_explanation(self):
        pipeline = Pipeline(Pictures(200), Explains(), **PLAIN)
        seen = list(pipeline)
        assert pipeline.policy is Policy.EVERY
        assert [one.frame.index for one in seen] == list(range(200))
        assert [one.explanation.frame_index for one in seen] == list(range(200))
        assert [one.explanation.peak for one in seen] == list(range(200))
        assert {one.lag for one in seen} == {0}
        assert pipeline.progress.complete
        assert (pipeline.progress.frames_in, pipeline.progress.frames_out) == (200, 200)
        assert set(pipeline.stats.stages()) == {"decode", "explain", "overlay"}

    def test_one_thread_owns_the_device(self):
        explainer = Explains()
        list(Pipeline(Pictures(20), explainer, **PLAIN))
        assert explainer.threads == {"livecam-explain"}

    def test_the_picture_is_annotated_and_the_original_untouched(self):
        (one,) = Pipeline(Pictures(1), Explains(), **PLAIN)
        assert not one.frame.image.any()
        assert one.image.any()

    def test_max_frames(self):
        pipeline = Pipeline(Pictures(50), Explains(), max_frames=7, **PLAIN)
        assert len(list(pipeline)) == 7
        assert not pipeline.progress.complete

    def test_max_frames_beyond_the_end(self):
        pipeline = Pipeline(Pictures(5), Explains(), max_frames=7, **PLAIN)
        assert len(list(pipeline)) == 5
        assert pipeline.progress.complete

    def test_zero_max_frames(self):
        with pytest.raises(ConfigError):
            Pipeline(Pictures(5), Explains(), max_frames=0)

    def test_a_class_of_choice(self):
        assert {one.explanation.class_idx for one in Pipeline(Pictures(3), Explains(), class_idx=0, **PLAIN)} == {0}

    def test_quality_is_what_was_asked_for(self):
        assert {one.level for one in Pipeline(Pictures(3), Explains(), quality=2, **PLAIN)} == {2}

    def test_end_of_stream_is_stop_iteration_again_and_again(self):
        pipeline = Pipeline(Pictures(1), Explains(), **PLAIN)
        next(pipeline)
        for _ in range(2):
            with pytest.raises(StopIteration):
                next(pipeline)

    def test_two_runs_give_the_same_bytes(self):
        def run():
            with open_source("test://?size=160x120&frames=20&seed=3") as source:
                return [one.image.tobytes() for one in Pipeline(source, Explains())]

        assert run() == run()

    def test_a_recording_never_becomes_rgb(self, tmp_path, monkeypatch):
        """Nor does any byte differ from run to run, or any time from the source's."""

        class OfPlanes:
            title = "test"

            def explain(self, image, class_idx=None, *, choose=None, question=None):
                cam, top = np.full((3, 4), image.y.mean() / 255, np.float32), (Prediction(0, "x", 0.5),)
                return Explanation(0, choose(np.ones(2, np.float32)), top, cam, 1.0, "m", "l", 0.0)

        recording, *written = (tmp_path / name for name in ("a.mp4", "b.mp4", "c.mp4"))
        with open_source("test://?size=320x240&frames=20") as source, open_sink(str(recording)) as sink:
            for frame in iter(source.read, None):
                sink.write(AnnotatedFrame(frame, frame.image, None, None))

        monkeypatch.setattr(Planes, "rgb", property(lambda planes: pytest.fail("a whole picture became RGB")))
        drawn = []
        for path in written:
            source = open_source(str(recording))
            run = RunInfo(source.info, "m", "m", "l", 2)
            with Pipeline(source, OfPlanes()) as pipeline, open_sink(str(path), run=run) as sink:
                for annotated in pipeline:
                    drawn.append([plane.tobytes() for plane in (annotated.picture.y, annotated.picture.u)])
                    sink.write(annotated)
        assert drawn[:20] == drawn[20:]  # what is written: x264's own threads do not always give the same bytes
        times = []
        for path in (recording, *written):
            with open_source(str(path)) as source:
                times.append([frame.ticks * source.info.time_base for frame in iter(source.read, None)])
        assert len(times[0]) == 20
        assert times[0] == times[1] == times[2]


class TestStopping:
    def test_leaving_the_loop_ends_everything(self):
        source = Pictures(10_000)
        for one in Pipeline(source, Explains(), **PLAIN):
            if one.frame.index == 3:
                break
        assert source.closed.is_set()

    def test_close_in_mid_stream_twice(self):
        source = Pictures(10_000)
        with Pipeline(source, Explains(), **PLAIN) as pipeline:
            next(pipeline)
        pipeline.close()
        assert source.closed.is_set()

    def test_close_before_the_first_frame_starts_nothing(self):
        Pipeline(Pictures(3), Explains(), **PLAIN).close()

    @pytest.mark.parametrize("policy", list(Policy))
    def test_a_stop_request_ends_a_source_that_is_silent(self, policy):
        """The source blocks until it is closed; the request comes when it has been asked for its third frame."""
        asked = threading.Event()

        def gate(index, closed):
            if index == 2:
                asked.set()
                assert closed.wait(WAIT_S)

        pipeline = Pipeline(Pictures(5, gate=gate), Explains(), policy=policy, stop_requested=asked.is_set, **PLAIN)
        assert {one.frame.index for one in pipeline} <= {0, 1}
        assert not pipeline.progress.complete


@pytest.mark.parametrize("policy", list(Policy))
class TestFailures:
    def test_a_raising_source(self, policy):
        error = SourceLost("the cable is out")
        pipeline = Pipeline(Pictures(3, fails=error), Explains(), policy=policy, **PLAIN)
        seen = []
        with pytest.raises(SourceLost) as caught:
            seen.extend(one.frame.index for one in pipeline)
        assert caught.value is error

    def test_a_raising_explainer(self, policy):
        error = ZeroDivisionError("in the model")

        def fail(number):
            if number >= 2:
                raise error

        pipeline = Pipeline(Pictures(10_000, fps=0.0), Explains(fail), policy=policy, clock=FastClock(), **PLAIN)
        with pytest.raises(ZeroDivisionError) as caught:
            for _ in pipeline:
                pass
        assert caught.value is error

    def test_a_raising_sink_is_the_callers_own(self, policy):
        with pytest.raises(KeyError), Pipeline(Pictures(100), Explains(), policy=policy, **PLAIN) as pipeline:
            for _ in pipeline:
                raise KeyError("sink")


def test_frames_before_a_failure_of_the_source_are_delivered():
    seen = []
    with pytest.raises(SourceLost):
        for one in Pipeline(Pictures(3, fails=SourceLost("x")), Explains(), **PLAIN):
            seen.append(one.frame.index)
    assert seen == [0, 1, 2]


class FastClock(SystemClock):
    """Waits do not take time: recordings are not held back."""

    def wait(self, event, seconds):
        return event.is_set()


class TestLive:
    def test_is_chosen_for_a_live_source(self):
        pipeline = Pipeline(Pictures(1, live=True), Explains())
        pipeline.close()
        assert pipeline.policy is Policy.LIVE

    def test_a_stuck_model_does_not_hold_up_the_display(self):
        """The explainer is stuck with the first frame until the tenth has been shown."""
        shown_ten = threading.Event()
        lock_step = threading.Semaphore(1)

        def gate(_index, _closed):
            lock_step.acquire()  # the camera's next picture comes when the one before has been shown

        explainer = Explains(lambda number: shown_ten.wait(WAIT_S))
        shown = []
        for one in Pipeline(Pictures(30, live=True, gate=gate), explainer, **PLAIN):
            if not shown or shown[-1] != one.frame.index:
                shown.append(one.frame.index)
                lock_step.release()
            if one.frame.index <= 9:
                assert one.explanation is None
                assert one.lag is None
            if one.frame.index == 9:
                shown_ten.set()
        assert shown == list(range(30))
        lock_step.release()

    def test_an_explanation_says_which_picture_it_is_of(self):
        explained, lock_step = threading.Semaphore(0), threading.Semaphore(1)

        def gate(index, closed):
            lock_step.acquire()
            if index and not closed.is_set():
                assert explained.acquire(timeout=WAIT_S)  # the explanation of the frame before is made

        class Signals(Explains):
            def explain(self, image, class_idx=None, *, choose=None, question=None):
                try:
                    return super().explain(image, class_idx, choose=choose)
                finally:
                    explained.release()

        for one in Pipeline(Pictures(20, live=True, gate=gate), Signals(), **PLAIN):
            if one.explanation is not None:
                assert one.explanation.peak == one.explanation.frame_index
                assert one.lag == one.frame.index - one.explanation.frame_index
                assert one.lag in (0, 1, 2)
            lock_step.release()

    def test_only_the_newest_picture_is_shown_and_the_others_are_counted(self):
        all_read = threading.Event()

        def gate(index, _closed):
            if index == 50:
                all_read.set()

        pipeline = Pipeline(Pictures(50, live=True, gate=gate), Explains(), **PLAIN)
        first = next(pipeline)
        assert all_read.wait(WAIT_S)
        rest = list(pipeline)
        indices = [first.frame.index, *(one.frame.index for one in rest)]
        assert indices == sorted(set(indices))
        assert indices[-1] == 49
        assert len(indices) + pipeline.stats.dropped["overwritten"] == 50

    def test_a_recording_is_held_to_its_own_time(self):
        """On a clock that only moves when somebody waits, a frame's capture time is when it was due."""
        clock = ManualClock(100.0)
        pipeline = Pipeline(Pictures(30), Explains(), policy=Policy.LIVE, clock=clock, **PLAIN)
        for one in pipeline:
            assert one.frame.captured_at == pytest.approx(100 + one.frame.index / 30)
        assert clock.now() == pytest.approx(101.0)

    def test_a_silent_camera_is_marked_and_stays_on_the_screen(self):
        """Also without a HUD."""
        clock = ManualClock()

        def gate(index, closed):
            if index == 1:
                assert closed.wait(WAIT_S)

        source = Pictures(5, live=True, gate=gate)
        explainer = Explains(lambda _: source.closed.wait(WAIT_S))
        with Pipeline(source, explainer, clock=clock, **PLAIN) as pipeline:
            fresh = next(pipeline)
            clock.advance(fresh.frame.captured_at + 3.0)
            old = next(pipeline)
        assert np.array_equal(fresh.image, fresh.frame.image)
        expected = fresh.frame.image.copy()
        mark_stale(expected, 3.0)
        assert not np.array_equal(expected, fresh.image)
        assert np.array_equal(old.image, expected)

    def test_target_fps_thins_a_faster_source(self):
        clock = ManualClock()
        lock_step = threading.Semaphore(1)

        def gate(_index, _closed):
            lock_step.acquire()

        times = []
        for _ in Pipeline(Pictures(10, live=True, gate=gate, fps=60), Explains(), target_fps=10, clock=clock, **PLAIN):
            times.append(clock.now())
            lock_step.release()
        assert np.diff(times) == pytest.approx(0.1)

    def test_a_slow_sink_lowers_the_quality_and_says_why(self):
        clock, lock_step = ManualClock(), threading.Semaphore(1)

        def gate(_index, _closed):
            lock_step.acquire()

        pipeline = Pipeline(Pictures(100, live=True, gate=gate), Explains(), clock=clock, **PLAIN)
        levels = []
        for one in pipeline:
            levels.append(one.level)
            clock.advance(0.05)  # the sink takes 1.5 periods
            lock_step.release()
        assert levels[0] == 0
        assert levels[-1] == 3
        assert "time budget used" in pipeline.progress.changes[0]

    def test_a_fixed_quality_stays(self):
        clock = ManualClock()
        for one in Pipeline(Pictures(60, live=True), Explains(), clock=clock, quality=1, **PLAIN):
            assert one.level == 1
            clock.advance(1.0)


def test_the_design_s_own_example():
    from livecam import Explainer, Pipeline, open_sink, open_source

    with (
        open_source("test://?frames=3&size=64x64") as source,
        open_sink("memory") as sink,
        Explainer("efficientnet_lite0") as explainer,
    ):
        for annotated in Pipeline(source, explainer):
            sink.write(annotated)
    assert isinstance(sink, MemorySink)
    assert [one.frame.index for one in sink.frames] == [0, 1, 2]
