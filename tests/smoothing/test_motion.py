"""Maps follow what moves. The oracle is the picture's own making: a textured disc at a known place."""

import numpy as np
import pytest
from yuv_oracle import to_planes

from livecam.geometry import WHOLE
from livecam.smoothing import Motion, Smoother, thumbnail
from livecam.types import Explanation, Prediction

SIZE = (360, 640)
CELLS = (7, 12)
RADIUS = 80


def picture(centre, seed=0):
    """A textured disc at ``centre`` (x, y) before a textured wall that stands still."""
    rng = np.random.default_rng(seed)
    wall = np.kron(rng.integers(60, 120, (45, 80), dtype=np.uint8), np.ones((8, 8), np.uint8))
    disc = np.kron(rng.integers(0, 255, (40, 40), dtype=np.uint8), np.ones((10, 10), np.uint8))
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    inside = (x - centre[0]) ** 2 + (y - centre[1]) ** 2 < RADIUS**2
    texture = disc[np.clip(y - round(centre[1]) + 200, 0, 399), np.clip(x - round(centre[0]) + 200, 0, 399)]
    return np.repeat(np.where(inside, texture, wall)[..., None], 3, 2).astype(np.uint8)


def cam_of(centre, region=WHOLE):
    """What a network would say: a bump of the disc's size, sampled at the centres of the cells."""
    y0, x0, y1, x1 = region
    y = (y0 + (np.arange(CELLS[0]) + 0.5) / CELLS[0] * (y1 - y0)) * SIZE[0] - centre[1]
    x = (x0 + (np.arange(CELLS[1]) + 0.5) / CELLS[1] * (x1 - x0)) * SIZE[1] - centre[0]
    return np.exp(-(y[:, None] ** 2 + x**2) / RADIUS**2).astype(np.float32)


def centre_of(cam, region=WHOLE):
    """Centre of mass (x, y) in pixels of the picture."""
    y0, x0, y1, x1 = region
    y = (y0 + (np.arange(CELLS[0]) + 0.5) / CELLS[0] * (y1 - y0)) * SIZE[0]
    x = (x0 + (np.arange(CELLS[1]) + 0.5) / CELLS[1] * (x1 - x0)) * SIZE[1]
    return np.array([(cam.sum(0) * x).sum(), (cam.sum(1) * y).sum()]) / cam.sum()


def carried(cam, before, after, region=WHOLE):
    return Motion().carried(cam, region, thumbnail(before), thumbnail(after))


class TestCarried:
    @pytest.mark.parametrize("step", [(12, 0), (-30, 0), (0, 20), (40, 0), (24, -16)])
    @pytest.mark.parametrize("kind", ["rgb", "planes"])
    def test_the_heat_stays_on_the_object(self, step, kind):
        start = np.array([320, 180])
        pictures = [picture(start), picture(start + step)]
        if kind == "planes":
            pictures = [to_planes(one, "bt709", False) for one in pictures]
        moved = carried(cam_of(start), *pictures)
        assert centre_of(moved) - centre_of(cam_of(start)) == pytest.approx(
            np.array(step), abs=3 + 0.2 * np.hypot(*step)
        )
        assert moved.max() > 0.75

    def test_a_map_of_the_central_square(self):
        region, start, step = (0.0, 0.21875, 1.0, 0.78125), np.array([300, 180]), (24, 0)
        moved = carried(cam_of(start, region), picture(start), picture(start + step), region)
        shift = centre_of(moved, region) - centre_of(cam_of(start, region), region)
        assert shift == pytest.approx(np.array(step), abs=6)

    def test_a_still_picture_changes_nothing(self):
        cam = cam_of((320, 180))
        assert carried(cam, picture((320, 180)), picture((320, 180))) is cam

    def test_noise_changes_nothing(self):
        rng, cam = np.random.default_rng(1), cam_of((320, 180))
        for _ in range(10):
            noisy = [np.clip(picture((320, 180)) + rng.normal(0, 8, (*SIZE, 3)), 0, 255).astype(np.uint8) for _ in "ab"]
            assert carried(cam, *noisy) is cam

    def test_what_moves_elsewhere_does_not_carry_the_heat(self):
        cam = cam_of((100, 100))
        moved = carried(cam, picture((480, 240)), picture((510, 240)))
        assert np.abs(moved - cam).max() < 0.02

    def test_another_scene_is_no_motion(self):
        cam = cam_of((320, 180))
        assert carried(cam, picture((320, 180), seed=0), picture((320, 180), seed=9)) is cam

    def test_a_map_without_heat(self):
        cam = np.zeros(CELLS, np.float32)
        assert carried(cam, picture((320, 180)), picture((350, 180))) is cam

    def test_stays_in_its_range_and_leaves_its_input(self):
        cam = cam_of((320, 180)) * 7
        kept = cam.copy()
        moved = carried(cam, picture((320, 180)), picture((360, 180)))
        assert 0 <= moved.min() <= moved.max() <= cam.max()
        assert moved.dtype == np.float32
        assert (cam == kept).all()

    def test_the_same_bytes_from_call_to_call(self):
        before, after, cam = picture((320, 180)), picture((350, 190)), cam_of((320, 180))
        assert len({carried(cam, before, after).tobytes() for _ in range(20)}) == 1

    @pytest.mark.parametrize("size", [(8, 8), (32, 16), (40, 2000), (2000, 40), (2160, 3840)])
    def test_any_picture_has_a_thumbnail_that_can_be_compared(self, size):
        rng = np.random.default_rng(0)
        pictures = [rng.integers(0, 255, (*size, 3), dtype=np.uint8) for _ in "ab"]
        assert carried(np.ones((2, 2), np.float32), *pictures).shape == (2, 2)


