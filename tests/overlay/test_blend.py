"""Blending against a float64 computation that shares no code with it."""

import cv2
import numpy as np
import pytest

from livecam.errors import ConfigError, UnknownName
from livecam.overlay import blend, table, working_size
from livecam.overlay.tint import FLOOR, FULL

SIZE = (97, 131)  # odd, so that shared rows and bands end in the middle


@pytest.fixture
def picture():
    return np.random.default_rng(1).integers(0, 256, (*SIZE, 3), dtype=np.uint8)


@pytest.fixture
def heat():
    """Random heat on the 256 levels that bytes can tell apart, in all of [0, 1]."""
    return (np.random.default_rng(2).integers(0, 256, SIZE) / 255).astype(np.float32)


def smooth(size):
    y, x = np.mgrid[: size[0], : size[1]]
    distance = ((y + 0.5) / size[0] - 0.45) ** 2 / 0.05 + ((x + 0.5) / size[1] - 0.4) ** 2 / 0.03
    return np.exp(-distance).astype(np.float32)


def oracle(picture, heat, colormap, alpha, mode):
    t = np.clip((heat.astype(np.float64) - FLOOR) / (FULL - FLOOR), 0, 1)
    a = (alpha * (3 * t**2 - 2 * t**3))[..., None]
    colour = table(colormap)[np.rint(heat * 255).astype(int)].astype(np.float64)
    kept = picture * (1 - a) if mode == "alpha" else picture.astype(np.float64)
    return np.minimum(kept + colour * a, 255)


@pytest.mark.parametrize("mode", ["alpha", "additive"])
@pytest.mark.parametrize("colormap", ["inferno", "turbo", "grey"])
@pytest.mark.parametrize("alpha", [0.0, 0.35, 1.0])
def test_equals_the_formula(picture, heat, mode, colormap, alpha):
    got = blend(picture, heat, colormap=colormap, alpha=alpha, mode=mode)
    assert (got.shape, got.dtype) == (picture.shape, np.uint8)
    expected = oracle(picture, heat, colormap, alpha, mode)
    # The floor is rounded to a level: right above it, where opacity starts from nothing, nothing more is allowed.
    assert np.abs(got - expected).max() <= 2


@pytest.mark.parametrize("quality", [0, 1, 2, 3])
@pytest.mark.parametrize("heat", [0.0, FLOOR * 0.98, np.nan, -0.7])
def test_cold_pictures_are_bit_identical(picture, heat, quality):
    got = blend(picture, np.full(SIZE, heat, np.float32), alpha=1.0, quality=quality)
    np.testing.assert_array_equal(got, picture)


def test_opacity_only_grows_with_heat():
    ramp = np.linspace(0, 1, 512, dtype=np.float32)[None].repeat(4, axis=0)
    got = blend(np.zeros((4, 512, 3), np.uint8), ramp, colormap="grey", alpha=1.0)[0, :, 0].astype(int)
    assert np.all(np.diff(got) >= 0)
    assert np.diff(got).max() <= 4  # no visible step
    assert got[-1] == 255


def test_full_opacity_is_the_colour_itself(picture):
    got = blend(picture, np.ones(SIZE, np.float32), colormap="viridis", alpha=1.0)
    np.testing.assert_array_equal(got, np.broadcast_to(table("viridis")[255], got.shape))


def test_heat_is_absolute_not_relative_to_its_maximum(picture):
    faint, strong = (np.abs(blend(picture, k * smooth(SIZE)).astype(int) - picture).mean() for k in (0.3, 1.0))
    assert 0 < faint < strong / 4


@pytest.mark.parametrize("quality", [0, 1, 2, 3])
def test_inputs_are_never_changed_and_equal_inputs_give_equal_bytes(picture, heat, quality):
    before = picture.copy(), heat.copy()
    picture.setflags(write=False)
    heat.setflags(write=False)
    first, second = blend(picture, heat, quality=quality), blend(picture, heat, quality=quality)
    np.testing.assert_array_equal(first, second)
    assert not np.shares_memory(first, picture)
    np.testing.assert_array_equal(picture, before[0])
    np.testing.assert_array_equal(heat, before[1])


@pytest.mark.parametrize("size", [(480, 640), (483, 641)])
@pytest.mark.parametrize("quality", [1, 2, 3])
def test_lower_qualities_look_like_the_best(size, quality):
    picture = np.random.default_rng(3).integers(0, 256, (*size, 3), dtype=np.uint8)
    best = blend(picture, smooth(size)).astype(int)
    got = blend(picture, smooth(working_size(size, quality)), quality=quality)
    assert np.abs(got - best).mean() < 2.0
    assert np.abs(got - best).max() <= 10 * quality


