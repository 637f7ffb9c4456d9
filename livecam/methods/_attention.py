"""What the methods of attention maps share."""

from __future__ import annotations

import numpy as np

from livecam.methods._maps import SPACE
from livecam.tap import Attention, Floats


def answering(found: Attention) -> Floats:
    """(N,) share of each token in what the head is given: the class token's, or all alike where there is none."""
    count = found.prefix + found.grid[0] * found.grid[1]
    if not found.prefix:
        return np.full(count, 1 / count, np.float32)
    return np.asarray(np.arange(count) == 0, np.float32)


def placed(tokens: Floats, found: Attention) -> Floats:
    """(B, N) → (B, h, w) >= 0 without class and register tokens, less the minimum: what is everywhere has no place."""
    maps = tokens[:, found.prefix :].reshape(len(tokens), *found.grid)
    return np.asarray(maps - maps.min(SPACE, keepdims=True), np.float32)
