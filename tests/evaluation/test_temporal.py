"""Paths with a known lag, and pictures whose motion is known."""

import cv2
import numpy as np
import pytest

from livecam.evaluation import temporal

FRAMES = 60
SIZE = (180, 320)


def path(times):
    """(T, 2): y, x of something that wanders, defined between frames as well."""
    t = np.asarray(times, float)
    return np.stack([0.5 + 0.1 * np.sin(t / 4) + 0.05 * np.cos(t / 9), 0.4 + 0.004 * t + 0.12 * np.sin(t / 7 + 1)], 1)


class TestLag:
    @pytest.mark.parametrize("frames", [0, 1, 3, 7, -2, 0.5, 1.3, 2.75, -0.4])
    def test_a_late_path_is_late_by_so_much(self, frames):
        times = np.arange(FRAMES)
        found = temporal.lag(path(times - frames), path(times))
        assert found.frames == pytest.approx(frames, abs=0.05)
        assert found.correlation > 0.99

    def test_being_off_or_following_part_of_the_way_is_not_being_late(self):
        times = np.arange(FRAMES)
        found = temporal.lag(0.4 * path(times - 2) + [0.2, -0.1], path(times))
        assert found.frames == pytest.approx(2, abs=0.05)

    @pytest.mark.parametrize("share", [0.5, 0.3])
    def test_an_average_is_as_late_as_its_own_delay(self, share):
        """Of slow motion an exponential average is late by (1 − share) / share frames."""
        slow = path(np.arange(400) / 8)
        average = [slow[0]]
        for place in slow[1:]:
            average.append(share * place + (1 - share) * average[-1])
        found = temporal.lag(np.array(average)[50:], slow[50:])
        assert found.frames == pytest.approx((1 - share) / share, abs=0.1)

    def test_noise_blurs_it_only(self):
        times = np.arange(FRAMES)
        noise = np.random.default_rng(0).normal(0, 0.02, (FRAMES, 2))
        found = temporal.lag(path(times - 3) + noise, path(times))
        assert found.frames == pytest.approx(3, abs=0.5)
        assert 0.8 < found.correlation < 0.99

    def test_frames_without_a_map_or_an_object_are_left_out(self):
        times = np.arange(FRAMES)
        maps, masks = path(times - 2), path(times)
        maps[10:14] = np.nan
        masks[30] = np.nan
        assert temporal.lag(maps, masks).frames == pytest.approx(2, abs=0.1)

    def test_what_stands_still_or_moves_evenly_has_none(self):
        times = np.arange(FRAMES)
        even = np.stack([0.2 + 0.01 * times, 0.5 - 0.003 * times], 1)
        for one in (np.full((FRAMES, 2), 0.5), even):
            assert np.isnan(temporal.lag(one, one)).all()
        assert np.isnan(temporal.lag(path(times[:3]), path(times[:3]))).all()

    def test_a_path_of_its_own_has_little_correlation(self):
        times = np.arange(200)
        other = 0.5 + 0.1 * np.random.default_rng(1).normal(size=(200, 2))
        assert temporal.lag(other, path(times)).correlation < 0.35


def test_the_centre_of_mass_is_in_sides_of_the_picture():
    mask = np.zeros((10, 20), bool)
    mask[2:4, 15:19] = True
    assert temporal.centre_of_mass(mask) == pytest.approx((0.3, 0.85))
    assert temporal.centre_of_mass(np.ones((3, 5))) == pytest.approx((0.5, 0.5))
    assert np.isnan(temporal.centre_of_mass(np.zeros((3, 3)))).all()


def scene(shift):
    """A textured wall that has moved ``shift`` pixels to the right."""
    coarse = np.random.default_rng(0).integers(0, 256, (40, 120), dtype=np.uint8)
    wall = cv2.resize(coarse, (960, 320), interpolation=cv2.INTER_CUBIC)
    part = wall[: SIZE[0], 320 - shift : 320 - shift + SIZE[1]]
    return np.repeat(part[..., None], 3, 2)


def bump(shift, height=1.0):
    y, x = np.mgrid[:9, :16]
    cell = SIZE[1] / 16
    return (height * np.exp(-((y - 4) ** 2 + (x - 6 - shift / cell) ** 2) / 8)).astype(np.float32)


class TestFlicker:
    def test_of_pictures_that_stand_still_it_is_the_mean_change(self):
        maps = np.random.default_rng(0).random((5, 9, 16), np.float32)
        found = temporal.flicker(maps, [scene(0)] * 5)
        assert found == pytest.approx(np.abs(np.diff(maps, axis=0)).mean(), abs=1e-6)

    def test_a_map_that_moves_with_the_picture_does_not_flicker(self):
        shifts = [0, 10, 20, 30]
        pictures, maps = [scene(shift) for shift in shifts], [bump(shift) for shift in shifts]
        along = temporal.flicker(maps, pictures)
        change = np.abs(np.diff(maps, axis=0)).mean()
        assert along < change / 3
        # One that stays behind, while the picture moves, does.
        assert temporal.flicker([bump(0)] * 4, pictures) > 2 * along

    def test_pumping_is_flicker(self):
        maps = [bump(0, height) for height in (1, 0.5, 1, 0.5)]
        assert temporal.flicker(maps, [scene(0)] * 4) == pytest.approx(0.5 * bump(0).mean(), abs=1e-6)

    def test_one_frame_has_none_and_a_missing_map_is_an_error(self):
        assert np.isnan(temporal.flicker([bump(0)], [scene(0)]))
        with pytest.raises(ValueError, match="zip"):
            temporal.flicker([bump(0)], [scene(0), scene(0)])


def test_label_changes_are_counted_a_second():
    assert temporal.label_changes([1, 1, 2, 2, 1, 3], 2.0) == 1.5
    assert temporal.label_changes([4, 4, 4], 1.0) == 0
