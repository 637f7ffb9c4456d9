import cv2
import numpy as np
import pytest
from yuv_oracle import scene, to_planes

from livecam.geometry import WHOLE, place
from livecam.upsampling import CELLS, EPSILON, FINE, RADIUS, SIDE, UPSAMPLES, guided, upsample


def window_means(x, radius):
    """Means over (2 radius + 1)² windows, mirrored at the borders."""
    wide = np.pad(x.astype(np.float64), radius, mode="symmetric")
    rows = np.lib.stride_tricks.sliding_window_view(wide, 2 * radius + 1, 0).mean(-1)
    return np.lib.stride_tricks.sliding_window_view(rows, 2 * radius + 1, 1).mean(-1)


def direct(cam, luma):
    """He et al. 2013, eqs. 5, 6, 8, in float64, window by window, at full size."""
    p = cv2.resize(cam, luma.shape[::-1], interpolation=cv2.INTER_CUBIC).astype(np.float64)
    picture, radius = luma.astype(np.float64), round((RADIUS + CELLS / 7) * min(luma.shape))
    mean_i, mean_p = window_means(picture, radius), window_means(p, radius)
    a = (window_means(picture * p, radius) - mean_i * mean_p) / (window_means(picture**2, radius) - mean_i**2 + EPSILON)
    b = mean_p - a * mean_i
    return np.clip(window_means(a, radius) * picture + window_means(b, radius), 0, 1)


def random_map(shape=(7, 12), seed=0):
    cam = np.random.default_rng(seed).random(shape, np.float32) ** 3
    return cam / cam.max()


@pytest.mark.parametrize("size", [(SIDE, 200), (96, 96), (90, 60)])
def test_small_enough_it_is_the_guided_filter_itself(size):
    luma = scene(size)[..., 1].astype(np.float32) / 255
    assert guided(random_map(), luma) == pytest.approx(direct(random_map(), luma), abs=2e-5)


def test_at_reduced_size_it_is_nearly_the_guided_filter():
    luma = cv2.GaussianBlur(scene((2 * SIDE, 400))[..., 1].astype(np.float32) / 255, None, 3)
    error = np.abs(guided(random_map(), luma) - direct(random_map(), luma))
    assert error.mean() < 0.01
    assert error.max() < 0.1


def test_heat_ends_where_the_object_does():
    image = np.full((240, 320, 3), 40, np.uint8)
    image[60:180, 100:220] = 220
    inside = np.zeros((240, 320), bool)
    inside[60:180, 100:220] = True
    cam = cv2.resize(inside.astype(np.float32), (10, 7), interpolation=cv2.INTER_AREA)
    jumps = {}
    for how in UPSAMPLES:
        heat = upsample(cam, (240, 320), WHOLE, how, image)
        jumps[how] = heat[120, 100] - heat[120, 98]  # across the left edge
    assert jumps["guided"] > 5 * max(jumps["bilinear"], jumps["cubic"])


@pytest.mark.parametrize("how", UPSAMPLES)
@pytest.mark.parametrize("size", [(720, 1280), (63, 40), (1, 1), (2, 900), (FINE + 1, FINE + 2)])
def test_any_size_stays_in_range(how, size):
    picture = np.random.default_rng(1).integers(0, 256, (*size, 3), dtype=np.uint8)
    heat = upsample(random_map(), size, WHOLE, how, picture)
    assert (heat.shape, heat.dtype) == (size, np.float32)
    assert np.isfinite(heat).all()
    assert 0 <= heat.min() <= heat.max() <= 1


@pytest.mark.parametrize("how", UPSAMPLES)
def test_outside_the_region_there_is_no_heat(how):
    region = (0.25, 0.2, 0.75, 0.6)
    heat = upsample(np.ones((7, 7), np.float32), (100, 200), region, how, scene((100, 200)))
    inside = np.zeros((100, 200), bool)
    inside[25:75, 40:120] = True
    assert not heat[~inside].any()
    assert heat[inside] == pytest.approx(1, abs=1e-4)


def test_only_the_region_of_the_picture_guides():
    picture, other = scene((120, 240)), scene((120, 240)).copy()
    other[:, 120:] = 0
    half = (0.0, 0.0, 1.0, 0.5)
    assert np.array_equal(*(upsample(random_map(), (120, 240), half, "guided", one) for one in (picture, other)))


def test_a_cold_map_stays_cold_and_a_flat_picture_changes_nothing():
    cold = upsample(np.zeros((7, 12), np.float32), (90, 160), WHOLE, "guided", scene((90, 160)))
    assert not cold.any()
    flat = np.full((90, 160, 3), 99, np.uint8)
    heat = upsample(random_map(), (90, 160), WHOLE, "guided", flat)
    radius = round((RADIUS + CELLS / 7) * 90)
    p = cv2.resize(random_map(), (160, 90), interpolation=cv2.INTER_CUBIC)
    assert heat == pytest.approx(np.clip(window_means(window_means(p, radius), radius), 0, 1), abs=1e-3)


def test_planes_guide_as_their_rgb_does():
    picture = scene((360, 640))
    by_rgb = upsample(random_map(), (180, 320), WHOLE, "guided", picture)
    by_planes = upsample(random_map(), (180, 320), WHOLE, "guided", to_planes(picture, "bt601", True))
    assert np.abs(by_rgb - by_planes).max() < 0.02


def test_without_a_picture_it_is_cubic():
    size = (90, 160)
    assert np.array_equal(
        upsample(random_map(), size, WHOLE, "guided"), upsample(random_map(), size, WHOLE, "cubic", scene(size))
    )


def test_bilinear_is_what_it_was():
    assert np.array_equal(upsample(random_map(), (90, 160), WHOLE), place(random_map(), (90, 160), WHOLE))
