"""Blending by PyTorch against blending by OpenCV. On the CPU it is the same code as on a GPU."""

import numpy as np
import pytest
import torch

from livecam.errors import ConfigError, ModelError, UnknownName
from livecam.overlay import Painter, Style, blend
from livecam.overlay.blend_device import DeviceBlend
from livecam.types import Explanation, Prediction

SIZE = (97, 131)
GPU = pytest.param(
    "cuda",
    marks=[pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")],
)


@pytest.fixture(params=["cpu", GPU])
def device(request):
    return request.param


@pytest.fixture
def picture():
    return np.random.default_rng(1).integers(0, 256, (*SIZE, 3), dtype=np.uint8)


def heats():
    rng = np.random.default_rng(2)
    coarse = rng.random((7, 12), dtype=np.float32)
    yield "same", (rng.integers(0, 256, SIZE) / 255).astype(np.float32)  # each of the levels, no interpolation
    yield "coarse", coarse
    yield "float64", coarse.astype(np.float64)
    yield "larger", np.kron(coarse, np.ones((20, 20), np.float32))
    yield "outside", coarse * 4 - 2


@pytest.mark.parametrize("mode", ["alpha", "additive"])
@pytest.mark.parametrize(("name", "heat"), list(heats()), ids=lambda value: value if isinstance(value, str) else "")
def test_equals_blend(device, picture, name, heat, mode):
    before = picture.copy()
    picture.setflags(write=False)
    look = {"colormap": "turbo", "alpha": 0.7, "mode": mode}
    ours, theirs = DeviceBlend(device)(picture, heat, **look), blend(picture, heat, **look)
    assert (ours.shape, ours.dtype, ours.flags.c_contiguous) == (picture.shape, np.uint8, True)
    difference = np.abs(ours.astype(int) - theirs)
    if name == "same":
        assert difference.max() <= 1
    # Where the interpolation's last bit decides between two levels, they are neighbours in the table.
    assert difference.max() <= 6
    assert (difference > 1).mean() < 0.01
    np.testing.assert_array_equal(picture, before)
    ours[:] = 0  # the caller's own, to write words on


@pytest.mark.parametrize("heat", [0.0, 0.11, np.nan, -0.7, -np.inf])
def test_cold_pictures_are_bit_identical(device, picture, heat):
    got = DeviceBlend(device)(picture, np.full((5, 7), heat, np.float32), alpha=1.0)
    np.testing.assert_array_equal(got, picture)


def test_wrong_arguments_are_refused_as_by_blend(picture):
    device = DeviceBlend("cpu")
    heat = np.ones((2, 2), np.float32)
    for arguments, options, error in (
        ((picture[..., 0], heat), {}, ConfigError),
        ((picture, heat.astype(np.uint8)), {}, ConfigError),
        ((picture, heat), {"alpha": 2.0}, ConfigError),
        ((picture, heat), {"mode": "burn"}, ConfigError),
        ((picture, heat), {"colormap": "infern"}, UnknownName),
    ):
        with pytest.raises(error):
            device(*arguments, **options)


def test_a_failing_device_is_a_model_error(picture, monkeypatch):
    def full(*_, **__):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(torch.nn.functional, "interpolate", full)
    with pytest.raises(ModelError, match=r"picture of \(97, 131, 3\): CUDA out of memory"):
        DeviceBlend("cpu")(picture, np.ones((2, 2), np.float32))


def test_the_painter_blends_where_the_pictures_are_explained(device, picture):
    y, x = np.mgrid[:7, :12]
    cam = np.exp(-(((y - 3) / 2) ** 2) - ((x - 5) / 3) ** 2).astype(np.float32)
    explanation = Explanation(0, 3, (Prediction(3, "thing", 0.8),), cam, 1.0, "gradcam", "layer", 0.01)
    here, there = Painter(Style(hud=False)), Painter(Style(hud=False), device)
    there._on_device = there._on_device or DeviceBlend("cpu")
    wanted = here.paint(picture, explanation).astype(int)
    assert (wanted != picture).mean() > 0.2, "nothing was blended"
    assert np.abs(there.paint(picture, explanation) - wanted).max() <= 6  # its map came at half the size
    assert np.abs(there.paint(picture, explanation) - wanted).mean() < 0.5
