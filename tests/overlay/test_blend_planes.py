"""Heat over planes is the heat that ``blend`` puts over RGB, within rounding."""

import cv2
import numpy as np
import pytest
from yuv_oracle import KINDS, scene, to_planes, to_rgb

from livecam.errors import ConfigError, UnknownName
from livecam.overlay import blend, blend_planes
from livecam.overlay.blend_planes import planes_tint

SIZE = (216, 384)


def heat(size=SIZE):
    cam = np.random.default_rng(3).random((7, 12), dtype=np.float32)
    return cv2.resize(cam, size[::-1], interpolation=cv2.INTER_LINEAR)


def parts(planes):
    return planes.y, planes.u, planes.v


@pytest.mark.parametrize(("matrix", "full"), KINDS)
@pytest.mark.parametrize("colormap", ["inferno", "turbo", "grey"])
def test_it_looks_as_on_rgb(matrix, full, colormap):
    planes = to_planes(scene(SIZE), matrix, full)
    wanted = blend(np.rint(to_rgb(planes)).astype(np.uint8), heat(), colormap=colormap)
    got, stored = blend_planes(planes, heat(), colormap=colormap), to_planes(wanted, matrix, full)
    for plane, other, most in zip(parts(got), parts(stored), (8, 2, 2), strict=True):
        error = np.abs(plane.astype(int) - other)
        assert error.mean() < 0.6
        assert error.max() <= most
    # Planes of 8 bits cannot hold RGB exactly: that alone costs about a level.
    assert np.abs(to_rgb(got) - wanted).mean() < np.abs(to_rgb(stored) - wanted).mean() + 0.3


@pytest.mark.parametrize(("spread", "usual", "most"), [(30.0, 0.6, 3), (3.0, 0.8, 8)])
def test_it_looks_as_on_rgb_whether_heat_is_gentle_or_steep(spread, usual, most):
    """Over several bands, the last one short: gentle heat is repeated, steep heat interpolated."""
    size = (364, 640)
    planes, rng = to_planes(scene(size)), np.random.default_rng(5)
    warm = cv2.GaussianBlur(rng.random(size, dtype=np.float32), (0, 0), spread)
    warm = (warm - warm.min()) / (warm.max() - warm.min())
    wanted = to_planes(blend(np.rint(to_rgb(planes)).astype(np.uint8), warm), "bt709")
    for plane, other in zip(parts(blend_planes(planes, warm)), parts(wanted), strict=True):
        error = np.abs(plane.astype(int) - other)
        assert error.mean() < usual
        assert error.max() <= most


def test_it_is_the_mixture_in_floating_point():
    planes = to_planes(scene(SIZE))
    got = blend_planes(planes, np.ones((2, 2), np.float32), colormap="grey", alpha=0.5)
    keep = 127 / 255
    assert np.abs(got.y - (keep * planes.y + 235 * (1 - keep))).max() <= 1.5
    for plane, before in ((got.u, planes.u), (got.v, planes.v)):
        assert np.abs(plane - (keep * before + 128 * (1 - keep))).max() <= 1.5
    assert (got.matrix, got.full) == (planes.matrix, planes.full)


@pytest.mark.parametrize("size", [SIZE, (SIZE[0] // 2, SIZE[1] // 2), (7, 12)])
def test_a_heatmap_of_any_size(size):
    planes = to_planes(scene(SIZE))
    error = np.abs(to_rgb(blend_planes(planes, heat(size))) - to_rgb(blend_planes(planes, heat())))
    assert error.mean() < 1


def test_cold_areas_stay_bit_identical():
    planes, warm = to_planes(scene(SIZE)), np.zeros(SIZE, np.float32)
    warm[100:160, 200:300] = 1.0
    got = blend_planes(planes, warm)
    for plane, before, scale in zip(parts(got), parts(planes), (1, 2, 2), strict=True):
        cold = np.ones(before.shape, bool)
        cold[96 // scale : 164 // scale, 196 // scale : 304 // scale] = False
        np.testing.assert_array_equal(plane[cold], before[cold])
        inside = np.s_[104 // scale : 156 // scale, 204 // scale : 296 // scale]
        assert (plane[inside] != before[inside]).mean() > 0.9


@pytest.mark.parametrize("warm", [np.zeros((4, 4), np.float32), np.full((4, 4), np.nan, np.float32)])
def test_no_heat_changes_nothing(warm):
    planes = to_planes(scene(SIZE))
    for plane, before in zip(parts(blend_planes(planes, warm)), parts(planes), strict=True):
        np.testing.assert_array_equal(plane, before)


def test_the_planes_are_never_changed_and_equal_input_gives_equal_bytes():
    planes = to_planes(scene(SIZE))
    kept = planes.copy()
    first, second = blend_planes(planes, heat()), blend_planes(planes, heat())
    for before, now, a, b in zip(parts(kept), parts(planes), parts(first), parts(second), strict=True):
        np.testing.assert_array_equal(before, now)
        np.testing.assert_array_equal(a, b)
        assert not np.shares_memory(now, a)
        assert a.flags.c_contiguous


@pytest.mark.parametrize(("matrix", "full"), KINDS)
def test_without_opacity_the_tables_leave_everything(matrix, full):
    tables = planes_tint("inferno", 0.0, matrix, full)
    assert (tables.keep == 255).all()
    assert not tables.y.any() and not tables.u.any() and not tables.v.any()


def test_wrong_arguments():
    planes = to_planes(scene(SIZE))
    with pytest.raises(ConfigError, match="a heatmap is"):
        blend_planes(planes, np.zeros((4, 4), np.uint8))
    with pytest.raises(ConfigError, match="alpha"):
        blend_planes(planes, heat(), alpha=1.5)
    with pytest.raises(UnknownName):
        blend_planes(planes, heat(), colormap="trubo")
