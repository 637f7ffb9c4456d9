import cv2
import numpy as np
import pytest
from yuv_oracle import KINDS, scene, to_planes, to_rgb

from livecam.errors import ConfigError
from livecam.geometry import WHOLE, Accepts, place, plan, take


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((720, 1280), (224, 384)),
        ((1280, 720), (384, 224)),
        ((480, 480), (224, 224)),
        ((480, 854), (224, 384)),
        ((100, 10000), (224, 896)),  # a panorama is squeezed rather than exhausting the memory
        ((1, 1), (224, 224)),
    ],
)
def test_fit_keeps_the_aspect_ratio_in_steps_of_the_stride(size, expected):
    assert plan("fit", size, 224) == (expected, WHOLE)


def test_crop_covers_the_central_square():
    size, (y0, x0, y1, x1) = plan("crop", (480, 640), 224)
    assert size == (224, 224)
    assert (y0 * 480, x0 * 640, y1 * 480, x1 * 640) == pytest.approx((0, 80, 480, 560))


def test_unknown_mode():
    with pytest.raises(ConfigError, match="fit, squash, crop"):
        plan("stretch", (10, 10), 224)


@pytest.mark.parametrize("mode", ["fit", "squash", "crop"])
@pytest.mark.parametrize("size", [(480, 640), (640, 480), (333, 555)])
def test_what_is_taken_out_is_put_back_in_its_place(mode, size):
    """A bright blob in the picture, seen through the input, comes back at the same spot of the map."""
    y, x = size[0] * 0.45, size[1] * 0.52
    rows, columns = np.mgrid[: size[0], : size[1]]
    blob = np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * 25**2))
    image = np.repeat((blob * 255).astype(np.uint8)[..., None], 3, 2)
    shape, region = plan(mode, size, 224)
    seen = take(image, region, shape)
    back = place(seen[..., 0].astype(np.float32) / 255, size, region)
    assert back.shape == size
    found = np.unravel_index(back.argmax(), size)
    assert np.hypot(found[0] - y, found[1] - x) < 5


def test_outside_the_crop_there_is_no_heat():
    _, region = plan("crop", (100, 200), 224)
    back = place(np.ones((7, 7), np.float32), (100, 200), region)
    assert (back[:, 50:150] == 1).all()
    assert (back[:, :50] == 0).all()
    assert (back[:, 150:] == 0).all()


def test_shrinking_averages_the_area():
    image = np.zeros((64, 64, 3), np.uint8)
    image[::2] = 200  # every other row: what skips pixels sees all or nothing
    assert take(image, WHOLE, (32, 32)).mean() == pytest.approx(100, abs=1)


@pytest.mark.parametrize(("matrix", "full"), KINDS)
@pytest.mark.parametrize("size", [(720, 1280), (1080, 1920), (480, 640), (360, 640), (180, 320), (640, 360)])
def test_planes_shrink_to_what_their_rgb_shrinks_to(size, matrix, full):
    planes = to_planes(scene(size), matrix, full)
    shape, region = plan("fit", size, 224)
    got = take(planes, region, shape)
    shrinks = size[0] > shape[0]
    wanted = cv2.resize(to_rgb(planes), shape[::-1], interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    error = np.abs(got - wanted)
    assert got.dtype == np.uint8
    assert error.mean() < 0.6
    assert error.max() <= 5


@pytest.mark.parametrize("mode", ["crop", "squash"])
@pytest.mark.parametrize("size", [(720, 1280), (640, 360), (482, 846)])
def test_planes_show_the_same_region(mode, size):
    planes = to_planes(scene(size))
    shape, region = plan(mode, size, 224)
    error = np.abs(
        take(planes, region, shape).astype(int) - take(np.rint(to_rgb(planes)).astype(np.uint8), region, shape)
    )
    assert error.mean() < 0.8
    assert error.max() <= 6


def test_a_network_that_takes_one_square_is_given_it():
    accepts = Accepts(side=384)
    assert plan("fit", (720, 1280), 224, accepts) == ((384, 384), WHOLE)
    assert plan("squash", (720, 1280), 224, accepts) == ((384, 384), WHOLE)
    assert plan("crop", (720, 1280), 224, accepts)[0] == (384, 384)


@pytest.mark.parametrize(("stride", "expected"), [(16, (224, 384)), (14, (224, 392))])
def test_sides_are_whole_patches(stride, expected):
    assert plan("fit", (720, 1280), 224, Accepts(stride=stride)) == (expected, WHOLE)
    assert plan("squash", (720, 1280), 230, Accepts(stride=stride))[0][0] % stride == 0
