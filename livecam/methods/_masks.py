"""What Score-CAM and its kin share: channels as masks of the input, and the logits of the masked inputs."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from livecam.methods._maps import SPACE, ranged, upsampled, weighted
from livecam.tap import Floats, Tap

Tries = Callable[[Floats], Iterator[Floats]]
"""A channel's mask (H, W) → the masks that are tried in its name, equally many for each channel."""


def masked(tap: Tap, class_idx: list[int], *, channels: int, tries: Tries) -> Floats:
    """Maps (B, h, w) before the ReLU: Σ_k w_k A_k, w the softmax over the channels of the mean logit that the masks of
    channel k leave.

    channels: so many with the widest range are tried; the others, flatter masks, have weight 0. What the papers
    subtract, the logit of an empty picture, is the same for all and leaves the softmax as it is.
    """
    activations, x = tap.numpy(tap.activations), tap.inputs()
    weights = np.zeros(activations.shape[:2], np.float32)
    for row, number in enumerate(class_idx):
        maps = activations[row]
        spans = maps.max(SPACE) - maps.min(SPACE)
        chosen = np.sort(np.argsort(-spans, kind="stable")[:channels])
        masks = (mask for k in chosen for mask in tries(_mask(maps[k], x.shape[2:])))
        logits = tap.score(row, [number], (x[row] * mask for mask in masks)).reshape(len(chosen), -1).mean(1)
        powers = np.exp(logits - logits.max())
        weights[row, chosen] = powers / powers.sum()
    result: Floats = weighted(weights, activations)
    return result


def _mask(channel: Floats, size: tuple[int, ...]) -> Floats:
    """(h, w) → (H, W) in [0, 1]."""
    return ranged(upsampled(channel[None], (size[0], size[1]))[0])
