"""Grad-CAM.

Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization", ICCV 2017,
arXiv:1610.02391.

    α_k^c = 1/Z Σ_i Σ_j ∂y^c/∂A_k(i,j)        (1)
    L^c   = ReLU(Σ_k α_k^c A_k)               (2)
"""

from __future__ import annotations

from livecam.methods import METHODS, MethodCard
from livecam.tap import Array, Tap


def gradcam(tap: Tap, class_idx: list[int]) -> Array:
    """Raw maps (B, h, w) >= 0 in units of the logit: with a GAP → Linear head, Σ map before ReLU + bias = logit."""
    A = tap.activations  # noqa: N806  the paper's symbol
    alpha = tap.alpha(class_idx)  # (1)
    batch, channels, height, width = A.shape
    weighted = alpha[:, None, :] @ A.reshape(batch, channels, height * width)
    return weighted.reshape(batch, height, width).clip(min=0)  # (2)


METHODS.add(
    "gradcam",
    MethodCard("gradcam", "Grad-CAM", gradcam, "arXiv:1610.02391", "the part of the network after the target layer"),
)
