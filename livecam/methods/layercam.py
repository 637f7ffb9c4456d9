"""LayerCAM.

Jiang et al., "LayerCAM: Exploring Hierarchical Class Activation Maps for Localization", IEEE Transactions on Image
Processing 2021.

    w_ij^kc = ReLU(∂y^c/∂A_k(i,j))
    L^c     = ReLU(Σ_k w^kc ⊙ A_k)
"""

from __future__ import annotations

from livecam.methods import METHODS, MethodCard
from livecam.tap import Array, Need, Tap


def layercam(tap: Tap, class_idx: list[int]) -> Array:
    """Maps (B, h, w) before the ReLU, in units of the logit."""
    return (tap.gradients(class_idx).clip(min=0) * tap.activations).sum(1)


METHODS.add(
    "layercam",
    MethodCard(
        "layercam",
        "LayerCAM",
        layercam,
        "IEEE TIP 2021, Jiang et al.",
        "as gradcam",
        frozenset({Need.GRADIENTS}),
        "elementwise, where A >= 0 (behind ReLU)",
        logits=True,
    ),
)
