import numpy as np
import pytest

from livecam.overlay.burn_in import REACH, cared_for, shift
from livecam.overlay.notice import back_soon, draw_invitation, draw_notice

SIZE = (72, 128)


@pytest.mark.parametrize("moved", [(0, 0), (3, 0), (-2, 5), (4, -6), (-1, -1)])
def test_a_picture_is_moved_and_its_edge_repeated(moved):
    image = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), np.uint8)
    out = cared_for(image, moved, 1.0)
    x, y = moved
    rows = np.clip(np.arange(SIZE[0]) - y, 0, SIZE[0] - 1)
    columns = np.clip(np.arange(SIZE[1]) - x, 0, SIZE[1] - 1)
    np.testing.assert_array_equal(out, image[rows][:, columns])
    assert out is not image


def test_dimmed():
    image = np.full((*SIZE, 3), 200, np.uint8)
    np.testing.assert_array_equal(cared_for(image, (0, 0), 0.5), 100)


def test_the_way_is_slow_and_goes_everywhere():
    places = np.array([shift(float(second), (720, 1280)) for second in range(4620)])
    assert np.abs(places).max() == 720 * REACH
    assert np.abs(places[60:] - places[:-60]).max() <= 6  # a minute
    assert len(np.unique(places, axis=0)) > 100


@pytest.mark.parametrize("size", [(720, 1280), (1920, 1080), (240, 320), (48, 64), (10, 10)])
@pytest.mark.parametrize("draw", [draw_notice, draw_invitation])
def test_words_stay_inside_and_clear_of_the_lower_half(size, draw):
    image = np.full((*size, 3), 128, np.uint8)
    draw(image, ["Pictures are analysed on this device and not stored", "画面仅在本机分析，不会存储"])
    changed = np.argwhere((image != 128).any(axis=2))
    if min(size) >= 240:
        assert len(changed)
        assert changed[:, 0].max() < size[0] * 0.55
        assert changed[:, 1].min() > 0
        assert changed[:, 1].max() < size[1] - 1
    draw(image, [])


def test_chinese_is_drawn_and_not_replaced_by_boxes():
    one, other = (back_soon((400, 600), [text]) for text in ("马上", "回来"))
    assert (one != other).any()  # boxes are all the same


def test_back_soon_is_dark_and_its_words_are_bright():
    picture = back_soon((720, 1280), ["Back soon", "马上回来"])
    assert picture.shape == (720, 1280, 3)
    assert np.median(picture) < 40
    assert picture.max() > 220
