"""Ablation-CAM: a channel's weight is what the logit loses without it.

Desai & Ramaswamy, "Ablation-CAM: Visual Explanations for Deep Convolutional Network via Gradient-free Localization",
WACV 2020.

    w_k^c = (y^c − y_k^c) / |y^c|        y_k^c: the logit with channel k set to 0
    L^c   = ReLU(Σ_k w_k^c A_k)

The paper divides by y^c, which for a logit below 0 would turn the map over.
"""

from __future__ import annotations

import numpy as np

from livecam.methods import METHODS, MethodCard
from livecam.methods._maps import weighted
from livecam.tap import Array, Need, Tap

TINY = 1e-12


def ablationcam(tap: Tap, class_idx: list[int]) -> Array:
    """Maps (B, h, w) before the ReLU."""
    A = tap.numpy(tap.activations)  # noqa: N806  the paper's symbol
    _, channels, height, width = A.shape
    without = 1 - np.eye(channels, dtype=np.float32)
    places = np.ones((channels, height, width), np.float32)
    weights = np.empty((len(class_idx), channels), np.float32)
    for row, number in enumerate(class_idx):
        whole = tap.logits[row, number]
        weights[row] = (whole - tap.tail(row, [number], without, places)[:, 0]) / max(abs(float(whole)), TINY)
    return weighted(weights, A)


METHODS.add(
    "ablationcam",
    MethodCard(
        "ablationcam",
        "Ablation-CAM",
        ablationcam,
        "WACV 2020, Desai & Ramaswamy",
        "K × what follows the target layer",
        frozenset({Need.TAIL}),
    ),
)
