"""Against equations solved densely, and a network whose answer is known."""

import numpy as np
import pytest

from livecam.errors import ConfigError
from livecam.evaluation import road


def dense(picture, gone):
    """One equation a pixel, written out."""
    places = [tuple(place) for place in np.argwhere(gone)]
    number = {place: row for row, place in enumerate(places)}
    left, right = np.zeros((len(places), len(places))), np.zeros((len(places), picture.shape[2]))
    for (y, x), row in number.items():
        for dy in (-1, 0, 1):
            for dx in (-1, 0, 1):
                there = y + dy, x + dx
                if (dy, dx) == (0, 0) or not (0 <= there[0] < gone.shape[0] and 0 <= there[1] < gone.shape[1]):
                    continue
                weight = 1 / 6 if 0 in (dy, dx) else 1 / 12
                left[row, row] += weight
                if there in number:
                    left[row, number[there]] -= weight
                else:
                    right[row] += weight * picture[there]
    return np.linalg.solve(left, right)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.95])
def test_pixels_are_the_weighted_means_of_their_neighbours(share):
    random = np.random.default_rng(0)
    picture, gone = random.random((9, 13, 3)), random.random((9, 13)) < share
    assert road.solved(picture, gone) == pytest.approx(dense(picture, gone), abs=1e-10)


def test_a_slope_is_imputed_as_it_was():
    y, x = np.mgrid[:20, :20]
    picture = np.stack([10 * y, 3 * x + 2 * y, 255 - 5 * x], -1).astype(np.uint8)
    gone = np.zeros((20, 20), bool)
    gone[4:15, 6:13] = True
    assert (road.imputed(picture, gone, noise=0) == picture).all()
    noisy = road.imputed(picture, gone)
    assert (noisy[~gone] == picture[~gone]).all()
    assert (noisy[gone] - picture[gone].astype(float)).std() == pytest.approx(road.NOISE, rel=0.1)
    assert (road.imputed(picture, np.zeros_like(gone)) == picture).all()


def half_white():
    """A network that knows how bright the left half is, a picture that is bright there, and the true map."""
    picture = np.full((16, 16, 3), 100, np.uint8)
    picture[:, :8] = 200
    heat = (picture[..., 0] > 150).astype(np.float32)
    return (lambda pictures: pictures[:, :, :8].mean((1, 2, 3)) / 255), picture, heat


def test_a_true_map_falls_when_the_hottest_go_and_not_when_the_coldest_go():
    score, picture, heat = half_white()
    found = road.road(score, picture, heat, [0.25, 0.5], noise=0)
    assert found.before == pytest.approx(200 / 255)
    assert found.most[1] == pytest.approx(100 / 255)
    assert found.least == pytest.approx([200 / 255] * 2)
    assert found.least_first == pytest.approx(0)
    assert found.combined == pytest.approx(-found.most_first / 2)
    assert found.combined > 0.09
    wrong = road.road(score, picture, 1 - heat, [0.25, 0.5], noise=0)
    assert wrong.combined == pytest.approx(-found.combined, abs=0.02)


def test_it_is_the_same_each_time():
    score, picture, heat = half_white()
    first, second = (road.road(score, picture, heat, [0.3]) for _ in range(2))
    assert (first.most == second.most).all()
    assert (first.least == second.least).all()


@pytest.mark.parametrize("fraction", [0, 1, -0.2])
def test_nothing_and_everything_cannot_be_imputed(fraction):
    score, picture, heat = half_white()
    with pytest.raises(ConfigError, match="between 0 and 1"):
        road.road(score, picture, heat, [0.5, fraction])
