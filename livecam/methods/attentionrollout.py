"""Attention rollout: which patches a Vision Transformer's answer has attended to, through all blocks; no class's own.

Abnar & Zuidema, "Quantifying Attention Flow in Transformers", ACL 2020, arXiv:2005.00928.

    Â_l = ½ (mean over heads of A_l) + ½ I        half of a token goes on by the skip connection
    R   = Â_L … Â_2 Â_1                           the class token's row of it, of the patches, less its minimum
"""

from __future__ import annotations

import numpy as np

from livecam.methods import METHODS, MethodCard
from livecam.methods._attention import answering, placed
from livecam.tap import Array, Floats, Need, Tap


def attentionrollout(tap: Tap, class_idx: list[int]) -> Array:
    """Raw maps (B, h, w) >= 0; ``class_idx`` changes nothing."""
    found = tap.attention(None)
    flow: Floats = np.tile(answering(found), (len(tap.logits), 1, 1))
    for one in reversed(found.maps):  # one row, from the last block back to the first
        flow = np.asarray((flow @ tap.numpy(one.mean(1)) + flow) / 2, np.float32)
    return placed(flow[:, 0], found)


METHODS.add(
    "attentionrollout",
    MethodCard(
        "attentionrollout",
        "attention rollout",
        attentionrollout,
        "arXiv:2005.00928",
        "1 forward",
        frozenset({Need.ATTENTION}),
        of_class=False,
    ),
)
