"""What measures ask of a network: the probability of one class, of many changed copies of a picture."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from livecam.types import Heatmap, Image

Score = Callable[[NDArray[np.uint8]], NDArray[np.floating]]
"""Pictures of one size, (N, H, W, 3) uint8 RGB → (N,) probabilities in [0, 1] of the explained class."""

Colour = Sequence[float]
"""RGB in 0…255, what is shown where nothing is to be seen. 255 × the mean with which the network normalises is the zero
of its input: what authors and peers mean when they multiply an input by a map, or set it to zero."""

BATCH = 16


def scored(score: Score, pictures: Iterable[Image]) -> NDArray[np.float64]:
    """(N,): the probabilities of ``pictures``, at most BATCH at a time, made as they are needed."""
    left = iter(pictures)
    batches = iter(lambda: list(islice(left, BATCH)), [])
    return np.concatenate([np.asarray(score(np.stack(batch)), np.float64) for batch in batches])


def by_heat(heat: Heatmap) -> NDArray[np.intp]:
    """The pixels of a map (H, W), as indices into its flat form, hottest first.

    Equals come in a random order, the same each time: a map that is 0 over half of the picture does not say that its
    top comes before its bottom.
    """
    shuffle = np.random.default_rng(0).permutation(heat.size)
    return shuffle[np.argsort(-heat.ravel()[shuffle], kind="stable")]
