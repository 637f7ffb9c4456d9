"""Grad-CAM.

Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization", ICCV 2017,
arXiv:1610.02391.

    α_k^c = 1/Z Σ_i Σ_j ∂y^c/∂A_k(i,j)        (1)
    L^c   = ReLU(Σ_k α_k^c A_k)               (2)
"""

from __future__ import annotations

from livecam.methods import METHODS, MethodCard
from livecam.methods._maps import weighted
from livecam.tap import Array, Need, Tap


def gradcam(tap: Tap, class_idx: list[int]) -> Array:
    """Maps (B, h, w) before the ReLU, in units of the logit: with a GAP → Linear head, Σ map + bias = logit."""
    return weighted(tap.alpha(class_idx), tap.activations)


METHODS.add(
    "gradcam",
    MethodCard(
        "gradcam",
        "Grad-CAM",
        gradcam,
        "arXiv:1610.02391",
        "the part of the network after the target layer",
        frozenset({Need.GRADIENTS}),
        logits=True,
    ),
)
