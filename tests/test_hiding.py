"""Hiding a part of a picture: which cells, how many, and what is left of the picture."""

import numpy as np
import pytest

from livecam.hiding import SHARE, hidden, hottest, moved_to_the_cold

SIZES = [(1, 1), (1, 5), (7, 7), (7, 12), (14, 14), (56, 56)]


def random_map(size, seed=0):
    cam = np.random.default_rng(seed).random(size, dtype=np.float32)
    return np.where(cam > 0.5, cam, 0).astype(np.float32)  # as after a ReLU


@pytest.mark.parametrize("size", SIZES)
def test_no_map_hides_more_than_its_share(size):
    maps = random_map(size), np.ones(size, np.float32), np.zeros(size, np.float32)
    for cam in maps:
        assert hottest(cam).sum() == max(1, round(SHARE * cam.size))


def test_the_hottest_cells():
    cam = np.array([[0.1, 0.9, 0.3, 0.2], [0.8, 0.0, 0.0, 0.0]], np.float32)
    assert hottest(cam, 0.25).tolist() == [[False, True, False, False], [True, False, False, False]]


@pytest.mark.parametrize("size", SIZES)
def test_the_cold_part_is_the_coldest_of_that_shape(size):
    cam = random_map(size, seed=1)
    hot = hottest(cam)
    shifts = [np.roll(hot, (down, right), (0, 1)) for down in range(size[0]) for right in range(size[1])]
    cold = moved_to_the_cold(hot, cam)
    assert any((cold == one).all() for one in shifts)
    if cam.size < 1000:
        assert cam[cold].sum() == pytest.approx(min(cam[one].sum() for one in shifts), abs=1e-5)


def test_what_is_hidden_has_lost_its_detail_and_the_rest_is_untouched():
    board = (np.indices((224, 384)).sum(axis=0) // 2 % 2 * 200).astype(np.uint8)
    picture = np.repeat(board[..., None], 3, 2)
    before = picture.copy()
    cells = np.zeros((7, 12), bool)
    cells[2:5, 2:5] = True
    out = hidden(picture, cells)
    np.testing.assert_array_equal(picture, before)
    assert (out.shape, out.dtype) == (picture.shape, np.uint8)
    inside = out[80:144, 80:144]  # from the centres of the outer hidden cells on
    assert inside.std() < 2
    assert inside.mean() == pytest.approx(100, abs=2)
    kept = np.ones(board.shape, bool)
    kept[48:176, 48:176] = False  # up to the centres of the cells around
    np.testing.assert_array_equal(out[kept], picture[kept])


@pytest.mark.parametrize("size", [(32, 32), (224, 224), (33, 896)])
def test_a_plain_picture_stays_as_it_is(size):
    picture = np.full((*size, 3), (10, 120, 250), np.uint8)
    np.testing.assert_array_equal(hidden(picture, hottest(random_map((7, 7)))), picture)
