"""Transformers: every method on tokens and on attention maps, against its formula in float64."""

from copy import deepcopy

import method_oracles as oracles
import numpy as np
import pytest
import torch
import torchcam.methods as torchcam
import transformer_networks as networks

from livecam import Explainer
from livecam.backends.pytorch import TorchBackend
from livecam.errors import ConfigError
from livecam.methods import get_method
from livecam.tap import Need, contrast

PICTURES = oracles.pictures(networks.SIZE)
SQUARE = oracles.pictures((64, 64))
# network, target layer, class and register tokens, grid, pictures
LAYERS = {
    "vit": (networks.vit, "blocks.2.norm1", 3, (4, 6), PICTURES),
    "pooled_vit": (networks.pooled_vit, "blocks", 0, (4, 6), PICTURES),
    "torchvision_vit": (networks.torchvision_vit, "encoder.layers.encoder_layer_2.ln_1", 1, (4, 4), SQUARE),
    "swin": (networks.swin, "norm", 0, (8, 12), PICTURES),
    "torchvision_swin": (networks.torchvision_swin, "norm", 0, (8, 12), PICTURES),
}
WITH_ATTENTION = ("vit", "pooled_vit", "torchvision_vit")
ATTENTION = ("legrad", "attentionrollout", "attentionguidedcam")
METHODS = ["gradcam", "gradcampp", "hirescam", "elementwise", "layercam", "xgradcam", "finercam", "shapleycam"]
METHODS += ["eigencam", "eigengradcam", "fem", "ablationcam", "reciprocam"]


@pytest.fixture(scope="module", params=list(LAYERS))
def made(request):
    build, layer, prefix, grid, pictures = LAYERS[request.param]
    given = networks.model(build)
    oracle = oracles.Oracle(*networks.as_maps(given, layer, prefix, grid), pictures)
    backend = TorchBackend(given, device="cpu", layer="norm" if request.param == "torchvision_swin" else None)
    assert backend.target_layer == layer
    yield backend, oracle, backend.forward(pictures)
    backend.close()


def near(ours, wanted, part=2e-3):
    assert ours.shape == wanted.shape
    assert wanted.max() > 0, "nothing was compared"
    for one, right in zip(ours, wanted, strict=True):
        assert np.abs(one - right).max() <= part * right.max()


def test_tokens_lie_where_their_patches_do(made):
    _, oracle, tap = made
    assert np.abs(tap.logits - oracle.logits).max() < 1e-4 * np.abs(oracle.logits).max()
    assert np.abs(tap.numpy(tap.activations) - oracle.A).max() < 1e-4 * np.abs(oracle.A).max()


@pytest.mark.parametrize("name", METHODS)
def test_equals_its_formula_in_float64(made, name):
    backend, oracle, tap = made
    classes = oracle.logits.argmax(1).tolist()
    near(backend.numpy(get_method(name).function(tap, classes)), getattr(oracles, name)(oracle, classes))


def grounded(tokens, prefix, grid):
    maps = tokens[:, prefix:].reshape(-1, *grid)
    return maps - maps.min((1, 2), keepdims=True)


def written(made_by, classes, against=None):
    """The formulas of the papers, by plain autograd: maps by the methods' names."""
    network, prefix, grid = made_by
    rows = torch.arange(len(classes))

    def total(logits):
        return (logits[rows, classes] - (0 if against is None else logits[rows, against])).sum()

    gradients = torch.autograd.grad(total(network.logits), network.maps, retain_graph=True)
    legrad = 0
    for tokens, maps in zip(network.tokens, network.maps, strict=True):
        (own,) = torch.autograd.grad(total(network.head(tokens.mean(1, keepdim=True))), maps, retain_graph=True)
        legrad = legrad + own.clamp(min=0).sum((1, 2)) / (own.shape[1] * own.shape[2])
    guided = sum(torch.sigmoid(s) * g.clamp(min=0) for s, g in zip(network.scores, gradients, strict=True)).sum(1)
    flow = torch.eye(network.maps[0].shape[-1], dtype=torch.float64)
    for maps in network.maps:
        flow = (0.5 * maps.mean(1) + 0.5 * torch.eye(maps.shape[-1], dtype=torch.float64)) @ flow
    row = (lambda maps: maps[:, 0]) if prefix else (lambda maps: maps.mean(1))
    tokens = {"legrad": legrad / len(network.maps), "attentionguidedcam": row(guided), "attentionrollout": row(flow)}
    return {name: grounded(one.detach().numpy(), prefix, grid) for name, one in tokens.items()}


