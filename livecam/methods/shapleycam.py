"""ShapleyCAM.

Cai, "CAMs as Shapley Value-based Explainers", The Visual Computer 2025, arXiv:2501.06261. The Shapley value of a
channel, to second order:

    w_k^c = 1/Z Σ_ij (∂y^c/∂A − ½ ∂²y^c/∂A² · A)_k(i,j)
    L^c   = ReLU(Σ_k w_k^c A_k)

y is the logit here (the paper adds the logarithm of the softmax to it for its own variant, ReST).
"""

from __future__ import annotations

from livecam.methods import METHODS, MethodCard
from livecam.methods._maps import weighted
from livecam.tap import Array, Need, Tap


def shapleycam(tap: Tap, class_idx: list[int]) -> Array:
    """Maps (B, h, w) before the ReLU, in units of the logit."""
    return weighted(tap.alpha(class_idx) - tap.curvature(class_idx) / 2, tap.activations)


METHODS.add(
    "shapleycam",
    MethodCard(
        "shapleycam",
        "ShapleyCAM",
        shapleycam,
        "arXiv:2501.06261",
        "2 × gradcam",
        frozenset({Need.GRADIENTS}),
        "gradcam, where what follows is linear or ReLU",
        logits=True,
    ),
)
