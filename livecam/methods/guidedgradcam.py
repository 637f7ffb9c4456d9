"""Guided Grad-CAM: guided backpropagation where Grad-CAM is hot.

Selvaraju et al., ICCV 2017, arXiv:1610.02391, section 3.2: both are multiplied point by point, Grad-CAM upsampled
bilinearly. The map is the largest magnitude of the three colours.
"""

from __future__ import annotations

import numpy as np

from livecam.methods import METHODS, MethodCard
from livecam.methods._maps import upsampled
from livecam.methods.gradcam import gradcam
from livecam.tap import Array, Need, Tap


def guidedgradcam(tap: Tap, class_idx: list[int]) -> Array:
    """Raw maps (B, H, W) >= 0, as large as the network's input."""
    edges = np.abs(tap.input_gradients(class_idx, guided=True)).max(1)
    return edges * upsampled(tap.numpy(gradcam(tap, class_idx).clip(min=0)), (edges.shape[1], edges.shape[2]))


METHODS.add(
    "guidedgradcam",
    MethodCard(
        "guidedgradcam",
        "guided Grad-CAM",
        guidedgradcam,
        "arXiv:1610.02391",
        "1 forward, 1 backward",
        frozenset({Need.AUTOGRAD, Need.GRADIENTS}),
    ),
)