@pytest.fixture(scope="module", params=WITH_ATTENTION)
def attending(request):
    build, _, prefix, grid, pictures = LAYERS[request.param]
    given = networks.model(build)
    x = (torch.from_numpy(pictures).permute(0, 3, 1, 2).double() / 255 - 0.5) / 0.25
    network = networks.Written(given.module, x)
    backend = TorchBackend(given, device="cpu")
    yield backend, backend.forward(pictures), (network, prefix, grid)
    backend.close()


@pytest.mark.parametrize("held", [False, True])
def test_attention_maps_by_their_formulas_in_float64(attending, held):
    backend, tap, by = attending
    assert np.abs(tap.logits - by[0].logits.detach().numpy()).max() < 1e-4 * np.abs(tap.logits).max()
    classes = tap.logits.argmax(1).tolist()
    against = tap.logits.argsort(1)[:, -2].tolist() if held else None
    asked = tap if against is None else contrast(tap, against)
    for name, wanted in written(by, classes, against).items():
        near(backend.numpy(get_method(name).function(asked, classes)), wanted)


def test_unfused_attention_is_seen_as_well_and_left_so(attending):
    backend, tap, by = attending
    parts = [part for part in backend._module.modules() if hasattr(part, "fused_attn")]
    before = [part.fused_attn for part in parts]
    for part in parts:
        part.fused_attn = False
    classes = tap.logits.argmax(1).tolist()
    near(backend.numpy(get_method("legrad").function(tap, classes)), written(by, classes)["legrad"])
    assert not any(part.fused_attn for part in parts)
    for part, was in zip(parts, before, strict=True):
        part.fused_attn = was


def test_legrad_equals_torchcam():
    given = networks.model(networks.torchvision_vit)
    module = deepcopy(given.module)
    x = (torch.from_numpy(SQUARE).permute(0, 3, 1, 2).float() / 255 - 0.5) / 0.25
    with torchcam.LeGrad(module, list(module.encoder.layers)) as extractor:
        logits = module(x.requires_grad_(True))
        classes = logits.argmax(1).tolist()
        (theirs,) = extractor(classes, logits, normalized=False)
    backend = TorchBackend(given, device="cpu")
    theirs = theirs.detach().numpy()
    near(get_method("legrad").function(backend.forward(SQUARE), classes), theirs - theirs.min((1, 2), keepdims=True))
    backend.close()


def test_the_network_is_left_as_it_was(attending):
    backend, first, by = attending
    pictures = SQUARE if by[2] == (4, 4) else PICTURES
    classes = first.logits.argmax(1).tolist()
    for name in ATTENTION:
        get_method(name).function(first, classes)
    for part in backend._module.modules():
        assert not part._forward_hooks
        assert not part._forward_pre_hooks
    again = backend.forward(pictures)
    assert (again.logits == first.logits).all()
    assert torch.equal(again.gradients(classes), first.gradients(classes))


@pytest.mark.parametrize("build", [networks.swin, networks.torchvision_swin])
def test_windows_are_no_attention_of_all_to_all(build):
    backend = TorchBackend(networks.model(build), device="cpu")
    assert backend.lacks(frozenset(Need)) >= {Need.ATTENTION, Need.BIASES}
    backend.close()


@pytest.mark.parametrize("name", ATTENTION)
@pytest.mark.parametrize("backend", ["auto", "torch"])
def test_a_convolutional_network_has_no_attention_maps(name, backend):
    with pytest.raises(ConfigError, match=f"--method {name} needs the attention maps of a Vision Transformer"):
        Explainer(method=name, backend=backend)
