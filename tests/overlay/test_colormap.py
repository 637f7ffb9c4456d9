"""Colour tables against OpenCV and against the published ends of the scientific ones."""

import cv2
import numpy as np
import pytest

from livecam.errors import UnknownName
from livecam.overlay import COLORMAPS, DEFAULT_COLORMAP, table


def test_every_table_is_256_rgb_bytes_that_nobody_can_change():
    assert DEFAULT_COLORMAP in COLORMAPS
    for name in COLORMAPS:
        colours = table(name)
        assert (colours.shape, colours.dtype) == ((256, 3), np.uint8)
        with pytest.raises(ValueError, match="read-only"):
            colours[0] = 0


@pytest.mark.parametrize("name", ["turbo", "inferno", "magma", "plasma", "viridis", "cividis", "hot", "jet"])
def test_tables_are_those_of_opencv_in_rgb(name):
    ramp = np.arange(256, dtype=np.uint8)[None]
    bgr = cv2.applyColorMap(ramp, getattr(cv2, f"COLORMAP_{name.upper()}"))
    np.testing.assert_array_equal(table(name), cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)[0])


# First and last entries as matplotlib publishes them: they tell RGB from BGR and the right way round.
@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("viridis", (68, 1, 84), (253, 231, 37)),
        ("plasma", (13, 8, 135), (240, 249, 33)),
        ("inferno", (0, 0, 4), (252, 255, 164)),
        ("magma", (0, 0, 4), (252, 253, 191)),
        ("turbo", (48, 18, 59), (122, 4, 3)),
        ("grey", (0, 0, 0), (255, 255, 255)),
    ],
)
def test_ends_of_the_published_tables(name, first, last):
    np.testing.assert_allclose(table(name)[[0, -1]], [first, last], atol=1)


def test_the_default_gets_lighter_with_the_heat():
    lightness = table(DEFAULT_COLORMAP).astype(float) @ (0.2126, 0.7152, 0.0722)
    assert np.all(np.diff(lightness) > -1.0)
    assert lightness[-1] - lightness[0] > 200


def test_a_wrong_name_suggests_the_right_one():
    with pytest.raises(UnknownName, match="'inferno'"):
        table("infreno")
