"""What goes through the whole network: FullGrad, guided gradients, RefineCAM, and their hooks."""

import method_oracles as oracles
import numpy as np
import pytest
import torch

from livecam.backends import open_backend
from livecam.backends.deep import bias_terms
from livecam.backends.target_layer import stage_layers
from livecam.methods import get_method

PICTURES = oracles.pictures()


@pytest.fixture(scope="module", params=list(oracles.NETWORKS))
def made(request):
    model = oracles.network(request.param)
    backend = open_backend("torch", model, layer=None, device="cpu", precision="float32")
    oracle = oracles.Oracle(model, backend.target_layer, PICTURES)
    yield backend, oracle, oracle.logits.argmax(1).tolist()
    backend.close()


def test_a_bias_term_sums_to_the_gradient_of_the_bias(made):
    """Σ_ij b ∂y/∂z(i,j) = b ∂y/∂b, which autograd gives for the parameter itself; in float64, where no ReLU tips
    over."""
    _, oracle, classes = made
    terms = bias_terms(oracle.module, oracle.x, classes)
    layers = []
    for part in oracle.module.modules():
        if isinstance(part, torch.nn.Conv2d) and part.bias is not None:
            layers.append((part.bias, part.bias.clone()))
        if isinstance(part, torch.nn.BatchNorm2d):
            scale = part.weight / torch.sqrt(part.running_var + part.eps)
            layers.append((part.bias, part.bias - part.running_mean * scale))
    for parameter, _ in layers:
        parameter.requires_grad_(True)
    for row, number in enumerate(classes):
        total = oracle.module(oracle.x[row : row + 1])[0, number]
        gradients = torch.autograd.grad(total, [parameter for parameter, _ in layers])
        wanted = sorted(float((bias * gradient).sum()) for (_, bias), gradient in zip(layers, gradients, strict=True))
        ours = sorted(float(term[row].astype(np.float64).sum()) for term in terms)
        assert ours == pytest.approx(wanted, abs=1e-5 * max(map(abs, wanted)))
    for parameter, _ in layers:
        parameter.requires_grad_(False)


def test_full_gradients_are_the_logit_of_a_relu_network():
    model = oracles.network("resnet18")
    backend = open_backend("torch", model, layer=None, device="cpu", precision="float32")
    tap = backend.forward(PICTURES)
    classes = tap.logits.argmax(1).tolist()
    parts = [tap.inputs() * tap.input_gradients(classes, guided=False), *tap.bias_terms(classes)]
    totals = sum(part.sum((1, 2, 3), dtype=np.float64) for part in parts)
    totals += model.module.fc.bias[classes].numpy()
    assert totals == pytest.approx(tap.logits[[0, 1], classes], rel=1e-3)
    backend.close()


def test_fullgrad_adds_what_each_layer_says(made):
    backend, _, classes = made
    tap = backend.forward(PICTURES)
    wanted = np.zeros((2, *PICTURES.shape[1:3]))
    for term in [tap.inputs() * tap.input_gradients(classes, guided=False), *tap.bias_terms(classes)]:
        for row, one in enumerate(np.abs(term.astype(np.float64))):
            one = (one - one.min()) / (one.max() - one.min())
            up = torch.nn.functional.interpolate(torch.from_numpy(one)[None], PICTURES.shape[1:3], mode="bilinear")
            wanted[row] += up[0].sum(0).numpy()
    ours = get_method("fullgrad").function(tap, classes)
    assert np.abs(ours - wanted).max() < 1e-3 * wanted.max()


def test_refinecam_is_the_product_of_its_layers(made):
    backend, oracle, classes = made
    names = stage_layers(backend._module, backend.target_layer)
    assert names[-1] == backend.target_layer
    assert len(names) == 3
    size, product = None, 1
    for name in names:
        activations, gradients = oracle.at(name)
        maps = oracles.plusplus(gradients(classes), activations)
        assert maps.max() > 0
        maps = maps - maps.min((1, 2), keepdims=True)
        maps = torch.from_numpy(maps / maps.max((1, 2), keepdims=True))
        size = size or tuple(maps.shape[1:])
        product = product * torch.nn.functional.interpolate(maps[:, None], size, mode="bilinear")[:, 0].numpy()
    ours = get_method("refinecam").function(backend.forward(PICTURES), classes)
    assert ours.shape == product.shape
    assert np.abs(ours - product).max() < 5e-3


def test_the_network_is_left_as_it_was(made):
    backend, _, classes = made
    first = backend.forward(PICTURES)
    for name in ("guidedbackprop", "fullgrad", "refinecam", "reciprocam"):
        get_method(name).function(first, classes)
    assert sum(len(part._forward_hooks) for part in backend._module.modules()) == 0
    again = backend.forward(PICTURES)
    assert (again.logits == first.logits).all()
    assert torch.equal(again.gradients(classes), first.gradients(classes))
