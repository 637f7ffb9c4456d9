"""Known answers, and SciPy's statistics."""

import numpy as np
import pytest
import scipy.stats

from livecam.evaluation import shape


def heat(seed, size=(9, 11)):
    return np.random.default_rng(seed).random(size, np.float32) * 4 + 2


def test_complexity_is_the_mean_of_the_ranged_map():
    assert shape.complexity(np.array([[1, 3], [5, 5]], np.float32)) == pytest.approx(2.5 / 4)
    assert shape.complexity(np.full((3, 3), 2, np.float32)) == 0


def test_coherency_is_a_correlation():
    a, b = heat(0), heat(1)
    assert shape.coherency(a, b) == pytest.approx((scipy.stats.pearsonr(a.ravel(), b.ravel())[0] + 1) / 2, abs=1e-6)
    assert shape.coherency(a, 5 * a + 1) == pytest.approx(1)
    assert shape.coherency(a, -a) == pytest.approx(0, abs=1e-6)


def test_a_map_that_goes_blank_has_no_coherency():
    assert shape.coherency(heat(0), np.zeros((9, 11), np.float32)) == 0


def test_adcc_is_the_harmonic_mean():
    assert shape.adcc(0.8, 0.3, 0.4) == pytest.approx(scipy.stats.hmean([0.8, 0.7, 0.6]))
    assert shape.adcc(1, 0, 0) == 1
    assert shape.adcc(0.8, 1, 0.4) == shape.adcc(0, 0.2, 0.4) == shape.adcc(0.5, 0.2, 1) == 0


def test_arcc_is_the_harmonic_mean_with_road_for_the_drop():
    assert shape.arcc(0.8, 0.3, 0.3) == pytest.approx(scipy.stats.hmean([0.8, 0.7, 0.6]))
    assert shape.arcc(0.8, 0.3, -0.1) == 0
    assert shape.arcc(1, 0, 0.5) == 1


def test_concentration_is_what_entropy_leaves():
    h = heat(2)
    entropy = scipy.stats.entropy((h - h.min()).ravel().astype(np.float64), base=h.size)
    assert shape.concentration(h) == pytest.approx(1 - entropy, abs=1e-6)
    spot = np.zeros((8, 8), np.float32)
    spot[2, 3] = 1
    assert shape.concentration(spot) == 1
    spot[2, :] = 1  # 8 of 64: half of the entropy
    assert shape.concentration(spot) == pytest.approx(0.5)
    assert shape.concentration(np.ones((8, 8), np.float32)) == 0
