"""Measures of pytorch-grad-cam 1.5.7 for tests/evaluation, computed once, in its own environment:

PYTHONPATH=tests/evaluation "$(scripts/peers)" scripts/make_peer_measures.py
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from peer_case import CLASSES, heats, inputs, network, pictures
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.metrics.arcc import ARCC, Coherency, Complexity
from pytorch_grad_cam.metrics.road import (
    NoisyLinearImputer,
    ROADCombined,
    ROADLeastRelevantFirstAverage,
    ROADMostRelevantFirstAverage,
)
from pytorch_grad_cam.utils.model_targets import ClassifierOutputSoftmaxTarget

OUTPUT = Path("tests/evaluation/data/pytorch_grad_cam_measures.npz")
PERCENTILES = [20, 40, 60, 80]


def main() -> None:
    torch.manual_seed(0)  # of ROAD's noise
    module, x, maps = network(), inputs(pictures()), heats()
    targets = [ClassifierOutputSoftmaxTarget(number) for number in CLASSES]
    given = (x, maps, targets, module)
    half = torch.from_numpy((maps[0] < 0.5).astype(np.float32))
    with GradCAM(module, [module[0]]) as cam:
        found = {
            "road_most": ROADMostRelevantFirstAverage(PERCENTILES)(*given),
            "road_least": ROADLeastRelevantFirstAverage(PERCENTILES)(*given),
            "road_combined": ROADCombined(PERCENTILES)(*given),
            "imputed": NoisyLinearImputer(noise=0)(x[0], half)[:, half == 0].T,
            "complexity": Complexity()(maps),
            "again": cam(x * torch.from_numpy(maps)[:, None], targets),
            "coherency": Coherency()(x, maps, targets, module, cam),
            "arcc": ARCC(cam, PERCENTILES)(*given),
        }
    OUTPUT.parent.mkdir(exist_ok=True)
    np.savez_compressed(OUTPUT, **{name: np.asarray(value, np.float32) for name, value in found.items()})


if __name__ == "__main__":
    main()
