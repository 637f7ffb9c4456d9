"""LIVE as its viewer sees it: maps that follow the motion, sync, pause, mirror, figures. Clocks are driven by hand."""

import json
import threading
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from livecam.clock import ManualClock
from livecam.controls import Controls
from livecam.errors import ModelError
from livecam.governor import LADDER
from livecam.overlay import Painter, Style
from livecam.pipeline import Pipeline
from livecam.pipeline._inputs import Inputs
from livecam.smoothing import Smoother
from livecam.types import Detected, Explanation, Frame, Prediction, Question, SourceInfo

WAIT_S = 20
SIZE = (180, 320)


@pytest.fixture(autouse=True)
def no_thread_is_left():
    before = set(threading.enumerate())
    yield
    assert not [thread for thread in set(threading.enumerate()) - before if thread.name.startswith("livecam")]


def picture(x, seed=0):
    """A textured disc at ``x`` before a wall."""
    rng = np.random.default_rng(seed)
    wall = np.kron(rng.integers(40, 70 + 100 * (seed > 0), (18, 32), dtype=np.uint8), np.ones((10, 10), np.uint8))
    disc = np.kron(rng.integers(0, 255, (24, 24), dtype=np.uint8), np.ones((5, 5), np.uint8))
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    inside = (rows - 90) ** 2 + (columns - x) ** 2 < 45**2
    texture = disc[np.clip(rows - 30, 0, 119), np.clip(columns - x + 60, 0, 119)]
    return np.repeat(np.where(inside, texture, wall)[..., None], 3, 2).astype(np.uint8)


def cam_at(x):
    cells = (np.arange(12) + 0.5) / 12 * SIZE[1] - x
    rows = (np.arange(7) + 0.5) / 7 * SIZE[0] - 90
    return np.exp(-(rows[:, None] ** 2 + cells**2) / 45**2).astype(np.float32)


def centre_of(cam):
    return float((cam.sum(0) * (np.arange(12) + 0.5)).sum() / cam.sum() / 12 * SIZE[1])


class Scripted:
    """A camera whose next picture comes when ``turn`` is released; at 30 fps of the clock."""

    def __init__(self, pictures, clock, fps=30.0):
        self.info = SourceInfo("scripted", SIZE[1], SIZE[0], fps, Fraction(1, 30), live=True)
        self.decode_errors, self.turn = 0, threading.Semaphore(0)
        self._pictures, self._index, self._clock, self._closed = pictures, 0, clock, False

    def read(self):
        self.turn.acquire()
        if self._closed or self._index == len(self._pictures):
            return None
        frame = Frame(self._pictures[self._index], self._index, self._index / 30, self._clock.now(), self._index, 1)
        self._index += 1
        return frame

    def close(self):
        self._closed = True
        self.turn.release()


class Finds:
    """Explains a picture by where the test says that its disc is; late: only when the test lets it go."""

    title = "test"

    def __init__(self, places, late=False):
        self._late, self.go = late, threading.Semaphore(0)
        self._places = {image.tobytes(): (number, x) for number, (image, x) in enumerate(places)}
        self.asked, self.made = [], threading.Semaphore(0)

    def explain(self, image, class_idx=None, *, choose=None, **asked):
        number, x = self._places[image.tobytes()]
        self.asked.append((number, asked | ({"class_idx": class_idx} if class_idx is not None else {})))
        if self._late:
            assert self.go.acquire(timeout=WAIT_S)
        try:
            return Explanation(0, 1, (Prediction(1, "x", 0.75),), cam_at(x), 1.0, "m", "l", 0.0)
        finally:
            self.made.release()


class Notes(Painter):
    """A painter that keeps what it was asked to paint."""

    def __init__(self):
        super().__init__(Style(hud=False))
        self.seen = []

    def paint(self, image, explanation, **words):
        self.seen.append((image, explanation, words))
        return super().paint(image, explanation, **words)


