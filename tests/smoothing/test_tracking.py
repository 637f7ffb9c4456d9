"""Numbers stay with things."""

import numpy as np
import pytest

from livecam.smoothing import Smoother, Tracker
from livecam.smoothing.tracking import LOST_S, overlap
from livecam.types import Detected, Explanation, Prediction

CAM = np.ones((2, 2), np.float32)


def thing(x, y=0.2, side=0.3, class_idx=1):
    return Detected((y, x, y + side, x + side), Prediction(class_idx, str(class_idx), 0.9), CAM, 1.0)


def numbers(tracker, things, now):
    return [one.track for one in tracker.update(tuple(things), now)]


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


def test_a_smoother_numbers_objects_also_when_it_averages_nothing_and_a_cut_makes_new_ones():
    def seen():
        return Explanation(0, 1, (), CAM, 1.0, "gradcam", "layer", 0.0, objects=(thing(0.1),))

    for seconds in (0.0, 0.25):
        smoother = Smoother(seconds)
        dark, light = np.zeros((40, 60, 3), np.uint8), np.full((40, 60, 3), 255, np.uint8)
        found = []
        for number, picture in enumerate((dark, dark, light)):
            smoother.observe(picture, number / 25)
            found.append(smoother.smooth(seen()).objects[0].track)
        assert found == [0, 0, 1]
