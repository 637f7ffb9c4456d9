"""First principal components of maps, by the Gram matrix of the positions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from livecam.tap import Floats

Doubles = NDArray[np.float64]


def project(matrix: Floats) -> Floats:
    """(B, K, h, w), as positions × channels M = U Σ Vᵀ → M v₁ = σ₁ u₁, (B, h, w).

    By G = M Mᵀ = U Σ² Uᵀ, (h·w)², which is smaller than the one over channels.
    """
    flat = matrix.reshape(*matrix.shape[:2], -1).astype(np.float64)
    return _first(flat.transpose(0, 2, 1) @ flat, flat.sum(1)).reshape(matrix.shape[0], *matrix.shape[2:])


def project_kernel(kernel: Doubles, along: Doubles) -> Floats:
    """(B, P, P) kernel of the positions, not yet centred → their first kernel principal component, (B, P)."""
    rows = kernel.mean(2, keepdims=True)
    return _first(kernel - rows - rows.transpose(0, 2, 1) + kernel.mean((1, 2), keepdims=True), along)


def _first(gram: Doubles, along: Doubles) -> Floats:
    """√λ₁ u₁ of (B, P, P) matrices. An eigenvector has no sign of its own: it is given the one that goes along with
    ``along`` (B, P), so that it cannot turn over from one frame to the next."""
    values, vectors = np.linalg.eigh(gram)  # ascending
    first = vectors[:, :, -1] * np.sqrt(values[:, -1:].clip(min=0))
    turned = (first * along).sum(1, keepdims=True) < 0
    return np.asarray(np.where(turned, -first, first), np.float32)
