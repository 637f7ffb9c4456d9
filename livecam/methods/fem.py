"""FEM, the feature explanation method: where channels are unusually strong.

Fuad et al., "Features Understanding in 3D CNNs for Actions Recognition in Video", IPTA 2020, hal-02963298.

    B_k = 1 where A_k >= μ_k + 2 σ_k, else 0        μ_k, σ_k: mean and standard deviation of channel k over space
    L   = Σ_k μ_k B_k

It is no class's own.
"""

from __future__ import annotations

from livecam.methods import METHODS, MethodCard
from livecam.methods._maps import SPACE
from livecam.tap import Array, Tap

SIGMAS = 2


def fem(tap: Tap, class_idx: list[int]) -> Array:
    """Maps (B, h, w) before the ReLU, in units of the activations; ``class_idx`` changes nothing."""
    A = tap.activations  # noqa: N806  the field's symbol
    mean = A.mean(SPACE)[:, :, None, None]
    sigma = ((A - mean) ** 2).mean(SPACE)[:, :, None, None] ** 0.5
    strong = (mean + SIGMAS * sigma <= A) & (sigma > 0)
    return (mean * strong).sum(1)


METHODS.add("fem", MethodCard("fem", "FEM", fem, "hal-02963298", "none", of_class=False))
