"""What is drawn on the showing alone: help, marks, the votes of a spot."""

import numpy as np
import pytest

from livecam.overlay.help import draw_help
from livecam.overlay.marks import RED, draw_marks
from livecam.overlay.spot import draw_spot
from livecam.types import Explanation, Vote

KEYS = [((key,), f"what {key} does") for key in "ABCDEFGHIJKLMNOP"] + [(("−", "=", "A"), "quality"), (("Space",), "x")]
GREY = 120


def grey(height=480, width=640):
    return np.full((height, width, 3), GREY, np.uint8)


def touched(image):
    """(top, left, bottom, right) of what differs from the plain picture."""
    ys, xs = np.nonzero((image != GREY).any(axis=2))
    return None if not len(ys) else (int(ys.min()), int(xs.min()), int(ys.max()) + 1, int(xs.max()) + 1)


def explanation(spot, votes=None, region=(0.0, 0.0, 1.0, 1.0)):
    cam = np.zeros((6, 8), np.float32)
    votes = (Vote(1, "a long name of a class, with synonyms", 1.5, True),) * 5 if votes is None else votes
    return Explanation(0, 1, (), cam, 1.0, "m", "l", 0.0, region, spot=spot, votes=votes)


@pytest.mark.parametrize("size", [(480, 640), (720, 1280), (2160, 3840), (1280, 720)])
def test_help_is_in_the_middle(size):
    image = grey(*size)
    draw_help(image, KEYS)
    top, left, bottom, right = touched(image)
    assert abs(top - (size[0] - bottom)) <= 1
    assert abs(left - (size[1] - right)) <= 1
    assert left >= 0.01 * size[1]


@pytest.mark.parametrize("size", [(40, 60), (1, 1), (100, 2000)])
def test_help_that_has_no_room_is_left_out(size):
    image = grey(*size)
    draw_help(image, KEYS)
    assert touched(image) is None


def test_no_keys_no_words():
    draw_help(grey(), [])
    draw_help(grey(), KEYS[:1])


def test_recording_is_a_red_dot_at_the_bottom_right():
    image = grey()
    draw_marks(image, recording=True)
    ys, xs = np.nonzero((image == RED).all(axis=2))
    assert len(ys) > 30
    assert ys.min() > 400
    assert xs.min() > 500
    paused = grey()
    draw_marks(paused, paused=True)
    assert not (paused == RED).all(axis=2).any()
    assert touched(paused) is not None


def test_nothing_to_mark():
    image = grey()
    draw_marks(image)
    draw_spot(image, explanation(None))
    assert touched(image) is None


def test_news_stays_in_the_right_half_and_in_the_picture():
    image = grey()
    draw_marks(image, recording=True, paused=True, news="a rather long word of news " * 9)
    assert touched(image)[1] >= 320
    for size in ((1, 1), (12, 12), (30, 30), (64, 48)):
        draw_marks(grey(*size), recording=True, paused=True, news="news")


@pytest.mark.parametrize("x", [0.0, 0.3, 0.99, 1.0])
@pytest.mark.parametrize("y", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("mirror", [False, True])
def test_the_cell_of_the_spot_is_framed(x, y, mirror):
    image = grey()
    draw_spot(image, explanation((x, y)), mirror=mirror)
    shown = 1 - x if mirror else x
    column, row = min(int(x * 8), 7), min(int(y * 6), 5)
    column = 7 - column if mirror else column
    assert column <= shown * 8 <= column + 1
    middle = row * 80 + 40
    left = column * 80
    assert (image[middle, left] == 255).all() or (image[middle, left] == 0).all()
    inside = image[row * 80 + 10 : row * 80 + 70, left + 10 : left + 70]
    assert (inside == GREY).all()  # what is asked about is not covered


def test_votes_of_first_order_are_said_to_be_so():
    exact, rough = grey(), grey()
    draw_spot(exact, explanation((0.5, 0.5), (Vote(1, "cup", 0.5, True),)))
    draw_spot(rough, explanation((0.5, 0.5), (Vote(1, "cup", 0.5, False),)))
    assert (exact != rough).any()


def test_a_spot_that_the_network_does_not_see():
    image = grey()
    draw_spot(image, explanation((0.01, 0.5), (), (0.0, 0.25, 1.0, 0.75)))
    assert touched(image) is not None
    for size in ((1, 1), (20, 20), (64, 48)):
        draw_spot(grey(*size), explanation((0.5, 0.5)))
