"""SS-CAM, smoothed Score-CAM: a mask is tried under noise.

Wang et al., "SS-CAM: Smoothed Score-CAM for Sharper Visual Feature Localization", 2020, arXiv:2006.14255. SS-CAM(1),
noise on the feature map:

    w^c = softmax_k(1/N Σ_n y^c(X ∘ (s(up(A_k)) + δ_n))),  δ ~ N(0, σ²)
    L^c = ReLU(Σ_k w_k^c A_k)
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from livecam.methods import METHODS, MethodCard
from livecam.methods._masks import masked
from livecam.tap import Array, Floats, Need, Tap

BUDGET, SAMPLES, SIGMA, SEED = 256, 10, 2.0, 0


def sscam(tap: Tap, class_idx: list[int], *, budget: int = BUDGET) -> Array:
    """Maps (B, h, w) before the ReLU. budget: forward passes a picture, SAMPLES for each mask; the same noise in every
    frame."""
    random = np.random.default_rng(SEED)

    def noisy(mask: Floats) -> Iterator[Floats]:
        for _ in range(SAMPLES):
            yield mask + np.float32(SIGMA) * random.standard_normal(mask.shape, np.float32)

    return masked(tap, class_idx, channels=max(1, budget // SAMPLES), tries=noisy)


METHODS.add(
    "sscam",
    MethodCard(
        "sscam",
        "SS-CAM",
        sscam,
        "arXiv:2006.14255",
        "budget × 1 forward",
        frozenset({Need.FORWARDS}),
        budget=BUDGET,
    ),
)
