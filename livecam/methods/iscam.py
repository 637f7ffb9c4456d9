"""IS-CAM, integrated Score-CAM: a mask is tried from faint to full.

Naidu et al., "IS-CAM: Integrated Score-CAM for axiomatic-based explanations", 2020, arXiv:2010.03023.

    w^c = softmax_k(1/N Σ_{i=1..N} y^c(X ∘ i/N · s(up(A_k))))
    L^c = ReLU(Σ_k w_k^c A_k)
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from livecam.methods import METHODS, MethodCard
from livecam.methods._masks import masked
from livecam.tap import Array, Floats, Need, Tap

BUDGET, STEPS = 256, 10


def iscam(tap: Tap, class_idx: list[int], *, budget: int = BUDGET) -> Array:
    """Maps (B, h, w) before the ReLU. budget: forward passes a picture, STEPS for each mask."""
    return masked(tap, class_idx, channels=max(1, budget // STEPS), tries=_rising)


def _rising(mask: Floats) -> Iterator[Floats]:
    for step in range(1, STEPS + 1):
        yield mask * np.float32(step / STEPS)


METHODS.add(
    "iscam",
    MethodCard(
        "iscam",
        "IS-CAM",
        iscam,
        "arXiv:2010.03023",
        "budget × 1 forward",
        frozenset({Need.FORWARDS}),
        budget=BUDGET,
    ),
)
