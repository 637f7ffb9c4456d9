"""Grad-CAM++.

Chattopadhay et al., "Grad-CAM++: Improved Visual Explanations for Deep Convolutional Networks", WACV 2018,
arXiv:1710.11063. With the exponential of the logit as the score its derivatives are powers of g = ∂y^c/∂A_k(i,j):

    α_ij^kc = g² / (2 g² + Σ_ab A_k(a,b) g³)        (19)
    w_k^c   = Σ_ij α_ij^kc ReLU(g)
    L^c     = ReLU(Σ_k w_k^c A_k)
"""

from __future__ import annotations

from livecam.methods import METHODS, MethodCard
from livecam.methods._maps import SPACE, weighted
from livecam.tap import Array, Need, Tap


def gradcampp(tap: Tap, class_idx: list[int]) -> Array:
    """Maps (B, h, w) before the ReLU."""
    return plusplus(tap.gradients(class_idx), tap.activations)


def plusplus(g: Array, activations: Array) -> Array:
    """g, activations: (B, K, h, w)."""
    positive = g.clip(min=0)
    sums = activations.sum(SPACE)[:, :, None, None]
    # (19) divided by g². Only with A < 0, which ReLU does not give, could the divisor come near its pole.
    weights = (positive / (2 + sums * positive).clip(min=1)).sum(SPACE)
    return weighted(weights, activations)


METHODS.add(
    "gradcampp",
    MethodCard("gradcampp", "Grad-CAM++", gradcampp, "arXiv:1710.11063", "as gradcam", frozenset({Need.GRADIENTS})),
)
