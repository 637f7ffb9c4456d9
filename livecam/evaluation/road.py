"""ROAD, "Remove And Debias": removal that neither leaves edges in the shape of the map nor anything of what was there.

Rong et al., "A Consistent and Efficient Evaluation Strategy for Attribution Methods", ICML 2022, arXiv:2202.00449.
Needs SciPy: pip install 'livecam[evaluate]'.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import ArrayLike, NDArray

from livecam.errors import ConfigError, MissingExtra
from livecam.evaluation.scoring import Score, by_heat, scored
from livecam.types import Heatmap, Image

try:
    from scipy import sparse
    from scipy.sparse.linalg import splu
except ModuleNotFoundError as error:
    raise MissingExtra("SciPy is not installed, and ROAD needs it: pip install 'livecam[evaluate]'") from error

FRACTIONS = tuple(np.arange(1, 10) / 10)
NOISE = 0.01 * 255
"""Standard deviation of what is added to imputed pixels, so that a network cannot know them by their smoothness."""

NEIGHBOURS = {(0, 1): 1 / 6, (1, 0): 1 / 6, (1, 1): 1 / 12, (1, -1): 1 / 12}
"""Weights of the neighbours of a pixel, one of each opposite pair."""


@dataclass(frozen=True, slots=True)
class Road:
    """before: the picture's own probability. most, least: (n,) with the hottest, or the coldest, ``fractions`` of the
    pixels imputed.
    """

    before: float
    fractions: NDArray[np.float64]
    most: NDArray[np.float64]
    least: NDArray[np.float64]

    @property
    def most_first(self) -> float:
        """MoRF: the mean change of the probability as the hottest go, in [−1, 1]; lower is better."""
        return float(np.mean(self.most)) - self.before

    @property
    def least_first(self) -> float:
        """LeRF: the mean change of the probability as the coldest go, in [−1, 1]; higher is better."""
        return float(np.mean(self.least)) - self.before

    @property
    def combined(self) -> float:
        """(LeRF − MoRF) / 2, in [−0.5, 0.5]; higher is better, 0 is a random map's. From pytorch-grad-cam."""
        return (self.least_first - self.most_first) / 2


def road(score: Score, picture: Image, heat: Heatmap, fractions: ArrayLike = FRACTIONS, noise: float = NOISE) -> Road:
    """What ``score`` says while ever larger ``fractions``, each in (0, 1), of the pixels are imputed.

    heat: (H, W). picture: (H, W, 3) uint8 RGB, at the size that the network sees: the linear systems are as large as
    the imputed area, 18 of them take 2.5 s of a core at 224². Equal heat goes in a random order, as with the authors.
    """
    shares = np.asarray(fractions, np.float64)
    if not ((shares > 0) & (shares < 1)).all():
        raise ConfigError(f"ROAD imputes fractions between 0 and 1, not {shares.tolist()}")
    order = by_heat(heat)
    masks = _masks(order, np.rint(shares * heat.size).astype(int))
    pictures = (imputed(picture, gone.reshape(heat.shape), noise) for gone in masks)
    scores = scored(score, chain([picture], pictures))
    most, least = scores[1:].reshape(2, -1)
    return Road(float(scores[0]), shares, most, least)


def _masks(order: NDArray[np.intp], counts: NDArray[np.int_]) -> Iterator[NDArray[np.bool_]]:
    for first in (order, order[::-1]):
        for count in counts:
            gone = np.zeros(order.size, np.bool_)
            gone[first[:count]] = True
            yield gone


def imputed(picture: Image, gone: NDArray[np.bool_], noise: float = NOISE) -> Image:
    """Noisy linear imputation: each pixel that is gone is the weighted mean of its neighbours, those that
    are gone as well included, and noise.

    picture: (H, W, 3) uint8 RGB. gone: (H, W), not everywhere. noise: standard deviation in steps of 255; the same
    noise each time.
    """
    result = picture.copy()
    if gone.any():
        values = solved(picture.astype(np.float64), gone)
        values += np.random.default_rng(0).normal(0, noise, values.shape)
        result[gone] = np.rint(values).clip(0, 255).astype(np.uint8)
    return result


def solved(picture: NDArray[np.float64], gone: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(n, C): the n pixels of a picture (H, W, C) that are gone, as weighted means of their neighbours in it:

        x_i Σ_j w_ij = Σ_j w_ij x_j

    over the neighbours j within the picture. The matrix is symmetric and diagonally dominant.
    """
    number = np.cumsum(gone).reshape(gone.shape) - 1
    size = int(gone.sum())
    known = np.where(gone[..., None], 0, picture)
    diagonal, right = np.zeros(size), np.zeros((size, picture.shape[2]))
    parts = []
    for offset, weight in NEIGHBOURS.items():
        here, there = _pair(gone.shape, offset)
        for one, other in ((here, there), (there, here)):
            at = number[one][gone[one]]
            diagonal[at] += weight
            right[at] += weight * known[other][gone[one]]
        both = gone[here] & gone[there]
        parts.append(
            sparse.coo_array((np.full(both.sum(), -weight), (number[here][both], number[there][both])), (size, size))
        )
    upper = sum(parts[1:], parts[0])
    matrix = (upper + upper.T + sparse.diags_array(diagonal)).tocsc()
    factors = splu(matrix, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
    return np.asarray(factors.solve(right), np.float64)


def _pair(shape: tuple[int, ...], offset: tuple[int, int]) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """The pixels that have a neighbour at ``offset`` (>= 0 down), and those neighbours."""
    (height, width), (down, right) = shape, offset
    here = slice(0, height - down), slice(max(0, -right), width - max(0, right))
    there = slice(down, height), slice(max(0, right), width + min(0, right))
    return here, there
