"""Semantic segmentation: why a region is the class that it is.

Vinogradova, Dibrov & Myers, "Towards Interpretable Semantic Segmentation via Gradient-weighted Class Activation
Mapping", AAAI 2020 (student abstract), arXiv:2002.11434: Grad-CAM of the sum of a class's logits over the pixels of a
set M, here all pixels of the class:

    y^c = Σ_{(i,j) ∈ M} y^c_ij

Columns: for each of C regions, the pixels of one class, the sums of the C logits over it; then the height and the width
of the map of classes, and that map. "Why this and not that" thus asks about one and the same region.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from livecam.tap import Floats, Need
from livecam.tasks import Target, check_finite

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, slots=True)
class Segmentation:
    """lacks: a changed picture has other regions, whose sums do not compare."""

    name: str = "segmentation"
    engines: tuple[str, ...] = ("torch",)
    lacks: frozenset[Need] = frozenset({Need.TAIL, Need.FORWARDS})
    many: bool = False
    background: bool = True

    def wrap(self, module: torch.nn.Module) -> torch.nn.Module:
        from livecam.tasks.segmenters import RegionSums

        return RegionSums(module)

    def scores(self, numbers: Floats, classes: int) -> Floats:
        """The share of the picture; that of the background only where there is nothing else."""
        check_finite(numbers)
        shares = np.stack([_shares(_classes(row, classes), classes) for row in numbers])
        shares[shares[:, 1:].any(1), 0] = 0
        return shares

    def targets(self, numbers: Floats, scores: Floats, chosen: int, *, given: bool, least: float) -> tuple[Target, ...]:
        mask = _classes(numbers, len(scores)) == chosen
        return (Target(chosen, float(mask.mean()), chosen * len(scores), mask=mask),)


def _classes(numbers: Floats, classes: int) -> NDArray[np.intp]:
    """The class of each pixel, (h, w)."""
    height, width, *flat = numbers[classes**2 :].astype(np.intp)
    return np.reshape(flat, (height, width))


def _shares(seen: NDArray[np.intp], classes: int) -> Floats:
    return (np.bincount(seen.ravel(), minlength=classes) / seen.size).astype(np.float32)


SEGMENTATION = Segmentation()
