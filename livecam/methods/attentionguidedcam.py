"""Attention-guided CAM: where a Vision Transformer's class token attends, weighted by what that does for the class.

Leem & Seo, "Attention Guided CAM: Visual Explanations of Vision Transformer Guided by Self-Attention", AAAI 2024,
arXiv:2402.04563.

    F_l = sigmoid(S_l),  A_l = softmax(S_l)     S_l = Q_l K_lᵀ / √d, attention scores
    L^c = Σ_l Σ_heads F_l ⊙ ReLU(∂y^c/∂A_l)     the class token's row of it, of the patches

Less its minimum, since a sigmoid is nowhere 0.
"""

from __future__ import annotations

import math

from livecam.methods import METHODS, MethodCard
from livecam.methods._attention import answering, placed
from livecam.tap import Array, Need, Tap

LOWEST = -80.0  # e⁸⁰ is still a float32; the sigmoid there is 0


def attentionguidedcam(tap: Tap, class_idx: list[int]) -> Array:
    """Raw maps (B, h, w) >= 0 in units of the logit."""
    found = tap.attention(class_idx)
    total = sum(
        (gradient.clip(min=0) / (1 + math.e ** -scores.clip(min=LOWEST))).sum(1)
        for scores, gradient in zip(found.scores, found.gradients, strict=True)
    )
    return placed(answering(found) @ tap.numpy(total), found)


METHODS.add(
    "attentionguidedcam",
    MethodCard(
        "attentionguidedcam",
        "attention-guided CAM",
        attentionguidedcam,
        "arXiv:2402.04563",
        "1 forward, 1 backward",
        frozenset({Need.ATTENTION}),
    ),
)
