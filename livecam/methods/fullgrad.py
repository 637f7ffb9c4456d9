"""FullGrad: the gradients of the input and of every bias, which together are the logit of a ReLU network.

Srinivas & Fleuret, "Full-Gradient Representation for Neural Network Visualization", NeurIPS 2019, arXiv:1905.00780.

    L^c = ψ(∂y^c/∂x ⊙ x) + Σ_l Σ_k ψ(∂y^c/∂b_l ⊙ b_l)_k        ψ: |·|, scaled to [0, 1] over the layer, upsampled
"""

from __future__ import annotations

import numpy as np

from livecam.methods import METHODS, MethodCard
from livecam.methods._maps import upsampled
from livecam.tap import Array, Floats, Need, Tap

OF_ONE = (1, 2, 3)


def fullgrad(tap: Tap, class_idx: list[int]) -> Array:
    """Raw maps (B, H, W) >= 0, as large as the network's input."""
    x = tap.inputs()
    total = _scaled(x * tap.input_gradients(class_idx, guided=False))
    for term in tap.bias_terms(class_idx):
        # The sum over channels first: upsampling is linear.
        total += upsampled(_scaled(term), (x.shape[2], x.shape[3]))
    return total


def _scaled(term: Floats) -> Floats:
    """(B, k, h, w) → (B, h, w)."""
    size = np.abs(term)
    size -= size.min(OF_ONE, keepdims=True)
    peak = size.max(OF_ONE, keepdims=True)
    return np.asarray((size / np.where(peak > 0, peak, 1)).sum(1), np.float32)


METHODS.add(
    "fullgrad",
    MethodCard(
        "fullgrad",
        "FullGrad",
        fullgrad,
        "arXiv:1905.00780",
        "2 forwards, 2 backwards",
        frozenset({Need.AUTOGRAD, Need.BIASES}),
    ),
)
