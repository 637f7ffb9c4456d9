"""Networks over clips, against autograd on torchvision's own in float64."""

from copy import deepcopy

import numpy as np
import pytest
import torch
from torchvision.models.video.mvit import MSBlockConfig, MViT

from livecam import Explainer
from livecam.backends.pytorch import TorchBackend
from livecam.errors import ConfigError
from livecam.geometry import Accepts
from livecam.methods import get_method
from livecam.models import LoadedModel
from livecam.pipeline._window import Window
from livecam.tasks.clips import CLIPS
from livecam.tasks.windows import Windows

FRAMES = 16
STEP = 1 / 15


def small_mvit():
    blocks = [
        MSBlockConfig(1, 16, 16, [3, 3, 3], [], [1, 2, 2], []),
        MSBlockConfig(2, 16, 32, [3, 3, 3], [3, 3, 3], [1, 1, 1], [1, 2, 2]),
        MSBlockConfig(2, 32, 32, [3, 3, 3], [3, 3, 3], [1, 1, 1], [1, 1, 1]),
    ]
    return MViT((64, 64), FRAMES, blocks, True, False, True, True, num_classes=10)


def clip(size, frames=FRAMES):
    coarse = np.random.default_rng(0).integers(0, 255, (frames, 8, 8, 3)).astype(np.uint8)
    return coarse.repeat(-(-size[0] // 8), 1).repeat(-(-size[1] // 8), 2)[:, : size[0], : size[1]]


def oracle(network, layer, pictures, grid, number=None):
    """Logits, and the 3-D Grad-CAM (T', h, w) of a class, by default the best: weights are means over T', h, w."""
    module = deepcopy(network).double()
    x = (torch.from_numpy(pictures).double() / 255 - 0.5) / 0.25
    held = []
    module.get_submodule(layer).register_forward_hook(
        lambda _m, _i, output: held.append(output.detach().requires_grad_(True)) or held[-1]
    )
    (logits,) = module(x.permute(3, 0, 1, 2)[None])
    number = int(logits.argmax()) if number is None else number
    (gradient,) = torch.autograd.grad(logits[number], held[0])
    activations = held[0].detach()
    if activations.ndim == 3:  # a class token, then moment by moment, row by row
        activations, gradient = (one[:, 1:].mT.reshape(1, -1, *grid) for one in (activations, gradient))
    weights = gradient[0].mean((1, 2, 3))
    return logits.detach().numpy(), (weights[:, None, None, None] * activations[0]).sum(0).clamp(min=0).numpy()


def test_tokens_of_a_clip_lie_moment_by_moment():
    layer, grid = "blocks.2.norm1", (8, 8, 8)
    torch.manual_seed(1)
    network = small_mvit().eval().requires_grad_(False)
    labels = tuple(map(str, range(10)))
    accepts = Accepts(side=64, frames=FRAMES, step_s=STEP)
    module = Windows(network, FRAMES)
    given = LoadedModel("small", module, labels, (0.5,) * 3, (0.25,) * 3, layer, accepts, CLIPS)
    backend = TorchBackend(given, device="cpu")
    pictures = clip((64, 64))
    logits, wanted = oracle(network, layer, pictures, grid)
    tap = backend.forward(pictures)
    assert tap.moments == grid[0]
    assert np.abs(tap.logits[0] - logits).max() < 1e-4 * np.abs(logits).max()
    (ours,) = backend.numpy(get_method("gradcam").function(tap, [int(logits.argmax())]))
    assert wanted.max() > 0
    assert np.abs(ours.reshape(grid) - wanted).max() < 1e-3 * wanted.max()
    backend.close()


@pytest.fixture(scope="module")
def explainer():
    with Explainer("r3d_18", weights="random", input_size=56, detail="plain", mean=(0.5,) * 3, std=(0.25,) * 3) as made:
        yield made


def test_an_explanation_is_of_the_window_that_ends_there(explainer):
    pictures = clip((64, 96))  # what the network is given as it is
    explanation = explainer.explain_clip(list(pictures))
    network = explainer._backend._module._whole[0]
    logits, wanted = oracle(network, "layer4", pictures, (2, 4, 6), explanation.class_idx)
    assert explanation.class_idx == logits.argmax()
    assert explanation.clip.shape == wanted.shape
    assert explanation.peak == pytest.approx(wanted.max(), rel=1e-3)
    assert explanation.clip * explanation.peak == pytest.approx(wanted, abs=1e-3 * wanted.max())
    assert (explanation.cam == explanation.clip[-1]).all()
    assert explanation.moments == pytest.approx(wanted.sum((1, 2)) / wanted.sum(), rel=1e-3)
    assert explanation.random_weights
    assert len(explainer.labels) == 400


def test_a_still_is_a_clip_of_itself_and_what_is_missing_is_the_first(explainer):
    first, second = clip((64, 64), 2)
    still = explainer.explain(first)
    assert still.clip == pytest.approx(explainer.explain_clip([first] * FRAMES).clip)
    short = explainer.explain_clip([first, second])
    assert short.clip == pytest.approx(explainer.explain_clip([first] * (FRAMES - 1) + [second]).clip)
    assert explainer.check(first, still) is None
    with pytest.raises(ConfigError, match="at least one picture"):
        explainer.explain_clip([])


def test_what_works_on_single_pictures_is_refused(explainer):
    assert "gradcampp" in explainer.methods
    assert not {"scorecam", "fullgrad", "legrad", "ablationcam"} & set(explainer.methods)


def test_a_window_is_so_many_moments_whatever_the_rate():
    def added(window, picture, now):
        window.add(picture, now)
        return window.ending(picture, now)

    twice = Window(4, 2 / 30)  # of 30 pictures a second, every other one
    windows = [added(twice, number, number / 30) for number in range(9)]
    assert windows[0] == [0, 0, 0, 0]
    assert windows[3] == [0, 0, 1, 3]
    assert windows[8] == [2, 4, 6, 8]
    assert twice.ending(7, 7 / 30) == [2, 3, 5, 7]  # of before 2 nothing is left
    slow = Window(4, 0.1)
    assert [added(slow, number, number * 0.2) for number in range(4)][-1] == [1, 2, 2, 3]
    assert added(twice, 99, 0.0) == [99, 99, 99, 99]  # began anew
