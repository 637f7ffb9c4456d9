import numpy as np
import pytest

from livecam.evaluation import stability


def maps(seed, count=4):
    return np.random.default_rng(seed).random((count, 6, 7), np.float32)


def test_the_noise_is_as_strong_as_said_and_the_same_each_time():
    picture = np.full((60, 80, 3), 100, np.uint8)
    noisy = stability.noisy(picture, 3, 10)
    assert noisy.shape == (3, 60, 80, 3)
    assert (noisy - 100.0).std() == pytest.approx(10, rel=0.02)
    assert (noisy - 100.0).mean() == pytest.approx(0, abs=0.2)
    assert (noisy == stability.noisy(picture, 3, 10)).all()
    assert (noisy[0] != noisy[1]).any()
    assert (noisy != stability.noisy(picture, 3, 10, seed=1)).any()
    assert stability.noisy(picture + 150, 1, 50).max() == 255  # does not wrap around


def test_stability_is_the_mean_correlation():
    heat, heats = maps(0, 1)[0], maps(1)
    expected = np.mean([np.corrcoef(heat.ravel(), one.ravel())[0, 1] for one in heats])
    assert stability.stability(heat, heats) == pytest.approx(expected, abs=1e-6)


def test_the_same_map_is_stable_however_it_is_scaled():
    heat = maps(0, 1)[0]
    heats = np.stack([heat, 3 * heat + 1])
    assert stability.stability(heat, heats) == pytest.approx(1)
    assert stability.stability(heat, -heats) == pytest.approx(-1)
    assert stability.max_sensitivity(heat, heats) == pytest.approx(0, abs=1e-6)


def test_max_sensitivity_is_the_farthest_map():
    heat = np.array([[0, 1, 0]], np.float32)
    heats = np.array([[[0, 1, 0]], [[0, 1, 0.5]], [[0, 0, 1]]], np.float32)
    assert stability.max_sensitivity(heat, heats) == pytest.approx(np.sqrt(2))


def test_a_flat_map_is_not_called_stable():
    flat = np.ones((6, 7), np.float32)
    assert stability.stability(flat, maps(0)) == 0
    assert np.isnan(stability.max_sensitivity(flat, maps(0)))
