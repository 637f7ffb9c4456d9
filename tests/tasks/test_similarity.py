"""What looks like a reference, with the weights that ship, on the photographs of the sample clip."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch.nn import functional as F  # noqa: N812

from livecam.errors import ConfigError, SourceNotFound
from livecam.explainer import Explainer
from livecam.models import load_model
from livecam.sources import open_source

CLIP = Path(__file__).parents[2] / "recordings" / "sample.mp4"


@pytest.fixture(scope="module")
def frames():
    """The cat at the beginning and later, a cup later and at the end, 224×384."""
    wanted, found = (0, 90, 210, 270), []
    with open_source(str(CLIP)) as source:
        for number in range(271):
            frame = source.read()
            if number in wanted:
                found.append(cv2.resize(frame.image, (384, 224), interpolation=cv2.INTER_AREA))
    return found


@pytest.fixture(scope="module")
def references(frames, tmp_path_factory):
    folder = tmp_path_factory.mktemp("references")
    for name, frame in (("cat", frames[1]), ("cup", frames[3])):
        cv2.imwrite(str(folder / f"{name}.png"), cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
    return [folder / "cat.png", folder / "cup.png"]


@pytest.mark.parametrize("cat_is_left", [True, False])
def test_a_cat_lights_up_the_cat_and_a_cup_the_cup(frames, references, cat_is_left):
    cat, cup = frames[0][:, 96:288], frames[2][:, 96:288]
    picture = np.concatenate([cat, cup] if cat_is_left else [cup, cat], 1)
    with Explainer(like=references, detail="plain") as explainer:
        assert explainer.labels == ("cat", "cup")
        maps = [explainer.explain(picture, number).cam for number in (0, 1)]
        scores = {one.label: one.score for one in explainer.explain(picture).top}
        alone = {one.label: one.score for one in explainer.explain(frames[2]).top}
    assert min(scores.values()) > 0.4
    assert alone["cup"] > 0.8 > 0.3 > alone["cat"]
    half = maps[0].shape[1] // 2
    for cam, left in zip(maps, (cat_is_left, not cat_is_left), strict=True):
        inside = cam[:, :half] if left else cam[:, half:]
        assert inside.sum() > 0.95 * cam.sum()
        assert inside.max() == 1


def test_logits_and_maps_are_those_of_autograd(frames, references):
    loaded = load_model("efficientnet_lite0")
    net, noted = loaded.module, []
    net.bn2.register_forward_hook(lambda _module, _inputs, output: noted.append(output))

    def features(picture):
        x = torch.from_numpy(picture).permute(2, 0, 1)[None] / 127.5 - 1
        return net.forward_head(net.forward_features(x.requires_grad_(True)), pre_logits=True)[0]

    wanted = F.cosine_similarity(features(frames[3]), features(frames[0]), 0)
    (g,) = torch.autograd.grad(wanted, noted[-1])
    map_ = (g.mean((2, 3), keepdim=True) * noted[-1]).sum(1)[0].clamp(min=0).detach().numpy()
    with Explainer(like=references, detail="plain", method="hirescam") as explainer:
        explanation = explainer.explain(frames[0], 1)
    assert explanation.target.score == pytest.approx(float(wanted.detach()), abs=1e-5)
    np.testing.assert_allclose(explanation.cam * explanation.peak, map_, atol=1e-3 * map_.max())


def test_what_cannot_be_likened_is_said(references, tmp_path):
    with pytest.raises(ConfigError, match="--like takes a classifier"):
        Explainer("ssdlite320_mobilenet_v3_large", weights="random", like=references)
    with pytest.raises(SourceNotFound):
        Explainer(like=[tmp_path / "none.jpg"])


def test_a_network_of_one_square_size_takes_any_reference(frames, references):
    with Explainer("vit_b_32", weights="random:1", like=references, detail="plain") as explainer:
        explanation = explainer.explain(frames[1])
    assert explanation.top[0].label == "cat"
    assert explanation.top[0].score == pytest.approx(1, abs=1e-4)


def test_references_of_one_name_are_called_by_their_folders(frames, tmp_path):
    for name, frame in (("a/0.png", frames[1]), ("b/0.png", frames[3]), ("b/cup.png", frames[3])):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        cv2.imwrite(str(tmp_path / name), cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
    like = [tmp_path / "a/0.png", tmp_path / "b/0.png", tmp_path / "b/cup.png"]
    with Explainer(like=like, backend="torch", detail="plain") as explainer:
        assert explainer.labels == ("a/0", "b/0", "cup")
