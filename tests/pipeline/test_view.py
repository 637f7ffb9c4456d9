import numpy as np
import pytest
from yuv_oracle import to_planes

from livecam.pipeline._view import mirrored, mirrored_map, shrunk
from livecam.types import Explanation, rgb


@pytest.fixture
def ramp():
    x, y = np.meshgrid(np.arange(64), np.arange(36))
    return np.stack([x * 3, y * 5, 100 + 0 * x], 2).astype(np.uint8)


def test_mirrored(ramp):
    assert (mirrored(ramp) == ramp[:, ::-1]).all()


def test_planes_are_mirrored_alike(ramp):
    planes = to_planes(ramp, "bt709", False)
    assert np.abs(rgb(mirrored(planes)).astype(int) - planes.rgb[:, ::-1]).max() <= 2


def test_the_map_and_its_region_are_mirrored():
    cam = np.arange(6, dtype=np.float32).reshape(2, 3)
    made = mirrored_map(Explanation(0, 0, (), cam, 1.0, "m", "l", 0.0, region=(0.0, 0.125, 1.0, 0.5)))
    assert (made.cam == cam[:, ::-1]).all()
    assert made.region == (0.0, 0.5, 1.0, 0.875)
    heat = Explanation(0, 0, (), cam, 1.0, "m", "l", 0.0, region=(0.0, 0.125, 1.0, 0.5)).heatmap((16, 32))
    assert made.heatmap((16, 32)) == pytest.approx(heat[:, ::-1])


@pytest.mark.parametrize("size", [(36, 64), (37, 65), (2, 2)])
def test_shrunk_keeps_even_sides(size):
    picture = np.full((*size, 3), 77, np.uint8)
    small = shrunk(picture, 0.5)
    assert all(side % 2 == 0 and abs(side - whole / 2) <= 1 for side, whole in zip(small.shape, size, strict=False))
    assert (small == 77).all()


def test_planes_shrink_as_the_picture_does(ramp):
    small = shrunk(to_planes(ramp, "bt601", True), 0.5)
    assert small.u.shape == (9, 16)
    assert np.abs(rgb(small).astype(int) - shrunk(ramp, 0.5)).mean() < 3
