"""Activations and derivatives against PyTorch's, as NumPy and as tensors."""

import numpy as np
import pytest
import torch

from livecam.backends.activations import ACTIVATIONS, fitting

ALL = torch.cat([torch.linspace(-8, 8, 1601), torch.tensor([-1000.0, 1000.0])])
SMOOTH = ALL[(ALL % 3).abs() > 1e-3]  # not where it has a corner


@pytest.fixture(params=["numpy", "torch"])
def made(request):
    """tensor → array of the library, and back."""
    return (lambda z: z.numpy()) if request.param == "numpy" else (lambda z: z), np.asarray


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_values_and_derivatives_equal_pytorchs(name, made):
    there, back = made
    z = SMOOTH.clone().requires_grad_(True)
    wanted = getattr(torch.nn.functional, name)(z)
    (slope,) = torch.autograd.grad(wanted.sum(), z, create_graph=True)
    second = torch.autograd.grad(slope.sum(), z)[0] if "relu" not in name else torch.zeros_like(z)
    ours = ACTIVATIONS[name].function(there(SMOOTH))
    assert str(ours.dtype).removeprefix("torch.") == "float32"
    assert back(ours) == pytest.approx(wanted.detach().numpy(), abs=1e-5)
    assert back(ACTIVATIONS[name].derivative(there(SMOOTH))).astype("f4") == pytest.approx(slope.detach(), abs=1e-5)
    bend = ACTIVATIONS[name].second(there(SMOOTH))
    assert str(bend.dtype).removeprefix("torch.") == "float32"
    assert back(bend) == pytest.approx(second.numpy(), abs=1e-5)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_an_activation_is_known_by_what_it_does(name):
    z = np.linspace(-9, 9, 100, dtype=np.float32)
    assert fitting(z, ACTIVATIONS[name].function(z)) == [name]
    assert fitting(z, np.tanh(z)) == []