def run(places, clock=None, explainer=None, **options):
    clock = clock or ManualClock()
    source, painter = Scripted([image for image, _ in places], clock), Notes()
    explainer = explainer or Finds(places)
    options = {"smoother": Smoother(0), "painter": painter, "quality": 0} | options
    return source, explainer, painter, Pipeline(source, explainer, clock=clock, **options)


def walk(pipeline, source, explainer, count, clock):
    """Shows ``count`` pictures, one after the other, each explained before the next comes."""
    last = -1
    for _ in range(count):
        source.turn.release()
        one = next(pipeline)
        while one.frame.index == last:
            one = next(pipeline)
        last = one.frame.index
        yield one
        explainer.go.release()
        assert explainer.made.acquire(timeout=WAIT_S)
        clock.advance(1 / 30)


def shown_late(pipeline, source, explainer, painter, count, clock):
    """What ``walk`` shows with heat, and that heat, of an earlier picture."""
    for one in walk(pipeline, source, explainer, count, clock):
        _, heat, _ = painter.seen[-1]
        if heat is not None:
            assert one.lag > 0
            yield one, heat


def steps(*what):
    return list(walk(*what))


class TestMotion:
    def test_the_heat_is_where_the_object_is_and_not_where_it_was(self):
        places, clock = [(picture(x), x) for x in range(100, 220, 12)], ManualClock()
        source, explainer, painter, pipeline = run(places, clock, Finds(places, late=True))
        moved = 0
        with pipeline:
            for one, heat in shown_late(pipeline, source, explainer, painter, len(places), clock):
                error = centre_of(heat.cam) - centre_of(cam_at(places[one.frame.index][1]))
                assert abs(error) < 0.4 * 12 * one.lag
                # What is handed on is the explanation as it was made.
                assert (one.explanation.cam == cam_at(places[one.explanation.frame_index][1])).all()
                moved += 1
        assert moved >= len(places) - 2

    def test_boxes_and_masks_go_along(self):
        def box_at(x):
            return 45 / SIZE[0], (x - 45) / SIZE[1], 135 / SIZE[0], (x + 45) / SIZE[1]

        def mask_at(x):
            rows, columns = np.mgrid[: SIZE[0] : 2, : SIZE[1] : 2]
            return (rows - 90) ** 2 + (columns - x) ** 2 < 45**2

        class Things(Finds):
            def explain(self, image, class_idx=None, **asked):
                made = super().explain(image, class_idx, **asked)
                (_, x) = self._places[image.tobytes()]
                found = Detected(box_at(x), made.top[0], made.cam, 1.0, track=3)
                return replace(made, objects=(found,), mask=mask_at(x))

        places, clock = [(picture(x), x) for x in range(100, 220, 12)], ManualClock()
        source, explainer, painter, pipeline = run(places, clock, Things(places, late=True))
        moved = 0
        with pipeline:
            for one, heat in shown_late(pipeline, source, explainer, painter, len(places), clock):
                x, made_at = places[one.frame.index][1], places[one.explanation.frame_index][1]
                (found,) = heat.objects
                assert found.track == 3
                assert np.abs(np.subtract(found.box, box_at(x)) * (*SIZE, *SIZE)).max() < 0.2 * 12 * one.lag
                mask = mask_at(x)
                assert (heat.mask & mask).sum() > 0.85 * (heat.mask | mask).sum()
                # What is handed on is the explanation as it was made.
                assert one.explanation.objects[0].box == box_at(made_at)
                assert (one.explanation.mask == mask_at(made_at)).all()
                moved += 1
        assert moved >= len(places) - 2

    def test_after_a_cut_nothing_is_shown_of_the_scene_before(self):
        places, clock = (
            [*[(picture(100 + 4 * n), 100 + 4 * n) for n in range(5)], (picture(200, seed=5), 200)],
            ManualClock(),
        )
        source, explainer, _, pipeline = run(places, clock, Finds(places, late=True))
        with pipeline:
            shown = steps(pipeline, source, explainer, len(places), clock)
        assert shown[-2].explanation is not None
        assert (shown[-1].explanation, shown[-1].lag) == (None, None)
        assert (shown[-1].image == places[-1][0]).all()


