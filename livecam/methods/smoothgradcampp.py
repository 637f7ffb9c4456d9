"""Smooth Grad-CAM++.

Omeiza et al., "Smooth Grad-CAM++: An Enhanced Inference Level Visualization Technique for Deep Convolutional Neural
Network Models", IntelliSys 2019, arXiv:1908.01224. Of the gradients g of n noisy inputs, D_p = mean of g^p:

    α_ij^kc = D_2 / (2 D_2 + Σ_ab A_k(a,b) D_3)
    w_k^c   = Σ_ij α_ij^kc ReLU(D_1)
    L^c     = ReLU(Σ_k w_k^c A_k)

The paper prints D_1 as the numerator of α; D_2 is what Grad-CAM++ (19) has there, which this averages.
"""

from __future__ import annotations

import numpy as np

from livecam.methods import METHODS, MethodCard
from livecam.methods._maps import SPACE, weighted
from livecam.tap import Array, Need, Tap

SAMPLES, SIGMA, SEED = 8, 0.3, 0  # sigma: in the network's own range
TINY = 1e-30


def smoothgradcampp(tap: Tap, class_idx: list[int], *, budget: int = SAMPLES) -> Array:
    """Maps (B, h, w) before the ReLU. budget: noisy inputs a picture, the same noise in every frame."""
    random, x = np.random.default_rng(SEED), tap.inputs()
    powers: tuple[Array, Array, Array] = (0, 0, 0)
    for _ in range(budget):
        noise = np.float32(SIGMA) * random.standard_normal(x.shape[1:], np.float32)
        g = tap.rerun(x + noise).gradients(class_idx)
        powers = (powers[0] + g, powers[1] + g * g, powers[2] + g * g * g)
    first, second, third = (power / budget for power in powers)
    sums = tap.activations.sum(SPACE)[:, :, None, None]
    divisor = (2 * second + sums * third).clip(min=second)  # as in Grad-CAM++: away from its pole
    weights = (second / (divisor + TINY) * first.clip(min=0)).sum(SPACE)
    return weighted(weights, tap.activations)


METHODS.add(
    "smoothgradcampp",
    MethodCard(
        "smoothgradcampp",
        "Smooth Grad-CAM++",
        smoothgradcampp,
        "arXiv:1908.01224",
        "budget × (1 forward + as gradcam)",
        frozenset({Need.GRADIENTS, Need.FORWARDS}),
        budget=SAMPLES,
    ),
)
