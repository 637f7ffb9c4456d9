"""HiResCAM.

Draelos & Carin, "Use HiResCAM instead of Grad-CAM for faithful explanations of convolutional neural networks", 2020,
arXiv:2011.08891.

    L^c = Σ_k ∂y^c/∂A_k ⊙ A_k

As a map >= 0: ReLU of it.
"""

from __future__ import annotations

from livecam.methods import METHODS, MethodCard
from livecam.tap import Array, Need, Tap


def hirescam(tap: Tap, class_idx: list[int]) -> Array:
    """Maps (B, h, w) before the ReLU, in units of the logit."""
    return (tap.gradients(class_idx) * tap.activations).sum(1)


METHODS.add(
    "hirescam",
    MethodCard(
        "hirescam",
        "HiResCAM",
        hirescam,
        "arXiv:2011.08891",
        "as gradcam",
        frozenset({Need.GRADIENTS}),
        "gradcam, behind the last layer before pooling",
        logits=True,
    ),
)