class TestClips:
    def test_a_window_has_the_pictures_that_nobody_explained_and_stands_while_paused(self):
        class OfClips(Finds):
            window = (4, 1 / 30)

        places, clock, controls = [(picture(x), x) for x in range(100, 220, 12)], ManualClock(), Controls()
        explainer = OfClips(places, late=True)
        source, _, _, pipeline = run(places, clock, explainer, controls=controls)

        def shown(number):
            source.turn.release()
            while next(pipeline).frame.index != number:
                pass
            clock.advance(1 / 30)

        def explained():
            explainer.go.release()
            assert explainer.made.acquire(timeout=WAIT_S)

        with pipeline:
            for number in range(6):
                shown(number)
            explained()  # the first; all others came meanwhile
            explained()
            controls.change(paused=True)
            next(pipeline)
            for _ in range(3):
                source.turn.release()
                explained()
                assert next(pipeline).frame.index == 5
                clock.advance(1 / 30)
        assert [number for number, _ in explainer.asked] == [0, 5, 5, 5, 5]
        clips = [[self.number(places, one) for one in asked["clip"]] for _, asked in explainer.asked]
        assert clips == [[0, 0, 0, 0], *[[2, 3, 4, 5]] * 4]

    @staticmethod
    def number(places, image):
        return next(number for number, (one, _) in enumerate(places) if one is image)


class TestSync:
    def test_each_picture_has_its_own_explanation(self):
        places, clock = [(picture(x), x) for x in range(100, 220, 12)], ManualClock()
        source, _explainer, _painter, pipeline = run(places, clock, sync=True)
        for _ in range(len(places) + 1):
            source.turn.release()
        shown = list(pipeline)
        assert [one.lag for one in shown] == [0] * len(shown)
        for one in shown:
            assert centre_of(one.explanation.cam) == centre_of(cam_at(places[one.frame.index][1]))
        assert pipeline.state()["measures"]["sync_error_frames"] == {"p50": 0.0, "p95": 0.0, "p99": 0.0}
        assert len(shown) + pipeline.state()["dropped"].get("overwritten", 0) == len(places)

    def test_failures_reach_the_caller(self):
        error = ModelError("no")

        class Fails(Finds):
            def explain(self, image, class_idx=None, **asked):
                raise error

        places = [(picture(100), 100)]
        source, _, _, pipeline = run(places, explainer=Fails(places), sync=True)
        source.turn.release(2)
        with pytest.raises(ModelError) as caught:
            list(pipeline)
        assert caught.value is error


