"""Tap: what a backend takes out of one forward pass, and what a method makes a map of."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Array = Any
"""A NumPy array or a tensor of the backend: methods use only what both have."""


class Gradients(Protocol):
    def __call__(self, class_idx: list[int]) -> Array:
        """dy_c/dA: (B, K, H, W), for logit y of class ``class_idx[b]`` in picture b."""
        ...


class Votes(Protocol):
    def __call__(self, y: int, x: int) -> tuple[Array, bool]:
        """What cell (y, x) of A adds to every logit, Σ_k ∂y_c/∂A_k(y,x) · A_k(y,x): (B, C), in logit units.

        And whether that is exact: the logits are linear in A, so that the sum over all cells and the bias is the logit.
        """
        ...


@dataclass(frozen=True, slots=True)
class Tap:
    """logits: (B, C) float32 NumPy. activations: (B, K, H, W), the target layer's output A. gradients: of a logit by A.
    alpha: their mean over space, (B, K), which a backend may know without making the gradients. votes: of one cell for
    all classes; None where the gradients are no class's own.

    A tap lives until the backend's next forward pass, and belongs to the thread that made it.
    """

    logits: NDArray[np.float32]
    activations: Array
    gradients: Gradients
    alpha: Gradients
    votes: Votes | None = None


def contrast(tap: Tap, against: list[int]) -> Tap:
    """The tap of y_c − y_d, d = ``against[b]`` in picture b: a method's map of it shows why c and not d.

    Prabhushankar et al., "Contrastive Explanations in Neural Networks", ICIP 2020, arXiv:2008.00178; here on the
    logits, whose difference is what decides between the two.
    """

    def gradients(class_idx: list[int]) -> Array:
        return tap.gradients(class_idx) - tap.gradients(against)

    def alpha(class_idx: list[int]) -> Array:
        return tap.alpha(class_idx) - tap.alpha(against)

    return replace(tap, gradients=gradients, alpha=alpha)
