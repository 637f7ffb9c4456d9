"""From raw maps to heat: against float64, and end to end."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from livecam.detail import fused, spread
from livecam.errors import ConfigError
from livecam.explainer import Explainer
from livecam.heat import NORMALISES, heat
from livecam.methods import RELUS, get_method
from livecam.smoothing import Smoother
from livecam.types import Question

RANDOM = np.random.default_rng(0)
SIGNED = RANDOM.normal(0.3, 1, (7, 12)).astype(np.float32)


def written_out(raw, how, cells):
    raw = raw.astype(float)
    if how == "minmax":
        return (raw - raw.min()) / (raw.max() - raw.min())
    above = np.maximum(raw, 0)
    if how == "logit":
        return np.minimum(above * cells / 40, 1)
    if how == "peak":
        return above / raw.max()
    ordered, at = np.sort(raw.ravel()), 0.99 * (raw.size - 1)
    low = int(at)
    return np.minimum(above / (ordered[low] + (at - low) * (ordered[low + 1] - ordered[low])), 1)


@pytest.mark.parametrize("how", NORMALISES)
@pytest.mark.parametrize("raw", [SIGNED, np.maximum(SIGNED, 0), SIGNED * 1e-3, SIGNED * 1e3])
def test_heat_is_its_definition(raw, how):
    ours = heat(raw, how, 84)
    assert ours.dtype == np.float32
    assert ours == pytest.approx(written_out(raw, how, 84), abs=1e-6)
    assert ours.min() >= 0
    assert ours.max() <= 1
    assert ours.max() > 0.99 or how == "logit"


def test_of_nothing_there_is_no_heat():
    for how in NORMALISES:
        assert not heat(np.zeros((3, 4), np.float32), how).any()
    for how in ("peak", "percentile", "logit"):
        assert not heat(np.full((3, 4), -2, np.float32), how).any()


def test_one_pixel_of_many_is_its_own_percentile():
    raw = np.zeros((30, 30), np.float32)
    raw[4, 5] = 3
    assert np.array_equal(heat(raw, "percentile"), raw / 3)


def test_logits_mean_the_same_in_every_picture_and_grid():
    strong, weak = np.full((7, 12), 20 / 84, np.float32), np.full((14, 24), 10 / 336, np.float32)
    assert heat(strong, "logit", strong.size) == pytest.approx(0.5)  # all cells alike: the logit is 20
    assert heat(weak, "logit", weak.size) == pytest.approx(0.25)


@pytest.mark.parametrize("name", ["gradcam", "gradcampp", "hirescam", "layercam", "eigencam", "finercam", "fem"])
def test_relu_is_the_last_step(name, explainer, cup):
    """Of a class that is not there, which the picture also speaks against."""
    backend = explainer._backend
    tap = backend.forward(cup)
    card = get_method(name)
    maps = {relu: backend.numpy(_with(card, relu).function(tap, [281])) for relu in RELUS}
    signed = torch.from_numpy(maps["off"]).double()
    assert maps["on"] == pytest.approx(torch.relu(signed).numpy(), abs=1e-6)
    assert maps["leaky"] == pytest.approx(torch.nn.functional.leaky_relu(signed, 0.01).numpy(), abs=1e-6)
    assert np.array_equal(maps["on"], backend.numpy(card.function(tap, [281])))
    assert (signed < 0).any() == (name in ("gradcam", "hirescam", "finercam"))


def _with(card, relu):
    return replace(card, relu=relu)


@pytest.mark.parametrize("name", ["elementwise", "reciprocam", "random"])
def test_who_has_no_last_relu_is_the_same_without(name, explainer, cup):
    tap = explainer._backend.forward(cup)
    on, off = (explainer._backend.numpy(_with(get_method(name), relu).function(tap, [281])) for relu in ("on", "off"))
    assert np.array_equal(on, off)


def test_signed_grad_cam_sums_to_the_logit(explainer, cup):
    backend = explainer._backend
    tap = backend.forward(cup)
    signed = backend.numpy(_with(get_method("gradcam"), "off").function(tap, [281]))
    bias = float(backend._module.classifier.bias[281])
    assert float(signed.sum()) + bias == pytest.approx(float(tap.logits[0, 281]), rel=1e-3)


def test_signed_maps_are_fused_by_their_size():
    first, second = np.float32([[[2, -4, 0]]]), np.float32([[[1, 1, -1]]])
    assert fused([first, second], "mean").ravel() == pytest.approx([3, 0, -2])
    assert fused([first, second], "max").ravel() == pytest.approx([4, 4, 0])
    assert fused([first, second], "product").ravel() == pytest.approx([8**0.5, 0, 0])


def test_spreading_keeps_the_sign_of_what_is_alone():
    features = np.eye(12, dtype=np.float32).reshape(1, 12, 3, 4)  # no position is like another
    cam = np.random.default_rng(1).normal(size=(1, 3, 4)).astype(np.float32)
    assert spread(cam, features, 0.5) == pytest.approx(cam, abs=1e-5)


@pytest.fixture(scope="module")
def picture():
    from livecam.cli.demo import sample
    from livecam.sources import SourceOptions, open_source

    with open_source(str(sample()), SourceOptions(start_s=8.0, duration_s=0.1)) as source:
        return source.read().image


@pytest.fixture(scope="module")
def cup(picture):
    return np.ascontiguousarray(picture[::8, ::8][:64, :128])[None]


@pytest.fixture(scope="module")
def explainer():
    with Explainer(backend="torch", device="cpu", detail="plain", input_size=96) as one:
        yield one


def test_an_explanation_is_heat_of_the_raw_map(explainer, picture):
    plain = explainer.explain(picture)
    raw = plain.cam * plain.peak
    for how in ("percentile", "logit"):
        with Explainer(backend="torch", device="cpu", detail="plain", input_size=96, normalise=how) as other:
            seen = other.explain(picture)
        assert seen.cam == pytest.approx(written_out(raw, how, raw.size), abs=1e-5)
        assert seen.peak == pytest.approx(plain.peak, rel=1e-5)
        assert seen.normalise == how


def test_what_speaks_against_is_shown_by_minmax(picture):
    options = {"backend": "torch", "device": "cpu", "detail": "live", "input_size": 96}
    with Explainer(**options, relu="off", normalise="minmax") as signed, Explainer(**options) as usual:
        ours, cut = signed.explain(picture, 281), usual.explain(picture, 281)
    assert (ours.cam > 0).sum() == ours.cam.size - 1
    assert (cut.cam == 0).any()
    assert ours.cam.max() == cut.cam.max() == 1


def test_only_maps_in_logits_have_a_fixed_scale(picture):
    with pytest.raises(ConfigError, match="eigencam are in no logits; use peak"):
        Explainer(method="eigencam", normalise="logit")
    with Explainer(backend="torch", device="cpu", input_size=96, normalise="logit") as fixed:
        assert "gradcam" in fixed.methods
        assert "eigencam" not in fixed.methods
        with pytest.raises(ConfigError, match="no logits"):
            fixed.explain(picture, question=Question(method="scorecam"))
    for wrong in ({"relu": "elu"}, {"normalise": "max"}):
        with pytest.raises(ConfigError, match="is not one of"):
            Explainer(**wrong)


def test_a_chosen_scale_is_not_moved_by_smoothing(explainer, picture):
    seen = replace(explainer.explain(picture), normalise="logit")
    faint = replace(seen, cam=seen.cam * np.float32(0.3))
    smoother = Smoother(0.25)
    shown = []
    for step in range(40):
        smoother.observe(picture, step / 10)
        shown.append(smoother.smooth(faint).cam.max())
    assert shown == pytest.approx([float(faint.cam.max())] * 40, rel=1e-4)
