"""Does the map tell the truth? A network that looks at one thing only, fine texture, says what the answer must be."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from livecam.backends.pytorch import TorchBackend
from livecam.errors import ModelError
from livecam.explainer import Explainer
from livecam.models import LoadedModel
from livecam.types import Question

PATCH = slice(32, 96), slice(128, 192)  # 2 × 2 cells of 7 × 7


def picture():
    """Grey, but for a patch of texture."""
    image = np.full((224, 224, 3), 128, np.uint8)
    rows, columns = np.mgrid[:64, :64]
    image[PATCH] = np.where((rows + columns) % 2, 255, 0)[..., None]
    return image


def sees_texture():
    """Class 1 for texture anywhere, else class 0: half of the patch's texture is the boundary."""
    laplace = nn.Conv2d(3, 1, 3, padding=1, padding_mode="replicate", bias=False)
    kernel = torch.tensor([[0.0, -1, 0], [-1, 4, -1], [0, -1, 0]])
    laplace.weight = nn.Parameter(kernel.expand(1, 3, 3, 3).clone())
    head = nn.Linear(1, 2)
    module = nn.Sequential(laplace, nn.ReLU(), nn.AvgPool2d(32), nn.AdaptiveAvgPool2d(1), nn.Flatten(), head)
    features = module[:-1]
    with torch.no_grad():
        amount = features(torch.from_numpy(picture()).permute(2, 0, 1)[None] / 255.0).item()
        head.weight.copy_(torch.tensor([[0.0], [12 / amount]]))
        head.bias.copy_(torch.tensor([0.0, -6.0]))
    labels, mean, std = ("plain", "texture"), (0.0,) * 3, (1.0,) * 3
    return LoadedModel("texture", module.eval().requires_grad_(False), labels, mean, std, layer="2")


@pytest.fixture
def explainer(monkeypatch):
    backend = TorchBackend(sees_texture(), device="cpu")
    monkeypatch.setattr("livecam.explainer.open_backend", lambda *_, **__: backend)
    with Explainer() as one:
        yield one


def test_a_true_map_hides_what_decides(explainer):
    explanation = explainer.explain(picture())
    assert explanation.target.label == "texture"
    found = explainer.check(picture(), explanation)
    assert (found.class_idx, found.before) == (1, explanation.target.score)
    assert found.before == pytest.approx(1 / (1 + np.exp(-6)), abs=1e-3)
    assert found.share == pytest.approx(12 / 49)
    assert found.after < 0.2
    assert found.control == pytest.approx(found.before, abs=1e-3)
    assert found.drop > 0.8 > 0.01 > found.control_drop


def test_a_map_that_lies_is_found_out(explainer):
    explanation = explainer.explain(picture())
    lie = replace(explanation, cam=1 - explanation.cam)
    found = explainer.check(picture(), lie)
    assert abs(found.drop) < 1e-3
    assert found.control < found.before - 0.8


def test_neither_the_picture_nor_the_explanation_is_changed(explainer):
    image, explanation = picture(), explainer.explain(picture())
    cam = explanation.cam.copy()
    explainer.check(image, explanation)
    np.testing.assert_array_equal(image, picture())
    np.testing.assert_array_equal(explanation.cam, cam)
    np.testing.assert_array_equal(explainer.explain(image).cam, cam)


def test_it_looks_where_the_explanation_looked(monkeypatch):
    seen = []

    class Sees(TorchBackend):
        def forward(self, pictures):
            seen.append(pictures)
            return super().forward(pictures)

    backend = Sees(sees_texture(), device="cpu")
    monkeypatch.setattr("livecam.explainer.open_backend", lambda *_, **__: backend)
    wide = np.hstack([picture()[:192, :192]] * 3)
    with Explainer(input="crop") as explainer:
        explanation = explainer.explain(wide, input_size=192)
        found = explainer.check(wide, explanation, input_size=192)
    assert [pictures.shape for pictures in seen] == [(1, 192, 192, 3)] * 3
    assert (seen[2] == seen[0]).mean() > 0.5  # a cold part is hidden, the rest is the picture of the explanation
    assert found.drop > 0.5


def test_no_answer_where_there_is_no_question(explainer):
    grey = np.full((224, 224, 3), 128, np.uint8)
    assert explainer.check(grey, explainer.explain(grey)) is None  # no heat anywhere
    why_not = explainer.explain(picture(), question=Question(against=0))
    assert why_not.against is not None
    assert explainer.check(picture(), why_not) is None


def test_a_closed_explainer_says_so(explainer):
    explanation = explainer.explain(picture())
    explainer.close()
    with pytest.raises(ModelError, match="closed"):
        explainer.check(picture(), explanation)
