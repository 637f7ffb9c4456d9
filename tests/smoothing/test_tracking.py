"""Numbers stay with things, and things do not flicker."""

import math
from dataclasses import replace

import numpy as np
import pytest

from livecam.smoothing import DOUBTFUL, Found, Smoother, Tracker
from livecam.smoothing.tracking import LOST_S, STAYS, overlap
from livecam.types import Detected, Explanation, Prediction

CAM = np.ones((2, 2), np.float32)
LEAST = 0.5


def thing(x, y=0.2, side=0.3, class_idx=1, score=0.9):
    return Found((y, x, y + side, x + side), class_idx, score)


def numbers(tracker, things, now):
    return tracker.update(things, now, LEAST)


def scored(tracker, scores, fps=25, start=0):
    """What becomes of a thing that stands still and has these scores."""
    return [numbers(tracker, [thing(0.1, score=one)], (start + n) / fps)[0] for n, one in enumerate(scores)]


def test_numbers_follow_two_things_that_pass_each_other_whatever_their_order():
    tracker, random, first = Tracker(), np.random.default_rng(0), None
    for step in range(41):
        left, right = thing(0.02 * step, class_idx=1), thing(0.65 - 0.015 * step, y=0.25, class_idx=2)
        order = [left, right] if random.random() < 0.5 else [right, left]
        found = numbers(tracker, order, step / 25)
        expected = {1: found[order.index(left)], 2: found[order.index(right)]}
        first = first or expected
        assert expected == first, step


def test_a_class_that_wavers_keeps_its_number():
    tracker = Tracker()
    assert [numbers(tracker, [thing(0.1, class_idx=one)], n / 25) for n, one in enumerate((1, 2, 1, 3))] == [[0]] * 4


@pytest.mark.parametrize(("gap", "number"), [(LOST_S - 0.1, 0), (LOST_S + 0.1, 1)])
def test_out_of_sight_for_a_while(gap, number):
    tracker = Tracker()
    numbers(tracker, [thing(0.1)], 0.0)
    assert numbers(tracker, [], gap / 2) == []
    assert numbers(tracker, [thing(0.1)], gap) == [number]


def test_a_known_thing_may_jump_farther_than_one_seen_once():
    near = thing(0.25)
    assert 0.2 < overlap(thing(0.1).box, near.box) < 0.5
    once, often = Tracker(), Tracker()
    numbers(once, [thing(0.1)], 0.0)
    assert numbers(once, [near], 0.04) == [1]
    for step in range(3):
        numbers(often, [thing(0.1)], step / 25)
    assert numbers(often, [near], 0.12) == [0]


