"""When LIVE checks its maps, and with which pictures the result is shown. Clocks are driven by hand."""

from dataclasses import replace

import numpy as np
import pytest
from test_live import WAIT_S, Finds, picture, run, steps

from livecam.clock import ManualClock
from livecam.errors import ModelError
from livecam.pipeline import Policy
from livecam.pipeline._checks import FAITHFUL_S, Checks
from livecam.pipeline._screen import Explained
from livecam.smoothing import thumbnail
from livecam.types import Explanation, Faithfulness, Frame, Prediction

FOUND = Faithfulness(0, 1, 0.75, 0.25, 0.625, 0.25)


class Checked(Finds):
    """Notes when it is asked to check; a check takes ``seconds`` of the clock."""

    def __init__(self, places, clock, seconds=0.0, found=FOUND):
        super().__init__(places)
        self.times, self.checked, self._clock, self._seconds, self.found = [], [], clock, seconds, found

    def check(self, image, explanation, *, input_size=None):
        self.times.append(self._clock.now())
        self.checked.append((explanation, input_size))
        self._clock.advance(self._seconds)
        return self.found and replace(self.found, frame_index=explanation.frame_index)


def explained(class_idx=1, **more):
    image = picture(100)
    explanation = Explanation(3, class_idx, (), np.ones((2, 2), np.float32), 1.0, "m", "l", 0.0, **more)
    return Explained(Frame(image, 3, 0.1, 0.0), explanation, thumbnail(image))


def checks_of(clock, check=True, **of_explainer):
    places = [(picture(100), 100)]
    explainer = Checked(places, clock, **of_explainer)
    _, _, _, pipeline = run(places, clock, explainer, check=check)
    return explainer, pipeline, Checks(pipeline._run)


class TestTimes:
    def times(self, *, every=1, seconds=0.0, rate=30):
        clock = ManualClock(7.0)
        explainer, _, checks = checks_of(clock, seconds=seconds)
        for _ in range(10 * rate):
            checks.check(explained(), every, None)
            clock.advance(1 / rate)
        return np.array(explainer.times)

    @pytest.mark.parametrize("every", [1, 3])
    def test_once_a_second_and_more_rarely_where_less_is_explained(self, every):
        times = self.times(every=every)
        assert times[0] == 7.0
        assert np.diff(times) == pytest.approx(every * FAITHFUL_S, abs=1 / 29)
        assert (np.diff(times) >= every * FAITHFUL_S).all()

    def test_a_slow_machine_is_spared(self):
        times = self.times(seconds=0.5)
        assert (np.diff(times) >= 5.0).all()
        assert len(times) >= 2

    def test_not_asked_nothing_is_done(self):
        explainer, pipeline, checks = checks_of(ManualClock(), check=False)
        checks.check(explained(), 1, None)
        assert explainer.times == []
        assert pipeline.state()["stages"] == {}


class TestWhatIsTold:
    def test_the_explanation_and_nothing_else_in_it_is_changed(self):
        explainer, pipeline, checks = checks_of(ManualClock())
        one = explained()
        assert checks.told(one.explanation) is one.explanation
        checks.check(one, 1, 192)
        told = checks.told(one.explanation)
        assert told.faithfulness == replace(FOUND, frame_index=3)
        assert told.cam is one.explanation.cam
        assert replace(told, faithfulness=None) == one.explanation
        assert explainer.checked == [(one.explanation, 192)]
        measures = pipeline.state()["measures"]
        assert measures["hot_hidden_drop_points"]["p50"] == 50.0
        assert measures["cold_hidden_drop_points"]["p50"] == 12.5

    def test_it_is_not_said_of_another_class_method_or_question(self):
        _, _, checks = checks_of(ManualClock())
        checks.check(explained(), 1, None)
        same = explained().explanation
        assert checks.told(same).faithfulness is not None
        others = replace(same, class_idx=2), replace(same, method="n"), replace(same, against=Prediction(2, "y", 0.1))
        assert [checks.told(other).faithfulness for other in others] == [None] * 3

    def test_what_could_not_be_checked_takes_the_old_result_away(self):
        clock = ManualClock()
        explainer, _, checks = checks_of(clock)
        checks.check(explained(), 1, None)
        explainer.found = None
        clock.advance(1.0)
        checks.check(explained(), 1, None)
        assert checks.told(explained().explanation).faithfulness is None


class TestRuns:
    def places(self, count):
        return [(picture(100 + n % 40), n) for n in range(count)]

    def test_live_shows_it_from_the_next_explanation_on(self):
        places, clock = self.places(75), ManualClock()
        explainer = Checked(places, clock)
        source, _, painter, pipeline = run(places, clock, explainer, check=True, sync=True)
        with pipeline:
            shown = steps(pipeline, source, explainer, len(places), clock)
        found = [one.explanation.faithfulness for one in shown]
        assert found[0] is None
        assert [one.frame_index for one in found[1:]] == sorted(one.frame_index for one in found[1:])
        assert found[1].frame_index == 0
        assert len({one.frame_index for one in found[1:]}) >= 2
        assert (np.diff(explainer.times) >= FAITHFUL_S).all()
        assert painter.seen[-1][1].faithfulness == found[-1]

    @pytest.mark.parametrize("options", [{"check": False}, {"check": True, "policy": Policy.EVERY}])
    def test_others_do_not_check(self, options):
        places, clock = self.places(3), ManualClock()
        explainer = Checked(places, clock)
        source, _, _, pipeline = run(places, clock, explainer, sync=True, **options)
        source.turn.release(len(places) + 1)
        assert all(one.explanation.faithfulness is None for one in pipeline)
        assert explainer.times == []

    def test_its_failure_is_the_callers(self):
        error = ModelError("no")

        class Fails(Checked):
            def check(self, image, explanation, *, input_size=None):
                raise error

        places, clock = self.places(2), ManualClock()
        explainer = Fails(places, clock)
        source, _, _, pipeline = run(places, clock, explainer, check=True, sync=True)
        source.turn.release()
        with pytest.raises(ModelError) as caught:
            list(pipeline)
        assert caught.value is error
        assert explainer.made.acquire(timeout=WAIT_S)
