"""Maps of several layers from one pass, against autograd in float64 at each of them, and what is made of them."""

import method_oracles as oracles
import numpy as np
import pytest

from livecam.backends import open_backend
from livecam.backends.pytorch import TorchBackend
from livecam.detail import fused
from livecam.errors import ConfigError, TargetLayerError
from livecam.explainer import Explainer
from livecam.geometry import plan, take
from livecam.methods import get_method
from livecam.models import load_model
from livecam.tap import contrast

PICTURES = oracles.pictures()
ONE_PASS = ("gradcam", "gradcampp", "layercam", "eigengradcam")
LAYERS = {
    "mobilenet_v2": ["features.7.conv.0", "features.14.conv.0", "features"],
    "mobilenet_v3_large": ["features.7.block.0", "features.13.block.0", "features"],
    "efficientnet_lite0": ["blocks.3.0.bn1", "blocks.5.0.bn1", "bn2"],
    "resnet18": ["layer2", "layer3", "layer4"],
}


@pytest.fixture(scope="module", params=list(LAYERS))
def made(request):
    model = oracles.network(request.param)
    backend = TorchBackend(model, "stages:3", "cpu")
    at = [oracles.Oracle(model, name, PICTURES) for name in backend.target_layer.split(",")]
    yield request.param, backend, at, at[0].logits.argmax(1).tolist()
    backend.close()


def near(ours, wanted):
    """Of random weights an early layer may speak against a class everywhere."""
    assert ours.shape == wanted.shape
    assert np.abs(ours - wanted).max() <= 1e-2 * max(wanted.max(), 1e-6), np.abs(ours - wanted).max() / wanted.max()


def test_stages_end_in_the_target_layer(made):
    name, backend, _, _ = made
    assert backend.target_layer.split(",") == LAYERS[name]
    tap = backend.forward(PICTURES)
    sizes = [one.activations.shape[2] for one in (tap, *tap.others)]
    assert sizes == sorted(set(sizes))


@pytest.mark.parametrize("name", [*ONE_PASS, "smoothgradcampp"])
def test_each_layer_has_the_map_of_the_formula(made, name):
    _, backend, at, classes = made
    options = {"budget": 2} if name == "smoothgradcampp" else {}  # which changes the input
    tap = backend.forward(PICTURES)
    wanted = [getattr(oracles, name)(one, classes, **options) for one in at]
    assert sum(one.max() > 0 for one in wanted) >= 2, "next to nothing was compared"
    card = get_method(name).with_budget(options.get("budget"))
    for one, right in zip((tap, *tap.others), wanted[::-1], strict=True):
        near(backend.numpy(card.function(one, classes)), right)


def test_each_layer_is_changed_by_itself(made):
    _, backend, at, classes = made
    tap, random = backend.forward(PICTURES), np.random.default_rng(0)
    for one, oracle in zip((tap, *tap.others), at[::-1], strict=True):
        channels, places = (
            random.random((2, *shape), np.float32) for shape in (oracle.A.shape[1:2], oracle.A.shape[2:])
        )
        wanted = oracle.changed(1, classes[1], oracle.A[1] * channels[:, :, None, None] * places[:, None])
        assert one.tail(1, classes[1:], channels, places)[:, 0] == pytest.approx(wanted, rel=1e-2, abs=1e-2)


def test_a_contrast_is_one_at_each_layer(made):
    _, backend, at, classes = made
    rivals = [(number + 1) % 1000 for number in classes]
    tap = contrast(backend.forward(PICTURES), rivals)
    for one, oracle in zip((tap, *tap.others), at[::-1], strict=True):
        wanted = oracle.g_of(classes) - oracle.g_of(rivals)
        # Not the largest: in float32 an activation or two falls on the other side of zero.
        assert np.abs(backend.numpy(one.gradients(classes)) - wanted).mean() <= 2e-3 * np.abs(wanted).mean()


def test_layers_by_name_may_lie_side_by_side_and_in_any_order():
    model = oracles.network("resnet18")
    wish = "layer4, layer4.0.downsample,layer3.1.conv2"
    backend = TorchBackend(model, wish, "cpu")
    assert backend.target_layer == "layer3.1.conv2,layer4.0.downsample,layer4"
    tap, classes = backend.forward(PICTURES), [5, 7]
    for one, name in zip((tap, *tap.others), backend.target_layer.split(",")[::-1], strict=True):
        near(backend.numpy(one.alpha(classes)), oracles.Oracle(model, name, PICTURES).g_of(classes).mean((2, 3)))
    assert sum(len(part._forward_hooks) for part in model.module.modules()) == 0
    backend.close()


def test_an_explanation_fuses_them():
    picture = PICTURES[0].repeat(2, 0).repeat(2, 1)
    names = ("blocks.5.0.bn1", "bn2")
    at = [oracles.Oracle(load_model("efficientnet_lite0"), name, picture[None]) for name in names]
    assert plan("fit", picture.shape[:2], 128)[0] == picture.shape[:2]
    assert (take(picture, (0, 0, 1, 1), picture.shape[:2]) == picture).all()
    for fuse in ("mean", "product"):
        with Explainer(method="layercam", layer="stages:2", fuse=fuse, detail="plain", input_size=128) as explainer:
            assert (explainer.backend, explainer.target_layer) == ("torch", ",".join(names))
            seen = explainer.explain(picture)
        fine, coarse = (oracles.layercam(one, [seen.class_idx]).astype(np.float32) for one in at)
        assert seen.cam.shape == (8, 12)
        near((seen.cam * seen.peak)[None], fused([coarse, fine], fuse))


def test_other_engines_name_the_one_that_can():
    model = oracles.network("resnet18")
    for name in ("openvino", "onnxruntime"):
        for layer in ("layer3,layer4", "stages:2"):
            with pytest.raises(ConfigError, match=f"--layer {layer}: .*--backend torch"):
                open_backend(name, model, layer=layer, device="cpu", precision="float32")
    with pytest.raises(ConfigError, match="pooling and one linear layer"):
        Explainer(method="cam", layer="stages:2")


@pytest.mark.parametrize(
    ("layer", "error"),
    [
        ("stages:1", "at least 2|At least 2"),
        ("stages:x", "stages:3"),
        ("stages:99", "stages:99: there are 4 resolutions up to 'layer4"),
        ("layer4,layer9", "no layer 'layer9'"),
    ],
)
def test_layers_that_do_not_exist(layer, error):
    with pytest.raises(TargetLayerError, match=error):
        TorchBackend(oracles.network("resnet18"), layer, "cpu")
