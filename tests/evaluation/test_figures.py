"""Means, intervals and paired differences, beside SciPy's."""

import numpy as np
import pytest
from scipy.stats import bootstrap

from livecam.evaluation import localisation as local
from livecam.evaluation.figures import DRAWS, SEED, Figure, summarise
from livecam.evaluation.measures import MEASURES

MEAN = Figure("x", "x", "higher", "x")
BEST = Figure("best", "best", "higher", "x", lambda table: table >= 0.5, lambda means: means.max(-1))


@pytest.fixture
def tables():
    rng = np.random.default_rng(3)
    return rng.normal(0.6, 0.2, (120, 1)), rng.normal(0.5, 0.2, (120, 1))


def test_the_interval_of_a_mean_is_scipys(tables):
    found = summarise(MEAN, {"": tables[0]}).own
    wanted = bootstrap((tables[0][:, 0],), np.mean, method="percentile", n_resamples=20_000, rng=1).confidence_interval
    assert found.value == pytest.approx(tables[0].mean())
    assert (found.low, found.high) == pytest.approx(wanted, abs=0.004)


def test_a_difference_is_paired(tables):
    better = summarise(MEAN, {"": tables[1] + 0.01}, {"": tables[1]})
    assert better.beside.value == pytest.approx(0.01)
    assert (better.beside.low, better.beside.high) == pytest.approx((0.01, 0.01))  # of every picture the same
    assert better.own.high - better.own.low > 0.05


def test_a_figure_of_the_whole_set_is_made_anew_of_every_draw():
    table = np.random.default_rng(0).random((60, 4))
    found = summarise(BEST, {"": table}).own
    assert found.value == (table >= 0.5).mean(0).max()
    assert found.low < found.value < found.high
    # a maximum over thresholds is biased up in every draw: its interval is not that of one threshold
    assert found.low > summarise(MEAN, {"": (table[:, :1] >= 0.5).astype(float)}).own.low


def test_of_videos_whole_videos_are_drawn():
    groups = {"long": np.full((90, 1), 0.2), "short": np.full((3, 1), 0.8), "third": np.full((9, 1), 0.5)}
    found = summarise(MEAN, groups)
    assert found.own.value == pytest.approx(0.5)  # every video counts the same
    assert (found.own.low, found.own.high) == pytest.approx((0.2, 0.8), abs=0.11)
    assert found.units == 3
    assert found.groups == pytest.approx({"long": 0.2, "short": 0.8, "third": 0.5})


def test_the_difference_is_that_of_the_videos_that_both_have():
    ours = {name: np.full((4, 1), value) for name, value in (("a", 0.9), ("b", 0.7), ("c", 0.1))}
    theirs = {name: np.full((4, 1), value) for name, value in (("b", 0.4), ("a", 0.5))}
    assert summarise(MEAN, ours, theirs).beside.value == pytest.approx(0.8 - 0.45)
    assert summarise(MEAN, ours, {"d": ours["a"]}).beside is None


@pytest.mark.parametrize(
    ("name", "wanted"), [("max_box_acc", local.max_box_acc), ("max_box_acc_v2", local.max_box_acc_v2)]
)
def test_max_box_acc_is_the_measures(name, wanted):
    ious = np.random.default_rng(5).random((40, len(local.BOX_THRESHOLDS)))
    figure = next(one for one in MEASURES["localisation"].figures if one.name == name)
    assert figure.of(ious) == pytest.approx(wanted(ious))
    drawn = np.random.default_rng(SEED).multinomial(40, np.full(40, 1 / 40), DRAWS)[7]
    again = figure.join(drawn[None] / 40 @ figure.each(ious))
    assert float(again[0]) == pytest.approx(wanted(np.repeat(ious, drawn, 0)))
