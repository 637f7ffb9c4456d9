"""The wall: everything has a place of its own, in its own shape."""

import numpy as np
import pytest

from livecam.health import State
from livecam.overlay.grid import LAMPS, LARGEST, arrange, empty, place

HD, VGA, TALL = (720, 1280), (480, 640), (1280, 720)
CASES = [[HD], [VGA] * 2, [HD, VGA, TALL], [HD] * 4, [TALL] * 3, [HD, VGA, TALL, (48, 64), (1080, 1920)], [VGA] * 16]


@pytest.mark.parametrize("sizes", CASES, ids=str)
def test_pictures_keep_their_shape_and_out_of_each_others_way(sizes):
    grid = arrange(sizes)
    height, width = grid.size
    assert height <= LARGEST[0] and width <= LARGEST[1] and not height % 2 and not width % 2
    taken = np.zeros(grid.size, int)
    for tile, whole, size in zip(grid.tiles, grid.whole, sizes, strict=True):
        for one in (tile, whole):
            high, wide = one.size
            assert not high % 2 and not wide % 2
            assert abs(wide / high - size[1] / size[0]) < 0.05 * size[1] / size[0] + 4 / high
        assert whole.size[0] >= tile.size[0] - 16  # its caption is higher
        for y0, x0, y1, x1 in tile:
            assert 0 <= y0 < y1 <= height and 0 <= x0 < x1 <= width
            taken[y0:y1, x0:x1] += 1
    assert taken.max() == 1
    assert len({(y0, x0, y1, x1) for (y0, x0, _, _), (_, _, y1, x1) in grid.tiles}) == len(sizes)


def test_regions_tell_the_tiles_apart():
    grid = arrange([HD, VGA, TALL, HD, VGA])
    for number, tile in enumerate(grid.tiles):
        y0, x0, y1, x1 = tile.picture
        y, x = (y0 + y1) / 2 / grid.size[0], (x0 + x1) / 2 / grid.size[1]
        hits = [
            n for n, (top, left, bottom, right) in enumerate(grid.regions()) if top <= y < bottom and left <= x < right
        ]
        assert hits == [number]


def test_a_row_that_is_not_full_stands_in_the_middle():
    grid = arrange([HD] * 3)
    y0, x0, _, x1 = grid.tiles[2].caption
    assert y0 > 0 and abs((x0 + x1) / 2 - grid.size[1] / 2) <= 2


def test_a_picture_is_placed_and_says_how_its_camera_is():
    grid = arrange([VGA, VGA])
    wall = empty(grid.size)
    pictures = [np.full((*tile.size, 3), 200 + number, np.uint8) for number, tile in enumerate(grid.tiles)]
    before = empty(grid.size)
    place(wall, grid.tiles[0], pictures[0], "door", "30 fps", State.LIVE)
    place(wall, grid.tiles[1], None, "yard", "lost", State.LOST)
    y0, x0, y1, x1 = grid.tiles[0].picture
    assert (wall[y0:y1, x0:x1] == 200).all()
    y0, x0, y1, x1 = grid.tiles[1].picture
    assert (wall[y0:y1, x0:x1] < 60).all()
    for tile, state in zip(grid.tiles, (State.LIVE, State.LOST), strict=True):
        y0, x0, y1, x1 = tile.caption
        strip = wall[y0:y1, x0:x1]
        assert (strip == LAMPS[state]).all(axis=2).any()
        assert strip.max() > 200  # the name
    y0, x0, y1, _ = grid.tiles[1].caption
    gap = slice(grid.tiles[0].caption[3], x0)
    assert (wall[:, gap] == before[:, gap]).all()


def test_figures_that_do_not_fit_are_left_out():
    tile = arrange([(48, 64), (48, 64)]).tiles[0]
    wide, narrow = (empty((100, 700)) for _ in range(2))
    place(wide, tile, None, "a camera with a long name", "30 fps · map 30/s", State.LIVE)
    place(narrow, tile, None, "a camera with a long name", "", State.LIVE)
    assert (wide == narrow).all()