class TestDoubtfulBoxes:
    def test_appear_above_the_score_and_stay_until_clearly_below(self):
        scores = [0.49, 0.5, 0.51, 0.49, 0.41, 0.39, 0.45, 0.5, 0.52]
        assert scored(Tracker(), scores) == [None, None, 0, 0, 0, None, None, None, 0]

    def test_switched_off_boxes_are_as_they_come(self):
        smoother = Smoother(0)
        found = [smoother.track([thing(0.1, score=one)], LEAST) for one in (0.9, 0.49, 0.51, 0.2)]
        assert found == [[0], [None], [0], [None]]

    def test_a_moment_below_is_measured_in_seconds(self):
        """From 0.9 to 0.2 the average falls below STAYS * LEAST after τ ln((0.9 - 0.2) / (0.4 - 0.2)), at any rate."""
        stays = 0.35 * math.log(0.7 / 0.2)
        for fps in (12, 30, 100):
            tracker = Tracker(0.35)
            assert scored(tracker, [0.9], fps) == [0]
            found = scored(tracker, [0.2] * fps, fps, start=1)
            assert found.index(None) == math.ceil(stays * fps) - 1
            assert set(found[found.index(None) :]) == {None}

    def test_the_average_decides_and_not_a_picture(self):
        tracker = Tracker(0.35)
        assert scored(tracker, [0.6, 0.15, 0.6, 0.45, 0.1, 0.55]) == [0] * 6

    def test_a_picture_in_which_it_is_not_found_counts_as_a_score_of_nothing(self):
        def after(gap):
            tracker = Tracker(0.35)
            scored(tracker, [0.7])
            for n in range(1, 1 + gap):
                assert numbers(tracker, [], n / 25) == []
            return scored(tracker, [0.45], start=1 + gap)[0]

        # 0.7 exp(-n / 25 / 0.35), and a step to 0.45, is to be 0.4 at least: n <= 4
        assert [after(gap) for gap in range(8)] == [0, 0, 0, 0, 0, None, None, None]

    def test_what_appears_again_is_as_new_and_has_its_number(self):
        tracker = Tracker(0.35)
        scored(tracker, [0.6, *[0.15] * 12])
        assert scored(tracker, [0.51, 0.48, 0.48], start=13) == [0, 0, 0]  # the average was below 0.4

    def test_a_doubtful_box_is_followed_out_of_sight(self):
        tracker = Tracker()
        for step in range(3):
            assert numbers(tracker, [thing(0.1)], step / 25) == [0]
        for step in range(3, 16):  # no single step is far, all together are
            assert numbers(tracker, [thing(0.05 * (step - 1), score=0.2)], step / 25) == [None]
        assert overlap(thing(0.1).box, thing(0.75).box) == 0
        assert numbers(tracker, [thing(0.75)], 0.64) == [0]

    def test_sure_boxes_choose_first(self):
        """The doubtful one overlaps more with the known thing, the sure one is the thing."""
        tracker = Tracker()
        for step in range(3):
            numbers(tracker, [thing(0.1)], step / 25)
        assert numbers(tracker, [thing(0.11, score=0.45), thing(0.16, score=0.8)], 0.12) == [None, 0]

    def test_alone_it_is_background(self):
        tracker = Tracker()
        assert numbers(tracker, [thing(0.1, score=0.45), thing(0.6, score=0.8)], 0.0) == [None, 0]
        assert numbers(tracker, [thing(0.1, score=0.49), thing(0.6, score=0.45)], 0.04) == [None, 0]

    @pytest.mark.parametrize("seconds", [0.0, 0.35, 2.0])
    @pytest.mark.parametrize("seed", range(8))
    def test_scores_that_jitter_around_the_threshold_make_one_object_that_stays(self, seed, seconds):
        random, tracker = np.random.default_rng(seed), Tracker(seconds)
        fps, places = random.uniform(5, 60), 0.3 + np.cumsum(random.normal(0, 0.01, 200)).clip(-0.2, 0.2)
        found = [
            numbers(tracker, [thing(x, score=LEAST * random.uniform(0.9, 1.1))], n / fps)[0]
            for n, x in enumerate(places)
        ]
        there = found[found.index(0) :]
        assert len(there) > 150 and set(there) == {0}

    def test_boxes_far_below_the_score_are_not_even_asked_for(self):
        assert 0 < DOUBTFUL < STAYS < 1


def seen_at(box):
    objects = (Detected(box, Prediction(1, "x", 0.9), CAM, 1.0),)
    return Explanation(0, 1, (), CAM, 1.0, "gradcam", "layer", 0.0, objects=objects)


def still(smoother, boxes, picture, fps=25):
    """The boxes that are shown of a thing in a picture that does not change."""
    shown = []
    for number, box in enumerate(boxes):
        smoother.observe(picture, number / fps)
        shown.append(smoother.smooth(seen_at(box)).objects[0].box)
    return np.array(shown)


def test_boxes_are_averaged_in_seconds():
    black = np.zeros((40, 60, 3), np.uint8)
    boxes = [(0.2, 0.2, 0.6, 0.6), *[(0.2, 0.2, 0.7, 0.6)] * 5]
    shown = still(Smoother(0.3), boxes, black)
    expected = [0.6 + 0.1 * (1 - math.exp(-n / 25 / 0.06)) for n in range(6)]
    assert shown[:, 2] == pytest.approx(expected)
    assert shown[:, [0, 1, 3]] == pytest.approx(np.tile([0.2, 0.2, 0.6], (6, 1)))
    assert (still(Smoother(0), boxes, black) == boxes).all()  # bit for bit


