"""Random: a control that knows nothing. What a measure gives this, it gives for nothing."""

from __future__ import annotations

import numpy as np

from livecam.methods import METHODS, MethodCard
from livecam.tap import Array, Tap

SEED = 0


def random(tap: Tap, class_idx: list[int]) -> Array:
    """Raw maps (B, h, w), uniform in [0, 1): the same one for a class and size, whatever the picture."""
    size = tuple(tap.activations.shape[2:])
    return np.stack([np.random.default_rng((SEED, number)).random(size, np.float32) for number in class_idx])


METHODS.add("random", MethodCard("random", "random", random, "none: a control", "none", of_class=False))
