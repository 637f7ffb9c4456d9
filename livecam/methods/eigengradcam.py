"""Eigen-Grad-CAM: Eigen-CAM of gradient ⊙ activation, which belongs to a class.

After Muhammad & Yeasin, IJCNN 2020, arXiv:2008.00299; as pytorch-grad-cam extends it.

    ∂y^c/∂A ⊙ A = U Σ Vᵀ (positions × channels),  L^c = (∂y^c/∂A ⊙ A) v₁

Signed so that it goes along with HiResCAM, the sum over the channels of the same matrix; then ReLU.
"""

from __future__ import annotations

from livecam.methods import METHODS, MethodCard
from livecam.methods._components import project
from livecam.tap import Array, Need, Tap


def eigengradcam(tap: Tap, class_idx: list[int]) -> Array:
    """Maps (B, h, w) before the ReLU."""
    return project(tap.numpy(tap.gradients(class_idx) * tap.activations))


METHODS.add(
    "eigengradcam",
    MethodCard(
        "eigengradcam",
        "Eigen-Grad-CAM",
        eigengradcam,
        "arXiv:2008.00299",
        "as gradcam, an eigenvector of (h·w)²",
        frozenset({Need.GRADIENTS}),
    ),
)
