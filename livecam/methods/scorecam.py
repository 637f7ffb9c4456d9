"""Score-CAM: a channel's weight is the logit of what its mask leaves of the picture.

Wang et al., "Score-CAM: Score-Weighted Visual Explanations for Convolutional Neural Networks", CVPR Workshops 2020,
arXiv:1910.01279.

    H_k = s(up(A_k))                     s: to [0, 1]
    w^c = softmax_k(y^c(X ∘ H_k))        algorithm 1
    L^c = ReLU(Σ_k w_k^c A_k)
"""

from __future__ import annotations

from livecam.methods import METHODS, MethodCard
from livecam.methods._masks import masked
from livecam.tap import Array, Need, Tap

BUDGET = 128


def scorecam(tap: Tap, class_idx: list[int], *, budget: int = BUDGET) -> Array:
    """Maps (B, h, w) before the ReLU. budget: masks tried a picture; with as many as channels it is the paper's."""
    return masked(tap, class_idx, channels=budget, tries=lambda mask: iter((mask,)))


METHODS.add(
    "scorecam",
    MethodCard(
        "scorecam",
        "Score-CAM",
        scorecam,
        "arXiv:1910.01279",
        "budget × 1 forward",
        frozenset({Need.FORWARDS}),
        budget=BUDGET,
    ),
)