class TestView:
    def places(self, count=8):
        return [(picture(x), x) for x in range(100, 100 + 12 * count, 12)]

    def test_paused_the_picture_stands_and_is_explained(self):
        places, clock, controls = self.places(), ManualClock(), Controls()
        source, explainer, _painter, pipeline = run(places, clock, controls=controls)
        with pipeline:
            steps(pipeline, source, explainer, 3, clock)
            controls.change(paused=True)
            next(pipeline)
            for _ in range(3):
                source.turn.release()
                assert explainer.made.acquire(timeout=WAIT_S)
                one = next(pipeline)
                assert one.frame.index == 2
            assert [number for number, _ in explainer.asked] == [0, 1, 2, 2, 2, 2]
            assert one.lag == 0
            controls.change(paused=False)
            assert [one.frame.index for one in steps(pipeline, source, explainer, 1, clock)][-1] > 2
        state = pipeline.state()
        assert state["frames_out"] == 4
        assert state["dropped"]["paused"] + state["dropped"].get("overwritten", 0) >= 2

    def test_a_step_takes_one_picture_more(self):
        places, clock, controls = self.places(), ManualClock(), Controls()
        source, explainer, _painter, pipeline = run(places, clock, controls=controls)
        with pipeline:
            steps(pipeline, source, explainer, 3, clock)
            controls.press(".")
            shown = []
            for _ in range(3):
                source.turn.release()
                assert explainer.made.acquire(timeout=WAIT_S)
                shown.append(next(pipeline).frame.index)
            assert controls.view.paused
            assert len(set(shown)) == 1
            assert shown[0] > 2

    def test_what_the_viewer_asks_goes_to_the_explainer(self):
        places, clock, controls = self.places(3), ManualClock(), Controls()
        source, explainer, _painter, pipeline = run(places, clock, controls=controls, sync=True)
        with pipeline:
            controls.change(rank=3, against="runner-up", spot=(0.25, 0.5))
            steps(pipeline, source, explainer, 1, clock)
            controls.change(rank=1, against=None, spot=None, locked=7)
            steps(pipeline, source, explainer, 1, clock)
        assert explainer.asked[0][1] == {"question": Question(3, "runner-up", (0.25, 0.5), None)}
        assert explainer.asked[-1][1] == {"class_idx": 7}

    def test_mirrored_are_the_picture_and_its_map(self):
        places, clock, controls = self.places(1), ManualClock(), Controls()
        source, _explainer, painter, pipeline = run(places, clock, controls=controls, sync=True)
        controls.change(mirror=True)
        with pipeline:
            source.turn.release()
            one = next(pipeline)
        image, explanation, _ = painter.seen[-1]
        assert (image == places[0][0][:, ::-1]).all()
        assert (explanation.cam == cam_at(100)[:, ::-1]).all()
        assert (one.frame.image == places[0][0]).all()

    def test_look_and_quality(self):
        places, clock, controls = self.places(3), ManualClock(), Controls()
        source, explainer, _painter, pipeline = run(places, clock, controls=controls, sync=True)
        with pipeline:
            (plain,) = steps(pipeline, source, explainer, 1, clock)
            controls.change(colormap="grey", alpha=0.9, quality=2)
            again = next(pipeline)
            controls.change(colormap=None, alpha=None, quality=None)
            back = next(pipeline)
        own = Painter(Style(hud=False, colormap="grey", alpha=0.9))
        assert (again.image == own.paint(places[0][0], again.explanation, quality=2)).all()
        assert (plain.level, again.level, back.level) == (0, 2, 0)
        assert (back.image == plain.image).all()

    def test_how_much_is_written(self):
        places, clock, controls = self.places(1), ManualClock(), Controls()
        source, _explainer, painter, pipeline = run(places, clock, controls=controls, sync=True)
        painter.style = Style()
        images = {}
        with pipeline:
            source.turn.release()
            for hud in ("full", "compact", "off"):
                controls.change(hud=hud)
                images[hud] = next(pipeline).image
        assert len({image.tobytes() for image in images.values()}) == 3
        bare = Painter(Style(hud=False)).paint(places[0][0], next(e for _, e, _ in painter.seen))
        assert (images["off"] == bare).all()

    def test_without_smoothing_each_map_is_its_own(self):
        places, clock, controls = self.places(6), ManualClock(), Controls()
        source, explainer, _painter, pipeline = run(places, clock, controls=controls, sync=True, smoother=Smoother(5.0))
        with pipeline:
            smooth = steps(pipeline, source, explainer, 3, clock)
            controls.change(smooth=False)
            rough = steps(pipeline, source, explainer, 3, clock)
        assert (smooth[-1].explanation.cam != cam_at(124)).any()
        assert [(one.explanation.cam == cam_at(x)).all() for one, x in zip(rough, (136, 148, 160), strict=True)] == [
            True
        ] * 3


