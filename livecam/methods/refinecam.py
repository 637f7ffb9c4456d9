"""RefineCAM: the coarse map of the last layer times the finer ones of earlier layers.

"How to Evaluate and Refine your CAM", 2026, arXiv:2605.14641.

    L^c = Π_l up(s(L_l^c))        L_l^c: Grad-CAM++ of layer l, s: to [0, 1]

over the last layer of each of the last three resolutions.
"""

from __future__ import annotations

import numpy as np

from livecam.methods import METHODS, MethodCard
from livecam.methods._maps import ranged, upsampled
from livecam.methods.gradcampp import plusplus
from livecam.tap import Array, Need, Tap


def refinecam(tap: Tap, class_idx: list[int]) -> Array:
    """Raw maps (B, h, w) in [0, 1], as large as the finest of the layers."""
    maps = [ranged(tap.numpy(plusplus(g, a).clip(min=0))) for a, g in tap.stages(class_idx)]
    height, width = maps[0].shape[1:]
    return np.prod([upsampled(one, (height, width)) for one in maps], axis=0)


METHODS.add(
    "refinecam",
    MethodCard(
        "refinecam",
        "RefineCAM",
        refinecam,
        "arXiv:2605.14641",
        "1 forward, 1 backward of the last layers",
        frozenset({Need.AUTOGRAD}),
    ),
)
