"""Eigen-CAM: the first principal component of the activations, which is no class's own.

Muhammad & Yeasin, "Eigen-CAM: Class Activation Map using Principal Components", IJCNN 2020, arXiv:2008.00299.

    A = U Σ Vᵀ (positions × channels),  L = A v₁

Signed so that it goes along with the sum of the channels; then ReLU.
"""

from __future__ import annotations

from livecam.methods import METHODS, MethodCard
from livecam.methods._components import project
from livecam.tap import Array, Tap


def eigencam(tap: Tap, class_idx: list[int]) -> Array:
    """Maps (B, h, w) before the ReLU, in units of the activations; ``class_idx`` changes nothing."""
    return project(tap.numpy(tap.activations))


METHODS.add(
    "eigencam",
    MethodCard("eigencam", "Eigen-CAM", eigencam, "arXiv:2008.00299", "an eigenvector of (h·w)²", of_class=False),
)