@pytest.mark.parametrize("size", [(31, 17), (5, 3), (3, 500), (1, 1)])
@pytest.mark.parametrize("quality", [0, 1, 2, 3])
def test_tiny_pictures_are_covered_to_their_last_row(size, quality):
    heat = np.ones(working_size(size, quality), np.float32)
    got = blend(np.zeros((*size, 3), np.uint8), heat, colormap="grey", alpha=1.0, quality=quality)
    assert np.all(got == 255)


def test_a_small_map_is_upsampled_bilinearly(picture):
    small = np.random.default_rng(4).random((7, 12), dtype=np.float32)
    large = cv2.resize(small, SIZE[::-1], interpolation=cv2.INTER_LINEAR)
    np.testing.assert_array_equal(blend(picture, small), blend(picture, large))


@pytest.mark.parametrize("size", [(720, 1280), (1280, 722), (1283, 721)])
def test_rows_that_share_colours_of_a_small_map_differ_by_rounding(size):
    picture = np.random.default_rng(7).integers(0, 256, (*size, 3), dtype=np.uint8)
    small = np.random.default_rng(4).random((7, 12), dtype=np.float32)
    large = cv2.resize(small, size[::-1], interpolation=cv2.INTER_LINEAR)
    error = np.abs(blend(picture, small).astype(int) - blend(picture, large))
    assert error.mean() < 0.3
    assert np.percentile(error, 99.9) <= 3
    assert error.max() <= 4


@pytest.mark.parametrize("size", [(720, 1280), (301, 260)])
def test_inside_and_outside_of_the_heat_a_band_is_mixed_alike(size):
    """Bands that are hot all over are mixed as a whole, others in the box that holds their heat."""
    picture = np.random.default_rng(8).integers(0, 256, (*size, 3), dtype=np.uint8)
    heat = np.zeros(size, np.float32)
    heat[size[0] // 3 :] = 0.9
    heat[size[0] // 2 :, : size[1] // 2] = 0
    got, whole = blend(picture, heat), blend(picture, np.full(size, 0.9, np.float32))
    np.testing.assert_array_equal(got, np.where(heat[..., None] > 0, whole, picture))


def test_strided_pictures_and_double_maps_are_fine(picture, heat):
    mirrored = picture[:, ::-1]
    expected = blend(np.ascontiguousarray(mirrored), heat)
    got = blend(mirrored, heat.astype(np.float64))
    np.testing.assert_array_equal(got, expected)
    assert got.flags.c_contiguous


def test_a_picture_higher_than_a_band(heat):
    picture = np.random.default_rng(5).integers(0, 256, (700, 1000, 3), dtype=np.uint8)
    heat = np.rint(smooth((700, 1000)) * 255).astype(np.float32) / 255
    assert np.abs(blend(picture, heat) - oracle(picture, heat, "inferno", 0.6, "alpha")).max() <= 2


@pytest.mark.parametrize(
    ("size", "quality", "expected"),
    [((720, 1280), 0, (720, 1280)), ((720, 1280), 3, (90, 160)), ((97, 131), 2, (25, 33)), ((1, 1), 3, (1, 1))],
)
def test_working_size(size, quality, expected):
    assert working_size(size, quality) == expected


@pytest.mark.parametrize(
    "wrong",
    [
        {"alpha": 1.01},
        {"alpha": -0.1},
        {"alpha": float("nan")},
        {"mode": "multiply"},
        {"quality": 4},
        {"quality": -1},
        {"image": np.zeros((8, 8), np.uint8)},
        {"image": np.zeros((8, 8, 4), np.uint8)},
        {"image": np.zeros((8, 8, 3), np.float32)},
        {"image": np.zeros((0, 8, 3), np.uint8)},
        {"heatmap": np.zeros((8, 8, 1), np.float32)},
        {"heatmap": np.zeros((8, 8), np.uint8)},
        {"heatmap": np.zeros((0, 8), np.float32)},
    ],
)
def test_wrong_arguments_say_so(wrong):
    right = {"image": np.zeros((8, 8, 3), np.uint8), "heatmap": np.zeros((8, 8), np.float32)}
    with pytest.raises(ConfigError):
        blend(**(right | wrong))


def test_an_unknown_colour_map():
    with pytest.raises(UnknownName, match="turbo"):
        blend(np.zeros((8, 8, 3), np.uint8), np.zeros((8, 8), np.float32), colormap="turb")
