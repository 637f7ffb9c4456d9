"""Many inputs through a network, a batch at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice

import numpy as np

from livecam.tap import Floats

BATCH = 16


def scores(run: Callable[[Floats], Floats], class_idx: list[int], inputs: Iterable[Floats]) -> Floats:
    """(N, len(class_idx)) logits. run: (B, 3, H, W) → logits (B, C). inputs: (3, H, W) each, made when used."""
    coming, parts = iter(inputs), [np.zeros((0, len(class_idx)), np.float32)]
    while batch := list(islice(coming, BATCH)):
        parts.append(run(np.stack(batch))[:, class_idx])
    return np.concatenate(parts)
