"""Do maps depend on what they should? Adebayo et al., "Sanity Checks for Saliency Maps", NeurIPS 2018."""

from copy import deepcopy
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from livecam.backends import open_backend
from livecam.cli.demo import sample
from livecam.methods import get_method, methods
from livecam.models import load_model
from livecam.sources import SourceOptions, open_source
from livecam.tap import Need

# Guided backpropagation has a class by its formula, but hardly shows it: the ranks of its maps are all but the same.
ALIKE = {"guidedbackprop"} | {name for name in methods() if not get_method(name).of_class} - {"random"}
BUDGET = 20
# Those of transformers cannot be had of this network.
NAMES = [name for name in methods() if Need.ATTENTION not in get_method(name).needs]


@pytest.fixture(scope="module")
def cup():
    with open_source(str(sample()), SourceOptions(start_s=8.0, duration_s=0.1)) as source:
        return cv2.resize(source.read().image, (160, 96), interpolation=cv2.INTER_AREA)[None]


def opened(model):
    return open_backend("torch", model, layer=None, device="cpu", precision="float32")


@pytest.fixture(scope="module")
def trained():
    backend = opened(load_model("efficientnet_lite0"))
    yield backend
    backend.close()


@pytest.fixture(scope="module")
def randomised():
    """The same network with its classifier and its last two stages drawn anew."""
    model = load_model("efficientnet_lite0")
    module = deepcopy(model.module)
    generator = torch.Generator().manual_seed(1)
    for part in (module.blocks[5], module.blocks[6], module.conv_head, module.classifier):
        for parameter in part.parameters():
            if parameter.ndim > 1:
                parameter.data = parameter.std() * torch.randn(parameter.shape, generator=generator)
    backend = opened(replace(model, module=module))
    yield backend
    backend.close()


def explained(backend, name, picture, number):
    card = get_method(name).with_budget(BUDGET)
    return backend.numpy(card.function(backend.forward(picture), [number]))[0]


def alike(a, b):
    """Spearman's correlation of the ranks; of a flat map nothing is like it."""
    ranks = [np.argsort(np.argsort(one.ravel())).astype(float) for one in (a, b)]
    return 0.0 if min(a.std(), b.std()) == 0 else float(np.corrcoef(ranks)[0, 1])


@pytest.mark.parametrize("name", [name for name in NAMES if name != "random"])
def test_a_map_changes_with_the_parameters(trained, randomised, cup, name):
    right, wrong = (explained(backend, name, cup, 967) for backend in (trained, randomised))
    # Guided backpropagation is known to do badly here, and with it guided Grad-CAM: it is an edge detector.
    limit = 0.99 if name.startswith("guided") else 0.9
    assert alike(right, wrong) < limit


@pytest.mark.parametrize("name", NAMES)
def test_a_map_belongs_to_its_class(trained, cup, name):
    espresso, tabby = (explained(trained, name, cup, number) for number in (967, 281))
    assert (alike(espresso, tabby) > 0.999) == (name in ALIKE)


@pytest.mark.parametrize("name", NAMES)
def test_a_map_is_the_same_every_time(trained, cup, name):
    first, again = (explained(trained, name, cup, 967) for _ in range(2))
    assert (first == again).all()
    assert first.dtype == np.float32
    assert np.isfinite(first).all()
    assert (first >= 0).all()
    card = get_method(name)
    assert card.title and card.paper and card.cost


@pytest.mark.parametrize("name", ["eigencam", "eigengradcam", "kpcacam"])
def test_an_eigenvector_does_not_turn_over_between_frames(trained, cup, name):
    first = explained(trained, name, cup, 967)
    for step in range(1, 5):
        assert (
            alike(first, explained(trained, name, np.clip(cup.astype(int) + step, 0, 255).astype(np.uint8), 967)) > 0.7
        )
