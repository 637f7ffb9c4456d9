"""Why c and not d, by every method: the map of c in a network whose last layer gives y − y_d."""

from copy import deepcopy

import method_oracles as oracles
import numpy as np
import pytest
import torch
from peer_network import pictures, small_network

from livecam.backends import open_backend
from livecam.backends.pytorch import TorchBackend
from livecam.methods import get_method, methods
from livecam.tap import Need, contrast

PICTURES = pictures()
AGAINST = [3, 1]
BUDGETS = {"smoothgradcampp": 3, "scorecam": 8, "sscam": 20, "iscam": 20}
NAMES = [name for name in methods() if (card := get_method(name)).of_class and Need.ATTENTION not in card.needs]
HEADS = ("linear", "hidden")
ENGINES = {
    "torch": TorchBackend,
    "autograd": lambda model, **place: TorchBackend(model, **place, closed_form=False),
    "openvino": lambda model, **place: open_backend("openvino", model, precision="float32", **place),
}


def network(head):
    module = small_network()
    if head == "linear":
        module.head = module.head[:2]
        torch.manual_seed(0)
        module.classifier = torch.nn.Linear(40, 8)
    return module.requires_grad_(False)


def less(module, number):
    """The same network with logits y − y_number."""
    other = deepcopy(module)
    other.classifier.weight -= module.classifier.weight[number]
    other.classifier.bias -= module.classifier.bias[number]
    return other


def opened(kind, module):
    return ENGINES[kind](oracles.loaded(module, 8), layer="features", device="cpu")


@pytest.fixture(scope="module", params=[(head, kind) for head in HEADS for kind in ENGINES], ids="-".join)
def made(request):
    head, kind = request.param
    module = network(head)
    backends = [opened(kind, one) for one in (module, *(less(module, number) for number in AGAINST))]
    yield backends
    for backend in backends:
        backend.close()


@pytest.mark.parametrize("name", NAMES)
def test_a_contrast_is_the_map_of_the_difference(made, name):
    backend, *others = made
    card = get_method(name).with_budget(BUDGETS.get(name))
    if backend.lacks(card.needs):
        assert card.needs & {Need.AUTOGRAD, Need.LINEAR}
        return
    tap = backend.forward(PICTURES)
    classes = [int(row.argmax()) for row in tap.logits]
    plain = backend.numpy(card.function(tap, classes))
    ours = backend.numpy(card.function(contrast(tap, AGAINST), classes))
    wanted = np.stack(
        [other.numpy(card.function(other.forward(PICTURES), classes))[row] for row, other in enumerate(others)]
    )
    assert wanted.max() > 0, "nothing was compared"
    for one, right in zip(ours, wanted, strict=True):
        assert np.abs(one - right).max() <= 2e-4 * right.max() + 1e-7
    assert np.abs(ours - plain).max() > 1e-3 * wanted.max()


def test_the_logits_of_a_contrast(made):
    tap = made[0].forward(PICTURES)
    held = contrast(tap, AGAINST).logits
    for row, other in enumerate(made[1:]):
        assert held[row] == pytest.approx(other.plain(PICTURES)[row], abs=1e-5)
        assert held[row, AGAINST[row]] == 0
