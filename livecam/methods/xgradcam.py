"""XGrad-CAM.

Fu et al., "Axiom-based Grad-CAM: Towards Accurate Visualization and Explanation of CNNs", BMVC 2020, arXiv:2008.02312.

    w_k^c = Σ_ij A_k(i,j) / (Σ_mn A_k(m,n)) · ∂y^c/∂A_k(i,j)
    L^c   = ReLU(Σ_k w_k^c A_k)
"""

from __future__ import annotations

from livecam.methods import METHODS, MethodCard
from livecam.methods._maps import SPACE, weighted
from livecam.tap import Array, Need, Tap


def xgradcam(tap: Tap, class_idx: list[int]) -> Array:
    """Maps (B, h, w) before the ReLU."""
    A = tap.activations  # noqa: N806  the paper's symbol
    sums = A.sum(SPACE)
    # A channel that is 0 everywhere adds nothing, whatever its weight.
    weights = (tap.gradients(class_idx) * A).sum(SPACE) / (sums + (sums == 0))
    return weighted(weights, A)


METHODS.add(
    "xgradcam",
    MethodCard(
        "xgradcam",
        "XGrad-CAM",
        xgradcam,
        "arXiv:2008.02312",
        "as gradcam",
        frozenset({Need.GRADIENTS}),
        "gradcam, behind the last layer before pooling",
    ),
)
