"""Every method, on every backend that has what it needs, against float64."""

import method_oracles as oracles
import numpy as np
import pytest
from peer_network import pictures, small_network

from livecam.backends import open_backend
from livecam.backends.pytorch import TorchBackend
from livecam.methods import get_method, methods
from livecam.tap import Need

PICTURES = oracles.pictures()
BUDGETS = {"smoothgradcampp": 3, "scorecam": 8, "sscam": 20, "iscam": 20}
ELSEWHERE = {"fullgrad", "refinecam", "random"}  # have tests of their own
NAMES = [name for name in methods() if name not in ELSEWHERE and Need.ATTENTION not in get_method(name).needs]
MANY_PASSES = ["ablationcam", "reciprocam", *BUDGETS]  # take long; one network of each kind of head will do
HEADS = ("mobilenet_v3_large", "resnet18")
PLACE = {"layer": None, "device": "cpu", "precision": "float32"}


@pytest.fixture(scope="module", params=list(oracles.NETWORKS))
def made(request):
    model = oracles.network(request.param)
    backends = {name: open_backend(name, model, **PLACE) for name in ("torch", "openvino")}
    backends["autograd"] = TorchBackend(model, device="cpu", closed_form=False)
    oracle = oracles.Oracle(model, backends["torch"].target_layer, PICTURES)
    yield backends, oracle
    for backend in backends.values():
        backend.close()


def near(ours, wanted, part, *, may_be_cold=False):
    assert ours.dtype == np.float32
    assert ours.shape == wanted.shape
    for one, right in zip(ours, wanted, strict=True):
        assert right.max() > 0 or may_be_cold, "nothing was compared"
        assert np.abs(one - right).max() <= part * right.max()


@pytest.mark.parametrize("name", [name for name in NAMES if name not in MANY_PASSES])
def test_equals_its_formula_in_float64(made, name):
    check(made, name)


@pytest.mark.parametrize("made", HEADS, indirect=True, scope="module")
@pytest.mark.parametrize("name", MANY_PASSES)
def test_many_passes_equal_their_formula_in_float64(made, name):
    check(made, name)


def check(made, name):
    backends, oracle = made
    card = get_method(name).with_budget(BUDGETS.get(name))
    options = {"budget": card.budget} if card.budget else {}
    if backends["torch"].lacks(card.needs):
        assert name == "cam", "only a hidden layer keeps PyTorch from a method"
        return
    classes = oracle.logits.argmax(1).tolist()  # of another class random weights may say nothing above 0
    wanted = getattr(oracles, name)(oracle, classes, **options)
    for backend in backends.values():
        if not backend.lacks(card.needs):
            maps = card.function(backend.forward(PICTURES), classes)
            # Of random weights behind Hardswish no channel's loss outweighs the others'.
            cold = name == "ablationcam" and type(oracle.module).__name__ == "MobileNetV3"
            near(backend.numpy(maps), wanted, 2e-3, may_be_cold=cold)


def test_only_a_hidden_layer_keeps_from_cam(made):
    backends, oracle = made
    hidden = oracle.module.__class__.__name__ == "MobileNetV3"
    for name in ("torch", "openvino"):
        assert (Need.LINEAR in backends[name].lacks(frozenset({Need.LINEAR}))) == hidden
    others = frozenset(Need) - {Need.LINEAR}
    assert backends["torch"].lacks(others) == {Need.ATTENTION}
    assert backends["openvino"].lacks(others) == {Need.ATTENTION, Need.AUTOGRAD, Need.BIASES}


def test_onnxruntime_offers_what_openvino_does():
    model = oracles.loaded(small_network().requires_grad_(False), 8)
    place = PLACE | {"layer": "features"}
    ours, other = (open_backend(name, model, **place) for name in ("onnxruntime", "openvino"))
    given = pictures()
    classes = ours.plain(given).argmax(1).tolist()
    for name in ("reciprocam", "shapleycam", "scorecam", "smoothgradcampp"):
        card = get_method(name).with_budget(4)
        assert not ours.lacks(card.needs)
        near(card.function(ours.forward(given), classes), card.function(other.forward(given), classes), 1e-3)
    ours.close()
    other.close()
