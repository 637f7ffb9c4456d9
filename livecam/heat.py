"""From a raw map, in units of its method, to heat in [0, 1]: what counts as hot."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]
Normalise = Literal["peak", "percentile", "minmax", "logit"]
NORMALISES: tuple[Normalise, ...] = ("peak", "percentile", "minmax", "logit")
PERCENT = 99.0
LOGITS = 40.0
"""Full heat by ``logit``: the peaks of what ImageNet classifiers are sure of lie at 20 to 40."""


def heat(raw: Plane, how: Normalise = "peak", cells: int = 1) -> Plane:
    """A map (h, w) of any range → (h, w) in [0, 1].

    peak: 1 is its maximum, 0 is 0. percentile: 1 is its 99th percentile, so that one strong cell does not darken the
    rest. minmax: 1 is its maximum, 0 its minimum, also where nothing speaks for the class. logit: the same in every
    picture: 1 is a cell that, were all ``cells`` of the map like it, would add 40 to the logit.
    """
    low, high = 0.0, float(raw.max())
    if how == "percentile":
        high = float(np.percentile(raw, PERCENT)) or high  # of a few pixels, the 99th may be 0
    elif how == "minmax":
        low = float(raw.min())
    elif how == "logit":
        high = LOGITS / cells
    if high <= low:
        return np.zeros_like(raw)
    return np.asarray(np.clip((raw - np.float32(low)) / np.float32(high - low), 0, 1), np.float32)
