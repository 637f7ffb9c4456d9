"""Against other libraries, where they are right: values of pytorch-grad-cam 1.5.7 (scripts/make_peer_fixtures.py), and
torchcam as it is installed.

Not compared, since they differ from the papers: torchcam's Grad-CAM++ family (its α is not normalised: a division into
a copy) and IS-CAM (its steps add up beyond 1); pytorch-grad-cam's Grad-CAM++ (it adds 1e-6 to a divisor that is as
small), FEM (weights and maps changed places), FullGrad (each channel scaled by itself) and Eigen-CAMs (centred, no
sign). float64 stands in for them in test_methods.
"""

from pathlib import Path

import method_oracles as oracles
import numpy as np
import pytest
import torchcam.methods as torchcam
from peer_network import CLASSES, LAYERS, inputs, pictures, small_network

from livecam.backends import open_backend
from livecam.methods import get_method

STORED = np.load(Path(__file__).parent / "data" / "pytorch_grad_cam.npz")
MAPS = [key.split() for key in STORED.files if " " in key]
TORCHCAM = {
    "gradcam": (torchcam.GradCAM, {}),
    "xgradcam": (torchcam.XGradCAM, {}),
    "layercam": (torchcam.LayerCAM, {}),
    "scorecam": (torchcam.ScoreCAM, {}),
    "finercam": (torchcam.FinerCAM, {}),
}


# Masks: pytorch-grad-cam upsamples corner to corner, torchcam ranges before it upsamples.
TOLERANCE = {"scorecam": 5e-3}


def ours(name, layer):
    module = small_network().requires_grad_(False)
    backend = open_backend("torch", oracles.loaded(module, 8), layer=layer, device="cpu", precision="float32")
    card = get_method(name).with_budget(100)
    maps = backend.numpy(card.function(backend.forward(pictures()), CLASSES))
    backend.close()
    return maps


@pytest.mark.parametrize(("layer", "name"), MAPS)
def test_equals_pytorch_grad_cam(layer, name):
    maps, theirs = ours(name, layer), STORED[f"{layer} {name}"]
    if name == "ablationcam":  # they divide by the logit itself
        tap = small_network()(inputs()).detach().numpy()
        theirs = theirs * np.sign(tap[[0, 1], CLASSES])[:, None, None]
    for one, their in zip(maps, theirs, strict=True):
        if name == "kpcacam":  # an eigenvector's sign is anybody's
            their = their if (their.clip(min=0) * one).sum() > (-their.clip(max=0) * one).sum() else -their
        assert np.abs(one - their.clip(min=0)).max() <= TOLERANCE.get(name, 2e-4) * np.abs(their).max()


def test_the_stored_maps_say_something():
    assert {layer for layer, _ in MAPS} == set(LAYERS)
    for name in {name for _, name in MAPS}:
        assert max(STORED[f"{layer} {name}"].max() for layer in LAYERS) > 0


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("name", TORCHCAM)
def test_equals_torchcam(name, layer):
    kind, options = TORCHCAM[name]
    module = small_network()
    with kind(module, layer, **options) as extractor:
        x = inputs().requires_grad_(True)
        logits = module(x)
        (theirs,) = extractor(CLASSES, logits, normalized=False)
    maps = ours(name, layer)
    theirs = theirs.detach().numpy().clip(min=0)
    assert theirs.max() > 0
    assert np.abs(maps - theirs).max() < TOLERANCE.get(name, 2e-4) * theirs.max()
