"""Recipro-CAM: a position's heat is the logit that it alone gives.

Byun & Lee, "Recipro-CAM: Fast Gradient-Free Visual Explanations for Convolutional Neural Networks", 2022,
arXiv:2209.14074.

    L^c(i,j) = y^c(A ⊙ M_ij)        M_ij: 1 at (i,j), 0 elsewhere

less its minimum, as the paper's normalisation. Without the paper's Gaussian spread of the mask: behind pooling that is
but a factor, except that it loses a part at the picture's edges.
"""

from __future__ import annotations

import numpy as np

from livecam.methods import METHODS, MethodCard
from livecam.methods._maps import SPACE
from livecam.tap import Array, Need, Tap


def reciprocam(tap: Tap, class_idx: list[int]) -> Array:
    """Raw maps (B, h, w) >= 0 in units of the logit."""
    _, channels, height, width = tap.activations.shape
    positions = height * width
    places = np.eye(positions, dtype=np.float32).reshape(positions, height, width)
    every = np.ones((positions, channels), np.float32)
    maps = np.stack([tap.tail(row, [number], every, places) for row, number in enumerate(class_idx)])
    maps = maps.reshape(-1, height, width)
    return maps - maps.min(SPACE, keepdims=True)


METHODS.add(
    "reciprocam",
    MethodCard(
        "reciprocam",
        "Recipro-CAM",
        reciprocam,
        "arXiv:2209.14074",
        "h·w × what follows the target layer",
        frozenset({Need.TAIL}),
        "cam before its ReLU, less the minimum, where the head is pooling and one linear layer",
        logits=True,
    ),
)