class TestFigures:
    def test_the_state_says_what_happened_on_the_clock(self):
        places, clock = [(picture(x), x) for x in range(100, 220, 12)], ManualClock(5.0)
        source, explainer, _, pipeline = run(places, clock, sync=True)
        with pipeline:
            for one in places:
                source.turn.release()
                shown = next(pipeline)
                while (shown.frame.image != one[0]).any():
                    shown = next(pipeline)
                clock.advance(1 / 30)  # the sinks' time
                explainer.made.acquire()
            next(pipeline)
            state = pipeline.state()
        json.dumps(state)
        assert state["frames_out"] == len(places)
        assert state["shown_fps"] == pytest.approx(30, abs=0.01)
        assert state["measures"]["capture_age_ms"]["p50"] == pytest.approx(1000 / 30, abs=0.01)
        assert state["measures"]["display_age_ms"]["p99"] == pytest.approx(2000 / 30, abs=0.01)
        assert state["measures"]["pacing_jitter_ms"]["p99"] == pytest.approx(0, abs=0.01)
        assert (state["missed_deadlines"], state["longest_gap_ms"]) == (0, pytest.approx(1000 / 30, abs=0.01))

    def test_an_overload_goes_down_the_whole_ladder_and_every_step_is_said(self):
        places, clock = [(picture(100 + n % 7), n) for n in range(200)], ManualClock()
        source, explainer, _painter, pipeline = run(places, clock, quality=None, resizable=True)
        with pipeline:
            for _ in range(150):
                source.turn.release()
                one = next(pipeline)
                clock.advance(0.2)
        state = pipeline.state()
        assert state["level"] == len(LADDER) - 1
        assert state["level_title"] in state["level_changes"][-1]
        assert "time budget used" in state["level_changes"][-1]
        assert one.image.shape[:2] == (90, 160)
        assert one.level == 3
        assert not any("input_size" in asked for _, asked in explainer.asked)  # it cannot: those rungs are left out


class Resizable:
    """An explainer whose ``prepare`` waits for ``gate``."""

    title, input_size = "test", 224

    def __init__(self, error=None):
        self.gate, self.done, self.asked, self._error = threading.Event(), threading.Semaphore(0), [], error

    def explain(self, image, class_idx=None, **asked):
        raise NotImplementedError

    def prepare(self, size, input_size):
        assert self.gate.wait(WAIT_S)
        self.asked.append((size, input_size))
        self.done.release()
        if self._error:
            raise self._error


class TestInputs:
    def test_a_size_is_used_once_it_is_ready_and_nobody_waits_for_it(self):
        explainer = Resizable()
        with Inputs(explainer, LADDER) as inputs:
            inputs.prepare((180, 320))
            inputs.prepare((180, 320))
            assert not inputs.ready((180, 320), 6 / 7)  # prepare() has come back, and the gate is shut
            assert inputs.size((180, 320), 6 / 7) is None
            explainer.gate.set()
        assert explainer.asked[:1] == [((180, 320), 192)]
        assert inputs.size((180, 320), 6 / 7) == 192
        assert not inputs.ready((90, 160), 6 / 7)

    def test_the_whole_ladder_is_prepared(self):
        explainer = Resizable()
        explainer.gate.set()
        with Inputs(explainer, LADDER) as inputs:
            inputs.prepare((180, 320))
            assert all(explainer.done.acquire(timeout=WAIT_S) for _ in "12")
        assert [inputs.size((180, 320), share) for share in (1.0, 6 / 7, 5 / 7)] == [None, 192, 160]

    def test_one_that_fails_is_left_out(self, caplog):
        explainer = Resizable(ModelError("inputs of 224 only"))
        explainer.gate.set()
        with Inputs(explainer, LADDER) as inputs:
            inputs.prepare((180, 320))
            assert explainer.done.acquire(timeout=WAIT_S)
        assert not inputs.ready((180, 320), 6 / 7)
        assert "inputs of 224 only" in caplog.text
