"""Finer-CAM.

Zhang et al., "Finer-CAM: Spotting the Difference Reveals Finer Details for Visual Explanation", CVPR 2025,
arXiv:2501.11309. Grad-CAM of what sets class c apart from the T classes whose logits are closest to its own:

    y = y^c − γ/T Σ_t y^d_t
"""

from __future__ import annotations

import numpy as np

from livecam.methods import METHODS, MethodCard
from livecam.methods._maps import weighted
from livecam.tap import Array, Floats, Need, Tap

GAMMA, REFERENCES = 0.6, 3


def finercam(tap: Tap, class_idx: list[int]) -> Array:
    """Maps (B, h, w) before the ReLU, in units of the logit."""
    others = closest(tap.logits, class_idx)
    alpha = tap.alpha(class_idx)
    for column in others.T:
        alpha = alpha - (GAMMA / others.shape[1]) * tap.alpha([int(number) for number in column])
    return weighted(alpha, tap.activations)


def closest(logits: Floats, class_idx: list[int]) -> np.ndarray[tuple[int, int], np.dtype[np.intp]]:
    """(B, T) classes with logits closest to that of class ``class_idx[b]``, which is not among them."""
    rows = np.arange(len(class_idx))
    distance = np.abs(logits - logits[rows, class_idx][:, None])
    distance[rows, class_idx] = np.inf
    order: np.ndarray[tuple[int, int], np.dtype[np.intp]] = np.argsort(distance, axis=1, kind="stable")
    return order[:, : min(REFERENCES, logits.shape[1] - 1)]


METHODS.add(
    "finercam",
    MethodCard(
        "finercam", "Finer-CAM", finercam, "arXiv:2501.11309", "4 × gradcam", frozenset({Need.GRADIENTS}), logits=True
    ),
)
