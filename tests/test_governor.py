"""The governor on a simulated clock: time advances by the ticks that it is told of."""

import itertools

import numpy as np
import pytest

from livecam.errors import ConfigError
from livecam.governor import LADDER, Governor, fixed_size

PERIOD = 1 / 30


class Machine:
    """What a tick takes at each level, a model of its own: shares that ``wrong`` makes differ from the ladder's."""

    def __init__(self, governor, seed=None, noise=0.0, wrong=0.15):
        self.governor, self.now, self.changes, self.levels = governor, 0.0, [], []
        self._rng, self._noise = np.random.default_rng(seed), noise
        steps = [1.0] if seed is None else [1.0, *self._rng.uniform(1 - wrong, 1 + wrong, len(LADDER) - 1)]
        self._cost = [level.cost * step for level, step in zip(governor.ladder, itertools.cycle(steps), strict=False)]

    def load(self):
        """Share of its time that a tick takes now, on average."""
        level = self.governor.level
        return self.work * self._cost[level] * self.governor.ladder[level].rate

    def run(self, work, seconds, **signal):
        """Ticks whose work at full quality is ``work`` periods. Returns the [(time, level)] of the changes in them."""
        self.work, end, before = work, self.now + seconds, len(self.changes)
        while self.now < end:
            level = self.governor.level
            busy = work * PERIOD * self._cost[level] * (1 + self._noise * self._rng.standard_normal())
            self.now += max(PERIOD / self.governor.ladder[level].rate, busy)
            change = self.governor.update(max(busy, 0), self.now, **signal)
            if change:
                self.changes.append((self.now, change.level))
            self.levels.append(self.governor.level)
        return self.changes[before:]


def test_light_work_stays_at_the_best_level():
    assert Machine(Governor(PERIOD)).run(0.3, 60) == []


@pytest.mark.parametrize("seed", range(15))
def test_a_threefold_load_is_answered_within_two_seconds(seed):
    machine = Machine(Governor(PERIOD), seed, noise=0.03)
    base = machine._rng.uniform(0.2, 0.8)
    machine.run(base, 30)
    start = machine.now
    changes = machine.run(3 * base, 8)
    assert machine.load() < 1.0
    assert all(time - start < 2.0 for time, _ in changes)


@pytest.mark.parametrize("seed", range(20))
def test_steady_load_changes_at_most_once_in_ten_seconds(seed):
    machine = Machine(Governor(PERIOD), seed, noise=0.02)
    load = machine._rng.uniform(0.1, 6.0)
    machine.run(load, 2)
    changes = machine.run(load, 600)
    assert all(after - before >= 10 for (before, _), (after, _) in itertools.pairwise(changes))
    assert len(changes) <= 6


@pytest.mark.parametrize("seed", range(15))
def test_a_wrong_idea_of_the_costs_fails_less_and_less_often(seed):
    """Costs up to three times as far from the ladder's guesses: a step up may fail, the next waits twice as long."""
    machine = Machine(Governor(PERIOD), seed, wrong=0.5)
    machine.run(machine._rng.uniform(0.5, 4.0), 10)
    machine.run(machine.work, 300)  # by then the hold-off has doubled to four minutes
    assert len(machine.run(machine.work, 1200)) <= 2 * (1200 / 240 + 1)


@pytest.mark.parametrize("seed", range(10))
def test_goes_back_to_full_quality_when_the_load_ends(seed):
    machine = Machine(Governor(PERIOD), seed)
    machine.run(5.0, 30)
    assert machine.governor.level > 3
    machine.run(0.3, 60)
    assert machine.governor.level == 0


@pytest.mark.parametrize("ladder", [LADDER, fixed_size()])
def test_never_below_the_floor(ladder):
    machine = Machine(Governor(PERIOD, ladder))
    machine.run(100, 60)
    assert set(machine.levels) <= set(range(len(ladder)))
    assert machine.governor.level == len(ladder) - 1


def test_a_heavier_load_jumps_further():
    for load, level in ((1.1, 1), (1.25, 2), (1.7, 5), (3.0, 8), (4.0, 9)):
        machine = Machine(Governor(PERIOD))
        assert next(level for _, level in machine.run(load, 2)) == level


def test_a_rung_that_is_not_there_is_left_out():
    away = {number for number, level in enumerate(LADDER) if level.input < 1.0 and level.size == 1.0}
    machine = Machine(Governor(PERIOD, skip=away.__contains__))
    for load in (1.2, 1.5, 1.9, 2.5, 1.5, 1.0, 0.1):
        machine.run(load, 60)
    assert not away & set(machine.levels)
    assert machine.governor.level == 0


def test_a_late_display_beside_a_starved_network_explains_less():
    machine = Machine(Governor(PERIOD))
    (_, level), *_ = machine.run(1.05, 1, starved=0.5)
    assert LADDER[level].every == 2


def test_a_starved_network_alone_is_no_overload():
    assert Machine(Governor(PERIOD)).run(0.5, 60, starved=0.9) == []


def test_rest_forgets_what_was_measured():
    governor = Governor(0.01, window=0.02)
    assert governor.update(0.05, 0.00) is None
    assert governor.update(0.05, 0.015) is None
    governor.rest()
    assert governor.update(0.05, 0.03) is None  # the window begins anew
    assert governor.update(0.05, 0.05) is not None


def test_a_fixed_size_ladder_never_shrinks_the_picture():
    ladder = fixed_size()
    assert {level.size for level in ladder} == {1.0}
    assert [level.rate for level in ladder if level.rate < 1] == [0.8, 0.5]


def test_each_rung_costs_no_more_than_the_one_above():
    for above, below in itertools.pairwise(LADDER):
        assert below.cost * below.rate <= above.cost * above.rate


def test_says_why():
    governor = Governor(0.01, window=0.02)
    governor.update(0.02, 0.02)
    assert governor.update(0.02, 0.05).reason == "200% of the time budget used"


def test_a_budget_is_above_zero():
    with pytest.raises(ConfigError):
        Governor(0)
