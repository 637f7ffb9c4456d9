"""Against pytorch-grad-cam 1.5.7, whose values are stored (scripts/make_peer_measures.py).

Theirs removes by percentile and adds noise; pixels here are whole colours. It has no ADCC.
"""

from pathlib import Path

import numpy as np
import pytest
import torch
from peer_case import CLASSES, MEAN, STD, heats, inputs, network, pictures

from livecam.evaluation import road, shape

STORED = np.load(Path(__file__).parent / "data" / "pytorch_grad_cam_measures.npz")


@pytest.fixture(scope="module")
def roads():
    module = network()

    def found(number):
        def score(pictures):
            with torch.no_grad():
                return module(inputs(pictures)).softmax(-1)[:, CLASSES[number]].numpy()

        return road.road(score, pictures()[number], heats()[number], shape.ARCC_FRACTIONS, noise=0)

    return [found(number) for number in range(2)]


@pytest.mark.parametrize(
    ("name", "theirs"), [("most_first", "road_most"), ("least_first", "road_least"), ("combined", "road_combined")]
)
def test_road_is_theirs(roads, name, theirs):
    ours = np.array([getattr(one, name) for one in roads])
    assert np.abs(STORED[theirs]).min() > 0.012
    assert ours == pytest.approx(STORED[theirs], abs=4e-3)


def test_imputation_is_theirs():
    gone = heats()[0] >= 0.5
    values = road.solved(pictures()[0].astype(np.float64), gone)
    assert (values / 255 - MEAN) / STD == pytest.approx(STORED["imputed"], abs=1e-5)


def test_complexity_and_coherency_are_theirs():
    for number, heat in enumerate(heats()):
        assert shape.complexity(heat) == pytest.approx(STORED["complexity"][number], abs=1e-6)
        assert shape.coherency(heat, STORED["again"][number]) == pytest.approx(STORED["coherency"][number], abs=1e-6)


def test_arcc_is_theirs(roads):
    for number, heat in enumerate(heats()):
        coherency = shape.coherency(heat, STORED["again"][number])
        ours = shape.arcc(coherency, shape.complexity(heat), roads[number].combined)
        assert ours == pytest.approx(STORED["arcc"][number], abs=1e-2)
    assert STORED["arcc"].min() < 1e-6
    assert STORED["arcc"].max() > 0.1
