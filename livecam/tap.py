"""Tap: what a backend takes out of one forward pass, and what a method makes a map of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Array = Any
"""A NumPy array or a tensor of the backend: methods use only what both have."""


class Gradients(Protocol):
    def __call__(self, class_idx: list[int]) -> Array:
        """dy_c/dA: (B, K, H, W), for logit y of class ``class_idx[b]`` in picture b."""
        ...


@dataclass(frozen=True, slots=True)
class Tap:
    """logits: (B, C) float32 NumPy. activations: (B, K, H, W), the target layer's output A. gradients: of a logit by A.
    alpha: their mean over space, (B, K), which a backend may know without making the gradients.

    A tap lives until the backend's next forward pass, and belongs to the thread that made it.
    """

    logits: NDArray[np.float32]
    activations: Array
    gradients: Gradients
    alpha: Gradients