def test_boxes_that_wobble_are_steadier_and_do_not_trail():
    """A textured square that moves by 4 pixels a frame, and a box that jumps about it."""
    random, size = np.random.default_rng(0), (180, 320)
    wall, square = random.integers(90, 110, (*size, 3)), random.integers(0, 255, (90, 90, 3)).repeat(2, 0).repeat(2, 1)
    smoother, errors, own = Smoother(0.35), [], []
    for step in range(40):
        picture, x = wall.astype(np.uint8), 20 + 4 * step
        picture[50:130, x : x + 80] = square[:80, :80]
        true = np.array([50 / 180, x / 320, 130 / 180, (x + 80) / 320])
        wobbly = true + random.normal(0, 0.02, 4)
        smoother.observe(picture, step / 25)
        shown = smoother.smooth(seen_at(tuple(wobbly))).objects[0].box
        errors.append(np.array(shown) - true)
        own.append(wobbly - true)
    errors, own = np.array(errors[8:]), np.array(own[8:])
    assert np.abs(errors.mean(0) - own.mean(0)).max() < 0.006  # 2 pixels; without the motion it were 10
    assert (errors.std(0) < 0.7 * own.std(0)).all()


def test_heat_of_objects_is_each_ones_own():
    """Their maps have a peak of 1 each; that the surest one's was 50 once does not make the others faint."""
    smoother, black = Smoother(0.35), np.zeros((40, 60, 3), np.uint8)
    for step, peak in enumerate((50.0, 1.0, 1.0, 2.0)):
        smoother.observe(black, step / 25)
        assert (smoother.smooth(replace(seen_at((0.2, 0.2, 0.6, 0.6)), peak=peak)).cam == 1).all()
    for step in range(4, 12):  # hot spots that move about
        smoother.observe(black, step / 25)
        spot = np.zeros((2, 2), np.float32)
        spot.flat[step % 4] = 1
        shown = smoother.smooth(replace(seen_at((0.2, 0.2, 0.6, 0.6)), cam=spot)).cam
        assert shown.max() == 1 and shown.min() > 0


def test_memory_goes_on_where_another_was():
    random, one, other = np.random.default_rng(3), Smoother(0.35), None
    for step in range(60):
        things = [thing(0.01 * step, score=random.uniform(0.3, 0.7)), thing(0.6 - 0.005 * step, 0.6, class_idx=2)]
        black = np.zeros((40, 60, 3), np.uint8)
        for smoother in filter(None, (one, other)):
            smoother.observe(black, step / 25)
        found = one.track(things, LEAST)
        assert other is None or other.track(things, LEAST) == found
        if step % 7 == 6:
            other = Smoother(0.35)
            other.recall(one.memory())
    fresh = Smoother(0.35)
    fresh.recall(Smoother(0.35).memory())
    assert fresh.track(things, LEAST)[1] == 0


def test_a_smoother_numbers_objects_also_when_it_averages_nothing_and_a_cut_makes_new_ones():
    def seen():
        box, class_idx, score = thing(0.1)
        objects = (Detected(box, Prediction(class_idx, "x", score), CAM, 1.0),)
        return Explanation(0, 1, (), CAM, 1.0, "gradcam", "layer", 0.0, objects=objects)

    for seconds in (0.0, 0.25):
        smoother = Smoother(seconds)
        dark, light = np.zeros((40, 60, 3), np.uint8), np.full((40, 60, 3), 255, np.uint8)
        found = []
        for number, picture in enumerate((dark, dark, light)):
            smoother.observe(picture, number / 25)
            found.append(smoother.smooth(seen()).objects[0].track)
        assert found == [0, 0, 1]
