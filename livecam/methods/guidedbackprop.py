"""Guided backpropagation: the gradient of the input, of which every activation function passes on only what is > 0.

Springenberg et al., "Striving for Simplicity: The All Convolutional Net", ICLR Workshop 2015, arXiv:1412.6806.

    R_l = 1[f_l > 0] · 1[R_{l+1} > 0] · R_{l+1}        figure 1c, for ReLU

The map is the largest magnitude of the three colours. It shows edges, and says little of a class (Adebayo et al.,
arXiv:1810.03292).
"""

from __future__ import annotations

import numpy as np

from livecam.methods import METHODS, MethodCard
from livecam.tap import Array, Need, Tap


def guidedbackprop(tap: Tap, class_idx: list[int]) -> Array:
    """Raw maps (B, H, W) >= 0, as large as the network's input."""
    return np.abs(tap.input_gradients(class_idx, guided=True)).max(1)


METHODS.add(
    "guidedbackprop",
    MethodCard(
        "guidedbackprop",
        "guided backpropagation",
        guidedbackprop,
        "arXiv:1412.6806",
        "1 forward, 1 backward",
        frozenset({Need.AUTOGRAD}),
    ),
)
