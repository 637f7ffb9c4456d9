"""The governor on a simulated clock: time advances by the ticks that it is told of."""

import itertools

import pytest

from livecam.errors import ConfigError
from livecam.governor import LEVELS, Governor

PERIOD = 1 / 30
COST = (1.0, 0.6, 0.45, 0.35)  # of a tick's work at each level, beside level 0


def simulate(governor, work, seconds, start=0.0):
    """Run ticks whose level-0 work is ``work`` seconds. Returns [(time, level)] of the changes and the end time."""
    changes, now = [], start
    while now < start + seconds:
        busy = work * COST[governor.level]
        now += max(PERIOD, busy)
        change = governor.update(busy, now)
        if change:
            changes.append((now, change.level))
    return changes, now


def test_light_work_stays_at_the_best_level():
    assert simulate(Governor(PERIOD), 0.3 * PERIOD, 60)[0] == []


def test_threefold_load_is_answered_within_two_seconds():
    governor = Governor(PERIOD)
    _, now = simulate(governor, 0.6 * PERIOD, 20)
    changes, _ = simulate(governor, 1.8 * PERIOD, 20, now)
    assert governor.level == 2  # 1.8 × 0.45 = 0.81 of the budget
    assert changes[-1][0] - now < 2.0


def test_goes_back_to_the_best_level_when_the_load_ends():
    governor = Governor(PERIOD)
    _, now = simulate(governor, 2.5 * PERIOD, 20)
    assert governor.level == LEVELS - 1
    simulate(governor, 0.2 * PERIOD, 60, now)
    assert governor.level == 0


@pytest.mark.parametrize("load", [0.3, 0.55, 0.8, 0.95, 1.2, 1.6, 1.9, 2.4, 3.0, 9.0])
def test_steady_load_settles_and_does_not_swing(load):
    governor = Governor(PERIOD)
    _, now = simulate(governor, load * PERIOD, 10)
    changes, _ = simulate(governor, load * PERIOD, 600, now)
    for (before, _), (after, _) in itertools.pairwise(changes[1:]):
        assert after - before > 2.0
    assert len(changes) <= 20  # ten minutes; the hold-off after a failed step up has doubled up to four minutes


def test_never_leaves_its_levels():
    governor = Governor(PERIOD)
    levels = {level for _, level in simulate(governor, 100 * PERIOD, 60)[0]}
    assert levels <= set(range(LEVELS))
    assert governor.level == LEVELS - 1


def test_says_why():
    governor = Governor(0.01, window=0.02)
    governor.update(0.02, 0.02)
    assert governor.update(0.02, 0.04).reason == "200% of the time budget used"


def test_a_budget_is_above_zero():
    with pytest.raises(ConfigError):
        Governor(0)
