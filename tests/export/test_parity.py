"""The check itself: does it see what it is there to see?"""

from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
import torch
from small_networks import linear, model, normalised, oracle, pictures

from livecam.backends.pytorch import TorchBackend
from livecam.export.parity import TOLERANCES, compare

IMAGES = pictures(6)


@pytest.fixture(scope="module")
def loaded():
    return model(linear())


@pytest.fixture
def backend(loaded):
    opened = TorchBackend(loaded, device="cpu", closed_form=False)
    yield opened
    opened.close()


def right(loaded, images):
    scores, _ = oracle(loaded, "features", normalised(images, loaded), np.zeros((len(images), 1), int))
    _, cam = oracle(loaded, "features", normalised(images, loaded), scores.argmax(1)[:, None])
    return {"scores": scores, "cam": cam[:, 0]}


def test_what_is_right_passes(loaded, backend):
    figures = compare(lambda part: right(loaded, part), backend, IMAGES, 0)
    assert TOLERANCES["float32"].broken_by(figures) == []
    assert (figures.frames, figures.top1) == (6, 1)


def test_a_shifted_map_is_seen(loaded, backend):
    def shifted(part):
        outputs = right(loaded, part)
        return outputs | {"cam": np.roll(outputs["cam"], 1, axis=2)}

    problems = TOLERANCES["float32"].broken_by(compare(shifted, backend, IMAGES, 0))
    assert any("maps differ" in problem for problem in problems)
    assert any("correlation" in problem for problem in problems)


def test_a_map_out_of_scale_is_seen(loaded, backend):
    """Its correlation is perfect, and its unit is wrong."""

    def scaled(part):
        outputs = right(loaded, part)
        return outputs | {"cam": outputs["cam"] * 1.1}

    figures = compare(scaled, backend, IMAGES, 0)
    assert figures.cam == pytest.approx(0.1, abs=1e-4)
    assert figures.correlation == pytest.approx(1)


def test_another_best_class_counts_against_top1_alone(loaded, backend):
    def other(part):
        scores = right(loaded, part)["scores"].copy()
        scores[0, scores[0].argmin()] = 1
        _, cam = oracle(loaded, "features", normalised(part, loaded), scores.argmax(1)[:, None])
        return {"scores": scores, "cam": cam[:, 0]}

    figures = compare(other, backend, IMAGES, 0)
    assert figures.top1 == pytest.approx(4 / 6)  # the first of each batch of four
    assert figures.cam < 1e-4


@pytest.mark.parametrize("scale", [1e-12, 1e5])
def test_an_untrained_network_is_measured_on_its_own_scale(scale):
    """Maps of 1e-10 and of 1e5, classes that tie, and scores that the last bit of a logit changes."""
    loaded = model(linear())
    with torch.no_grad():
        head = loaded.module.head
        nearly = 1 + 1e-6 * torch.arange(len(head.weight))[:, None]
        head.weight.copy_(head.weight[:1] * nearly * scale)
        head.bias.zero_()
    exact = replace(loaded, module=deepcopy(loaded.module).double())

    def truth(part):
        x = normalised(part, loaded).double()
        scores, _ = oracle(exact, "features", x, np.zeros((len(part), 1), int))
        scores = scores.astype(np.float32)  # as the graph gives them: the first of equal ones is the class
        _, cam = oracle(exact, "features", x, scores.argmax(1)[:, None])
        return {"scores": scores, "cam": cam[:, 0].astype(np.float32)}

    def shifted(part):
        outputs = truth(part)
        return outputs | {"cam": np.roll(outputs["cam"], 1, axis=2)}

    backend = TorchBackend(loaded, device="cpu", closed_form=False)
    try:
        assert TOLERANCES["float32"].broken_by(compare(truth, backend, IMAGES, 0)) == []
        problems = TOLERANCES["float32"].broken_by(compare(shifted, backend, IMAGES, 0))
    finally:
        backend.close()
    assert any("maps differ" in problem for problem in problems)
    assert any("correlation" in problem for problem in problems)
