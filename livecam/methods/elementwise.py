"""GradCAMElementWise: HiResCAM with the ReLU before the sum, so that no channel takes from another.

After Pillai & Pirsiavash, "Explainable Models with Consistent Interpretations", AAAI 2021.

    L^c = Σ_k ReLU(∂y^c/∂A_k ⊙ A_k)
"""

from __future__ import annotations

from livecam.methods import METHODS, MethodCard
from livecam.tap import Array, Need, Tap


def elementwise(tap: Tap, class_idx: list[int]) -> Array:
    """Raw maps (B, h, w) >= 0 in units of the logit."""
    return (tap.gradients(class_idx) * tap.activations).clip(min=0).sum(1)


METHODS.add(
    "elementwise",
    MethodCard(
        "elementwise",
        "GradCAMElementWise",
        elementwise,
        "AAAI 2021, Pillai & Pirsiavash",
        "as gradcam",
        frozenset({Need.GRADIENTS}),
        "layercam, where A >= 0 (behind ReLU)",
        logits=True,
    ),
)
