"""Is it the same map when the picture is a little noisy? ``noisy`` makes the pictures; their maps are the caller's.

The class is that of the clean picture throughout: a map of another class is another question.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from livecam.methods._maps import ranged
from livecam.types import Heatmap, Image

COPIES = 8
NOISE = 0.02 * 255
"""Standard deviation: what a webcam has in a dim room, hardly seen."""


def noisy(picture: Image, copies: int = COPIES, noise: float = NOISE, seed: int = 0) -> NDArray[np.uint8]:
    """(copies, H, W, 3): ``picture``, (H, W, 3) uint8 RGB, with normal noise of that standard deviation."""
    added = np.random.default_rng(seed).normal(0, noise, (copies, *picture.shape)).astype(np.float32)
    return np.asarray(np.rint(picture + added).clip(0, 255), np.uint8)


def stability(heat: Heatmap, heats: NDArray[np.float32]) -> float:
    """Mean Pearson's correlation of the map (H, W) with those of the noisy pictures (N, H, W), in [−1, 1]; higher is
    better. 0 for a flat map.

    The similarity under input perturbation of Alvarez-Melis & Jaakkola, "On the Robustness of Interpretability
    Methods", WHI 2018, arXiv:1806.08049, with correlation for distance: it does not ask how a map is scaled.
    """
    clean, others = _centred(heat[None]), _centred(heats)
    norms = np.sqrt((clean**2).sum() * (others**2).sum(1))
    return float(np.mean((others @ clean[0]) / np.where(norms > 0, norms, 1)))


def max_sensitivity(heat: Heatmap, heats: NDArray[np.float32]) -> float:
    """max ‖h' − h‖₂ / ‖h‖₂ over the ranged maps h' of the noisy pictures (N, H, W), >= 0; lower is better.

    Yeh et al., "On the (In)fidelity and Sensitivity of Explanations", NeurIPS 2019, arXiv:1901.09392, SENS_MAX,
    relative to the map's own norm, and over normal noise instead of a ball's. nan if the map itself is
    flat.
    """
    h = ranged(heat).astype(np.float64)
    largest = float(np.sqrt(((ranged(heats) - h) ** 2).sum((1, 2)).max()))
    norm = float(np.sqrt((h**2).sum()))
    return largest / norm if norm > 0 else float("nan")


def _centred(maps: NDArray[np.float32]) -> NDArray[np.float64]:
    """(N, H, W) → (N, HW), each with mean 0."""
    flat = maps.reshape(len(maps), -1).astype(np.float64)
    return np.asarray(flat - flat.mean(1, keepdims=True), np.float64)
