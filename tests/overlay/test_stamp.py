"""What is put on a picture is what would be drawn on it, in RGB and in planes, wherever it lies."""

from dataclasses import dataclass

import numpy as np
import pytest
from yuv_oracle import KINDS, scene, to_planes, to_rgb

from livecam.overlay import Hud, draw_hud
from livecam.overlay.bars import Bar, Legend, Slug
from livecam.overlay.glass import glass, lay_glass
from livecam.overlay.stamp import put
from livecam.overlay.text import Font
from livecam.overlay.words import Words
from livecam.types import Prediction

DRAWINGS = [
    Words("golden retriever", 160, Font(19), (208, 212, 218)),
    Words("87%", 45, Font(19, 600), (255, 255, 255), right=True),
    Words("金毛寻回犬", 100, Font(33, 700), (255, 64, 64)),
    Bar((6, 99), 40, (196, 201, 208)),
    Bar((7, 98), 0, (196, 201, 208)),
    Slug((17, 4), (255, 160, 20)),
    Legend((28, 170), 19, "inferno", (208, 212, 218)),
]
ORIGINS = [(30, 10), (31, 10), (30, 11), (31, 11)]


def parts(planes):
    return planes.y, planes.u, planes.v


def near(planes, wanted, most=2):
    for plane, other in zip(parts(planes), parts(to_planes(wanted, planes.matrix, planes.full)), strict=True):
        assert np.abs(plane.astype(int) - other).max() <= most


@pytest.mark.parametrize("drawing", DRAWINGS, ids=lambda d: type(d).__name__)
@pytest.mark.parametrize("origin", ORIGINS)
def test_on_rgb(drawing, origin):
    (top, left), (height, width) = origin, drawing.size
    wanted = scene()
    got = wanted.copy()
    drawing.draw(wanted[top : top + height, left : left + width])
    put(got, drawing, top, left)
    assert (got != scene()).any()
    assert np.abs(got.astype(int) - wanted).max() <= 2


@pytest.mark.parametrize("drawing", DRAWINGS, ids=lambda d: type(d).__name__)
@pytest.mark.parametrize("origin", ORIGINS)
@pytest.mark.parametrize(("matrix", "full"), KINDS)
def test_on_planes(drawing, origin, matrix, full):
    (top, left), (height, width) = origin, drawing.size
    planes = to_planes(scene(), matrix, full)
    wanted = np.rint(to_rgb(planes)).astype(np.uint8)
    drawing.draw(wanted[top : top + height, left : left + width])
    put(planes, drawing, top, left)
    near(planes, wanted)


@pytest.mark.parametrize("origin", ORIGINS)
@pytest.mark.parametrize("size", [(40, 120), (41, 121), (33, 34)])
@pytest.mark.parametrize(("radius", "opacity"), [(0, 0.74), (11, 0.74), (20, 0.94)])
@pytest.mark.parametrize(("matrix", "full"), KINDS)
def test_glass_on_planes(origin, size, radius, opacity, matrix, full):
    (top, left), (height, width) = origin, size
    planes = to_planes(scene(), matrix, full)
    wanted = np.rint(to_rgb(planes)).astype(np.uint8)
    glass(wanted[top : top + height, left : left + width], radius, (186, 24, 36), opacity)
    lay_glass(planes, (top, top + height), (left, left + width), radius, (186, 24, 36), opacity)
    near(planes, wanted)


@pytest.mark.parametrize("size", [(360, 640), (486, 642), (640, 360), (720, 1280)])
@pytest.mark.parametrize(("matrix", "full"), KINDS)
def test_the_whole_hud_on_planes_is_that_on_rgb(size, matrix, full):
    top = tuple(Prediction(i, label, 0.6 / (i + 1)) for i, label in enumerate(("goose", "Übergrößenträger", "swan")))
    hud = Hud(top, 1, "model · method · 30 fps", "REC", 0.12)
    planes = to_planes(scene(size), matrix, full)
    wanted = np.rint(to_rgb(planes)).astype(np.uint8)
    draw_hud(wanted, hud)
    draw_hud(planes, hud)
    near(planes, wanted, 3)  # glass, then words: either may be off by rounding


def test_beyond_its_ink_a_drawing_changes_nothing():
    planes = to_planes(scene())
    before = planes.copy()
    put(planes, Slug((8, 20), (9, 9, 9)), 40, 60)
    for plane, kept, step in zip(parts(planes), parts(before), (1, 2, 2), strict=True):
        inside = np.zeros(plane.shape, bool)
        inside[40 // step : 48 // step, 60 // step : 80 // step] = True
        np.testing.assert_array_equal(plane[~inside], kept[~inside])
        assert (plane[inside] != kept[inside]).any()


def test_nothing_drawn_is_nothing_put():
    image = scene()
    put(image, Words("", 50, Font(19), (255, 255, 255)), 20, 20)
    np.testing.assert_array_equal(image, scene())


def test_equal_drawings_are_drawn_once():
    drawn = []

    @dataclass(frozen=True)
    class Counted:
        name: str
        size: tuple[int, int] = (4, 4)

        def draw(self, view):
            drawn.append(self.name)
            view[:] = 7

    for name in ("a", "a", "b", "a"):
        put(scene(), Counted(name), 0, 0)
    assert drawn == ["a", "a", "b", "b"]  # over black and over white