def box_of(centre, aspect=1.0):
    """The box of the disc, or one ``aspect`` times as wide."""
    across, down = RADIUS * aspect / SIZE[1], RADIUS / SIZE[0]
    x, y = centre[0] / SIZE[1], centre[1] / SIZE[0]
    return y - down, x - across, y + down, x + across


def pixels_moved(box, other):
    """(x, y) by which the upper left corner has moved; the size is the same."""
    assert (box[2] - box[0], box[3] - box[1]) == pytest.approx((other[2] - other[0], other[3] - other[1]))
    return np.array([(other[1] - box[1]) * SIZE[1], (other[0] - box[0]) * SIZE[0]])


def between(before, after):
    return Motion().between(thumbnail(before), thumbnail(after))


class TestBoxes:
    @pytest.mark.parametrize("step", [(12, 0), (-30, 0), (0, 20), (40, 0), (24, -16)])
    @pytest.mark.parametrize("aspect", [1.0, 1.4, 0.7])
    def test_the_box_stays_on_the_object(self, step, aspect):
        start = np.array([320, 180])
        box = box_of(start, aspect)
        moved = between(picture(start), picture(start + step)).box(box)
        assert pixels_moved(box, moved) == pytest.approx(np.array(step), abs=2 + 0.1 * np.hypot(*step))

    def test_each_moves_by_itself(self):
        def both(left, right):
            one, other = picture(left), picture(right)
            return np.where(np.arange(SIZE[1])[None, :, None] < 320, one, other)

        moved = between(both((140, 180), (480, 180)), both((164, 180), (480, 204)))
        still, down, right = box_of((320, 60), 0.5), box_of((480, 180)), box_of((140, 180))
        assert pixels_moved(right, moved.box(right)) == pytest.approx([24, 0], abs=4)
        assert pixels_moved(down, moved.box(down)) == pytest.approx([0, 24], abs=4)
        assert pixels_moved(still, moved.box(still)) == pytest.approx([0, 0], abs=1)

    def test_noise_and_another_scene_move_nothing(self):
        rng, box = np.random.default_rng(1), box_of((320, 180))
        for _ in range(10):
            noisy = [np.clip(picture((320, 180)) + rng.normal(0, 8, (*SIZE, 3)), 0, 255).astype(np.uint8) for _ in "ab"]
            assert between(*noisy).box(box) == box
        assert between(picture((320, 180), seed=0), picture((320, 180), seed=9)).box(box) == box
        assert between(picture((320, 180)), picture((320, 180))) is None

    def test_a_box_keeps_within_the_picture(self):
        box = box_of((560, 180))
        moved = between(picture((560, 180)), picture((600, 180))).box(box)
        assert moved[3] == 1 and pixels_moved(box, moved)[0] == pytest.approx(0, abs=0.01)
        tiny = (0.5, 0.5, 0.501, 0.501)
        assert between(picture((320, 180)), picture((350, 180))).box(tiny) == pytest.approx(tiny, abs=0.1)


@pytest.mark.parametrize("region", [WHOLE, (0.0, 0.21875, 1.0, 0.78125)])
def test_a_mask_moves_with_its_object(region):
    def mask_of(centre, size=(90, 90)):
        y0, x0, y1, x1 = region
        y = (y0 + (np.arange(size[0]) + 0.5) / size[0] * (y1 - y0)) * SIZE[0] - centre[1]
        x = (x0 + (np.arange(size[1]) + 0.5) / size[1] * (x1 - x0)) * SIZE[1] - centre[0]
        return y[:, None] ** 2 + x**2 < RADIUS**2

    def iou(one, other):
        return (one & other).sum() / (one | other).sum()

    start, end = (300, 180), (340, 190)
    moved = between(picture(start), picture(end)).mask(mask_of(start), region)
    assert moved.dtype == bool
    assert iou(mask_of(start), mask_of(end)) < 0.6 < 0.85 < iou(moved, mask_of(end))
    nothing = np.zeros((9, 9), bool)
    assert between(picture(start), picture(end)).mask(nothing, region) is nothing


def explanation(cam):
    return Explanation(0, 1, (Prediction(1, "x", 0.5),), cam, 1.0, "gradcam", "layer", 0.0)


class TestSmoother:
    def smoothed(self, path, seconds=0.5):
        smoother, out = Smoother(seconds), []
        for index, centre in enumerate(path):
            smoother.observe(picture(centre), index / 30)
            out.append(smoother.smooth(explanation(cam_of(centre))).cam)
        return out

    def test_the_average_does_not_lag_behind_a_moving_object(self):
        """Without motion an average with τ = 0.5 s lags, in the long run, by nearly τ times the speed."""
        path = [(140 + 12 * index, 180) for index in range(30)]
        lag = centre_of(cam_of(path[-1]))[0] - centre_of(self.smoothed(path)[-1])[0]
        average = np.zeros(CELLS)
        for index, centre in enumerate(path):  # the recursion written down once more, with nothing carried
            average += (1 if index == 0 else 1 - np.exp(-1 / 30 / 0.5)) * (cam_of(centre) - average)
        plain_lag = centre_of(cam_of(path[-1]))[0] - centre_of(average)[0]
        assert plain_lag > 80
        assert abs(lag) < plain_lag / 4

    def test_a_still_picture_is_averaged_as_ever(self):
        rng = np.random.default_rng(2)
        smoother, average = Smoother(0.5), None
        for index in range(20):
            smoother.observe(picture((320, 180)), index / 30)
            cam = rng.random(CELLS).astype(np.float32) + 1
            shown = smoother.smooth(explanation(cam)).cam
            fresh = np.float32(1 - np.exp(-1 / 30 / 0.5))
            average = cam.copy() if average is None else average + fresh * (cam - average)
        assert shown / shown.max() == pytest.approx(average / average.max(), rel=1e-4)
