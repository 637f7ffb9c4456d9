import numpy as np
import pytest

from livecam.evaluation import baselines


def test_the_centre_is_a_gaussian_of_sigma_25_of_112():
    y, x = np.mgrid[:112, :112] - 55.5
    assert baselines.centre((112, 112)) == pytest.approx(np.exp(-(y**2 + x**2) / 2 / 25**2), abs=1e-6)


def test_the_centre_goes_with_the_picture():
    heat = baselines.centre((60, 200))
    assert (heat == heat[::-1, ::-1]).all()
    profile = heat[29] / heat[29].max()
    assert profile[100 + round(200 * baselines.SIGMA)] == pytest.approx(np.exp(-0.5), abs=0.02)


def test_random_is_coarse_uniform_and_the_same_each_time():
    heats = np.stack([baselines.random((70, 98), seed) for seed in range(200)])
    assert heats.dtype == np.float32
    assert (heats[3] == baselines.random((70, 98), 3)).all()
    assert heats[:, 5::10, 7::14].mean() == pytest.approx(0.5, abs=0.02)
    assert np.abs(np.diff(heats, axis=2)).max() < 1 / 10
    peaks = heats.reshape(200, -1).argmax(1) % 98
    assert np.mean(peaks < 49) == pytest.approx(0.5, abs=0.12)
