"""What several methods do with maps and weights. Arrays are NumPy's or the backend's, except where Floats is said."""

from __future__ import annotations

import cv2
import numpy as np

from livecam.tap import Array, Floats

SPACE = (-2, -1)


def weighted(weights: Array, activations: Array) -> Array:
    """Σ_k w_k A_k: (B, K), (B, K, h, w) → (B, h, w)."""
    batch, channels, height, width = activations.shape
    maps = weights[:, None, :] @ activations.reshape(batch, channels, height * width)
    return maps.reshape(batch, height, width)


def ranged(maps: Floats) -> Floats:
    """(…, h, w), each scaled so that its minimum is 0 and its maximum 1; flat ones are 0."""
    low = maps.min(SPACE, keepdims=True)
    span = maps.max(SPACE, keepdims=True) - low
    return np.asarray((maps - low) / np.where(span > 0, span, 1), np.float32)


def upsampled(maps: Floats, size: tuple[int, int]) -> Floats:
    """(N, h, w) → (N, H, W), bilinear, pixel centres held."""
    height, width = size
    return np.stack([cv2.resize(one, (width, height), interpolation=cv2.INTER_LINEAR) for one in maps])
