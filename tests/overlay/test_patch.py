"""Drawing on a part of a picture, in RGB, whatever the picture is made of."""

import numpy as np
import pytest
from yuv_oracle import KINDS, scene, to_planes, to_rgb

from livecam.overlay.patch import patch

RECTANGLES = [
    ((10, 40), (20, 60)),
    ((11, 40), (21, 60)),
    ((10, 41), (20, 61)),
    ((11, 12), (21, 22)),
    ((0, 144), (0, 192)),
]


def parts(planes):
    return planes.y, planes.u, planes.v


def around(rectangle, scale):
    """The even rectangle around, in a plane whose values serve ``scale`` pixels in each direction."""
    return tuple(np.s_[start // 2 * 2 // scale : (stop + 1) // 2 * 2 // scale] for start, stop in rectangle)


@pytest.mark.parametrize("rectangle", RECTANGLES)
@pytest.mark.parametrize(("matrix", "full"), KINDS)
def test_what_is_drawn_is_in_the_planes(rectangle, matrix, full):
    (top, bottom), (left, right) = rectangle
    planes = to_planes(scene(), matrix, full)
    wanted = to_rgb(planes)
    with patch(planes, *rectangle) as view:
        assert view.shape == (bottom - top, right - left, 3)
        assert np.abs(view - wanted[top:bottom, left:right]).max() <= 1
        view[:] = (60, 120, 90)
    wanted[top:bottom, left:right] = (60, 120, 90)
    expected = to_planes(wanted, matrix, full)
    for plane, other in zip(parts(planes), parts(expected), strict=True):
        assert np.abs(plane.astype(int) - other).max() <= 2


@pytest.mark.parametrize("rectangle", RECTANGLES)
def test_what_is_not_drawn_on_stays(rectangle):
    planes = to_planes(scene())
    before = planes.copy()
    with patch(planes, *rectangle):
        pass
    for plane, other, scale in zip(parts(planes), parts(before), (1, 2, 2), strict=True):
        assert np.abs(plane.astype(int) - other).max() <= 2
        plane[around(rectangle, scale)] = other[around(rectangle, scale)]
        np.testing.assert_array_equal(plane, other)


def test_a_part_of_rgb_is_its_own_memory():
    image = scene()
    with patch(image, (10, 40), (20, 60)) as view:
        assert np.shares_memory(view, image)
        view[:] = 0
    assert not image[10:40, 20:60].any()
