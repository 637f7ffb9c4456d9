"""Boxes in the colours of their tracks, outlines of regions, and the mark of untrained weights."""

from dataclasses import replace

import numpy as np
import pytest

from livecam.geometry import outlines
from livecam.overlay import Painter, Style
from livecam.overlay.objects import COLOURS
from livecam.types import Detected, Explanation, Prediction

CAM = np.zeros((4, 4), np.float32)
GREY = np.full((360, 640, 3), 128, np.uint8)
PLAIN = Explanation(0, 1, (), CAM, 0.0, "gradcam", "layer", 0.0)


def boxed(*tracks):
    places = ((0.3, 0.1, 0.8, 0.4), (0.3, 0.6, 0.8, 0.9))
    return tuple(
        Detected(place, Prediction(1, "cat", 0.9), CAM, 0.0, track) for place, track in zip(places, tracks, strict=True)
    )


@pytest.mark.parametrize("tracks", [(0, 1), (5, 3), (None, None)])
def test_a_box_is_drawn_where_it_is_in_the_colour_of_its_track(tracks):
    out = Painter(Style(hud=False)).paint(GREY, replace(PLAIN, objects=boxed(*tracks)))
    for place, (one, track) in enumerate(zip(boxed(*tracks), tracks, strict=True)):
        y0, x0, y1, x1 = (round(f * s) for f, s in zip(one.box, (360, 640, 360, 640), strict=True))
        colour = COLOURS[place if track is None else track]
        for y, x in (((y0 + y1) // 2, x0), ((y0 + y1) // 2, x1), (y0, (x0 + x1) // 2), (y1, (x0 + x1) // 2)):
            near = out[y - 2 : y + 3, x - 2 : x + 3].reshape(-1, 3).astype(int)
            assert np.abs(near - colour).max(1).min() <= 12
        assert (out[y0 + 8 : y1 - 8, x0 + 8 : x1 - 8] == 128).all()
    assert (out[:90] == 128).all()


def test_labels_are_words_and_go_with_them():
    objects = replace(PLAIN, objects=boxed(0, 1))
    with_words, without = (Painter(Style(hud=hud)).paint(GREY, objects) for hud in (True, False))
    above = np.s_[92:105, 60:200]  # the first box begins at row 108
    assert (without[above] == 128).all()
    coloured = np.abs(with_words[above].astype(int) - COLOURS[0]).max(2) < 30
    dark = with_words[above].max(2) < 60
    assert coloured.sum() > 3 * dark.sum() > 200


def test_an_outline_follows_the_region_and_its_holes():
    y, x = np.mgrid[0:120, 0:160]
    radius = np.hypot(y - 60, x - 80)
    mask = (radius < 50) & (radius > 20)
    mask[2, 2] = True  # a speck
    polygons = outlines(mask, (0.0, 0.5, 1.0, 1.0))
    assert len(polygons) == 2
    for polygon, wanted in zip(polygons, (50, 20), strict=True):
        distance = np.hypot((polygon[:, 0] - 0.5) * 2 * 160 - 80.5, polygon[:, 1] * 120 - 60.5)
        np.testing.assert_allclose(distance, wanted, atol=2)
    out = Painter(Style(hud=False)).paint(GREY, replace(PLAIN, mask=mask, region=(0.0, 0.5, 1.0, 1.0)))
    changed = (out != 128).any(2)
    assert changed[:, 320:].any() and not changed[:, :310].any()
    middle = (round(360 * 60 / 120), round(320 + 320 * (80 - 50) / 160))
    assert out[middle[0], middle[1] - 2 : middle[1] + 3].max() == 255


@pytest.mark.parametrize("hud", [True, False])
def test_untrained_weights_are_marked_also_where_nothing_else_is_written(hud):
    painter = Painter(Style(hud=hud))
    marked, unmarked = (painter.paint(GREY, replace(PLAIN, random_weights=one)) for one in (True, False))
    corner = np.s_[:40, 400:]
    assert (unmarked[corner] == 128).all()
    red = (marked[corner].astype(int) @ (1, -1, 0) > 80).sum()
    assert red > 1000
