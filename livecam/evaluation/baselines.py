"""Maps that know nothing of the picture: what a measure gives these, it gives for nothing."""

from __future__ import annotations

import cv2
import numpy as np

from livecam.types import Heatmap

SIGMA = 25 / 112
"""Of each side: photographers put what they photograph in the middle, about so large."""
CELLS = 7
"""Of a random map: a side of the last layer's at 224."""


def centre(size: tuple[int, int]) -> Heatmap:
    """A Gaussian in the middle of (H, W), in (0, 1]: exp(−((x − ½)² + (y − ½)²) / 2σ²), x and y in sides, σ = SIGMA.

    The centre baseline of Choe et al., CVPR 2020, arXiv:2001.07437.
    """
    down, across = (np.exp(-((((np.arange(side) + 0.5) / side - 0.5) / SIGMA) ** 2) / 2) for side in size)
    return np.asarray(down[:, None] * across, np.float32)


def random(size: tuple[int, int], seed: int) -> Heatmap:
    """(H, W) in [0, 1): CELLS × CELLS uniform values, bilinear in between, as coarse as a network's own map.

    seed: the picture's number, so that pictures differ and the next run does not.
    """
    cells = np.random.default_rng(seed).random((CELLS, CELLS), np.float32)
    return np.asarray(cv2.resize(cells, size[::-1], interpolation=cv2.INTER_LINEAR), np.float32)
