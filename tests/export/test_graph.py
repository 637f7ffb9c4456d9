"""The closed form in the graph against autograd, before any file is written."""

from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
import torch
from small_networks import CLASSES, attention, linear, mlp, model, normalised, oracle, pictures

from livecam.errors import TargetLayerError
from livecam.export.graph import Form, explained

ACTS = {"relu": torch.nn.ReLU, "relu6": torch.nn.ReLU6, "hardswish": torch.nn.Hardswish, "silu": torch.nn.SiLU}
HEADS = {"linear": linear} | {name: lambda act=act: mlp(act) for name, act in ACTS.items()}


@pytest.mark.parametrize("name", HEADS)
@pytest.mark.parametrize("form", [Form((64, 96)), Form((64, 96), classes=3, preprocess=True)], ids=["best", "three"])
def test_scores_and_maps_equal_autograd(name, form):
    loaded, images = model(HEADS[name]()), pictures()
    program, layer = explained(replace(loaded, module=deepcopy(loaded.module)), None, form)
    x = normalised(images, loaded)
    scores, cam, *classes = program.module()(torch.from_numpy(images) if form.preprocess else x)
    chosen = classes[0] if classes else scores.argmax(1)[:, None]
    wanted_scores, wanted = oracle(loaded, layer, x, chosen)
    best = np.argsort(-wanted_scores, kind="stable")[:, : max(form.classes, 1)]
    assert (chosen.numpy() == best).all()
    assert scores.numpy() == pytest.approx(wanted_scores, abs=1e-5)
    assert wanted.max() > 0, "nothing was compared"
    assert cam.shape == (wanted.shape if form.classes else wanted[:, 0].shape)
    assert np.abs(cam.numpy().reshape(wanted.shape) - wanted).max() < 1e-5 * wanted.max()


def test_a_head_without_a_closed_form_is_refused():
    with pytest.raises(TargetLayerError, match=r"small: cannot be exported with its explanation: .*pooling"):
        explained(model(attention()), None, Form())


def test_a_layer_before_the_last_is_refused():
    with pytest.raises(TargetLayerError, match="cannot be exported"):
        explained(model(linear()), "features.4", Form())


def test_the_heads_matrix_is_in_the_graph_once():
    program, _ = explained(model(linear()), None, Form())
    matrices = [tensor for tensor in program.state_dict.values() if tensor.shape == (CLASSES, 16)]
    assert len({tensor.data_ptr() for tensor in matrices}) == 1
