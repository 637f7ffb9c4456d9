"""Against torchcam on a real network, and against networks whose answer is known."""

from functools import partial

import cv2
import numpy as np
import pytest
import torch
import torchcam.methods
import torchcam.metrics

from livecam.evaluation import faithfulness, scoring

GREY = (128, 128, 128)
MEAN, STD = 128 / 255, 0.25  # grey is exactly zero
CLASS = 3


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    layers = torch.nn.Conv2d(3, 8, 5, 2), torch.nn.ReLU(), torch.nn.Conv2d(8, 16, 3, 2), torch.nn.ReLU()
    head = torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(16, 6)
    module = torch.nn.Sequential(torch.nn.Sequential(*layers), *head).eval()
    module[-1].weight.data *= 60  # so that something is at stake
    return module


@pytest.fixture(scope="module")
def pictures():
    coarse = np.random.default_rng(1).integers(0, 256, (3, 8, 8, 3)).astype(np.uint8)
    return np.stack([cv2.resize(one, (64, 64), interpolation=cv2.INTER_CUBIC) for one in coarse])


def tensor(pictures):
    return (torch.from_numpy(np.ascontiguousarray(pictures)).permute(0, 3, 1, 2).float() / 255 - MEAN) / STD


def scorer(network, class_idx=CLASS):
    def score(pictures):
        with torch.no_grad():
            return network(tensor(pictures)).softmax(-1)[:, class_idx].numpy()

    return score


class Given:
    """A map for torchcam's metrics, which ask their extractor for it."""

    def __init__(self, network, heat):
        self.model, self._heat = network, torch.from_numpy(heat)[None]
        self._hooks_off = torchcam.methods.GradCAM(network, network[0])._hooks_off

    def __call__(self, class_idx, scores):
        return [self._heat]

    def fuse_cams(self, cams):
        return cams[0]


def heat_for(seed):
    """In [0, 1], without equals."""
    heat = cv2.resize(np.random.default_rng(seed).random((5, 5), np.float32), (64, 64), interpolation=cv2.INTER_CUBIC)
    return (heat - heat.min()) / (heat.max() - heat.min())


def test_drop_and_increase_equal_torchcam(network, pictures):
    drops, increases = [], []
    for number, picture in enumerate(pictures):
        heat = heat_for(number)
        for class_idx in range(6):
            theirs = torchcam.metrics.ClassificationMetric(Given(network, heat), partial(torch.softmax, dim=-1))
            theirs.update(tensor(picture[None]), class_idx)
            confidences = faithfulness.confidences(scorer(network, class_idx), picture, heat, GREY)
            drops.append(float(faithfulness.drop(*confidences)))
            increases.append(bool(faithfulness.increase(*confidences)))
            # shown_by rounds to whole colours
            assert drops[-1] == pytest.approx(theirs.summary()["avg_drop"], abs=5e-3)
            assert increases[-1] == theirs.summary()["conf_increase"]
    assert max(drops) > 0.05
    assert {True, False} == set(increases)


@pytest.mark.parametrize("number", range(3))
@pytest.mark.parametrize("steps", [4, 16])
def test_deletion_and_insertion_equal_torchcam(network, pictures, number, steps):
    heat, picture, softmax = heat_for(number), pictures[number], partial(torch.softmax, dim=-1)
    x, given = tensor(picture[None]), Given(network, heat)
    theirs = torchcam.metrics.DeletionInsertionMetric(given, softmax, steps=steps)
    theirs.update(x, CLASS)
    ours = faithfulness.deletion(scorer(network), picture, heat, GREY, steps)
    assert len(ours.scores) == steps + 1
    assert ours.auc == pytest.approx(theirs.summary()["deletion_auc"], abs=1e-5)
    base = tensor(faithfulness.blurred(picture)[None])
    theirs = torchcam.metrics.DeletionInsertionMetric(given, softmax, steps=steps, baseline=base)
    theirs.update(x, CLASS)
    ours = faithfulness.insertion(scorer(network), picture, heat, steps)
    assert ours.auc == pytest.approx(theirs.summary()["insertion_auc"], abs=1e-5)


def red_share(pictures):
    """A network that knows how many pixels are red."""
    return (pictures[..., 0] == 255).mean((1, 2))


@pytest.fixture
def half_red():
    """The network's answer of this picture is 1/2, and the true map is known."""
    picture = np.zeros((20, 20, 3), np.uint8)
    picture[:, :10, 0] = 255
    return picture, (picture[..., 0] / 255).astype(np.float32)


def test_deletion_of_the_true_map_is_the_known_curve(half_red):
    picture, heat = half_red
    curve = faithfulness.deletion(red_share, picture, heat, (0, 0, 0), 10)
    assert curve.fractions == pytest.approx(np.linspace(0, 1, 11))
    assert curve.scores == pytest.approx((0.5 - curve.fractions).clip(0))
    assert curve.auc == pytest.approx(0.125)
    wrong = faithfulness.deletion(red_share, picture, 1 - heat, (0, 0, 0), 10)
    assert wrong.auc == pytest.approx(0.375)


def test_insertion_of_the_true_map_is_the_known_curve():
    """A chessboard: the blur, 1 pixel wide here but for its corners, leaves no full red."""
    y, x = np.mgrid[:224, :224]
    picture = np.zeros((224, 224, 3), np.uint8)
    picture[..., 0] = 255 * ((x + y) % 2)
    assert red_share(faithfulness.blurred(picture)[None])[0] == 0
    heat = (picture[..., 0] / 255).astype(np.float32)
    curve = faithfulness.insertion(red_share, picture, heat, 8)
    assert curve.scores == pytest.approx(np.minimum(curve.fractions, 0.5))
    assert curve.auc == pytest.approx(0.375)


def test_equal_heat_is_taken_in_no_direction(half_red):
    """A flat map removes half of the red with half of the picture, wherever the red is."""
    picture, heat = half_red
    flat = np.zeros_like(heat)
    curve = faithfulness.deletion(red_share, picture, flat, (0, 0, 0), 2)
    assert curve.scores[1] == pytest.approx(0.25, abs=0.05)
    again = faithfulness.deletion(red_share, picture, flat, (0, 0, 0), 2)
    assert (curve.scores == again.scores).all()


def test_what_a_map_shows_is_blended_into_the_empty_colour():
    picture = np.full((1, 3, 3), (200, 100, 0), np.uint8)
    shown = faithfulness.shown_by(np.array([[2, 3, 4]], np.float32), picture, (100, 100, 100))
    assert shown.tolist() == [[[100, 100, 100], [150, 100, 50], [200, 100, 0]]]


def test_drop_and_increase_of_many():
    before, after = [0.8, 0.5, 0.0], [0.2, 0.6, 0.1]
    assert faithfulness.drop(before, after) == pytest.approx([0.75, 0, 0])
    assert faithfulness.increase(before, after).tolist() == [False, True, True]


def test_a_network_gets_its_pictures_in_batches():
    sizes = []

    def score(pictures):
        sizes.append(len(pictures))
        return pictures[:, 0, 0, 0] / 255

    pictures = (np.full((2, 2, 3), number, np.uint8) for number in range(2 * scoring.BATCH + 1))
    assert scoring.scored(score, pictures) == pytest.approx(np.arange(2 * scoring.BATCH + 1) / 255)
    assert sizes == [scoring.BATCH, scoring.BATCH, 1]
