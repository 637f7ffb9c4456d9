"""KPCA-CAM: Eigen-CAM with a kernel.

Karmani et al., "KPCA-CAM: Visual Explainability of Deep Computer Vision Models Using Kernel PCA", MMSP 2024,
arXiv:2410.00267. The vectors a_i of the positions, less their mean, through a sigmoid kernel:

    K_ij = tanh(a_i·a_j / channels + 1),  centred;  L = √λ₁ u₁

Signed so that it goes along with the sum of the channels; then ReLU. It is no class's own.
"""

from __future__ import annotations

import numpy as np

from livecam.methods import METHODS, MethodCard
from livecam.methods._components import project_kernel
from livecam.tap import Array, Tap


def kpcacam(tap: Tap, class_idx: list[int]) -> Array:
    """Maps (B, h, w) before the ReLU; ``class_idx`` changes nothing."""
    A = tap.numpy(tap.activations).astype(np.float64)  # noqa: N806  the paper's symbol
    batch, channels, height, width = A.shape
    flat = A.reshape(batch, channels, -1)
    centred = flat - flat.mean(2, keepdims=True)
    kernel = np.tanh(centred.transpose(0, 2, 1) @ centred / channels + 1)
    return project_kernel(kernel, centred.sum(1)).reshape(batch, height, width)


METHODS.add(
    "kpcacam",
    MethodCard("kpcacam", "KPCA-CAM", kpcacam, "arXiv:2410.00267", "an eigenvector of (h·w)²", of_class=False),
)
