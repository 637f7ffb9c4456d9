"""What a map looks like: how much of it is hot, how concentrated that is, and the composite measures made of it."""

from __future__ import annotations

import numpy as np

from livecam.methods._maps import ranged
from livecam.types import Heatmap

ARCC_FRACTIONS = (0.2, 0.4, 0.6, 0.8)
"""Of the pixels, that ROAD imputes for ARCC."""


def complexity(heat: Heatmap) -> float:
    """‖h‖₁ / HW: the mean of the ranged map, in [0, 1]; lower is better. A flat map has 0.

    Poppi et al., "Revisiting the Evaluation of Class Activation Mapping for Explainability", CVPRW 2021,
    arXiv:2104.10252.
    """
    return float(ranged(heat).mean(dtype=np.float64))


def coherency(heat: Heatmap, again: Heatmap) -> float:
    """(ρ + 1) / 2 in [0, 1], higher is better: ρ is Pearson's correlation of the map and of the map ``again``, of the
    same class, of the picture that ``faithfulness.shown_by`` makes of it. 0 where one of them is flat.

    Poppi et al., as above; 0 for flat maps is their code's. pytorch-grad-cam gives those 0.5.
    """
    a, b = (np.asarray(one, np.float64).ravel() for one in (heat, again))
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1] + 1) / 2


def adcc(coherency: float, complexity: float, drop: float) -> float:
    """3 / (1/coherency + 1/(1 − complexity) + 1/(1 − drop)) in [0, 1], higher is better; 0 if one of them is 0.

    Average DCC, of Poppi et al., as above: the harmonic mean. drop: ``faithfulness.drop``, as a fraction.
    """
    return _harmonic_mean(coherency, 1 - complexity, 1 - drop)


def arcc(coherency: float, complexity: float, road: float) -> float:
    """3 / (1/coherency + 1/(1 − complexity) + 1/r) in [0, 1], higher is better, with r = 2 ROAD within [0, 1].

    Domeniconi et al., "How to Evaluate and Refine your CAM", arXiv:2605.14641; the scale of r is that of their code in
    pytorch-grad-cam. road: ``Road.combined`` at the fractions ARCC_FRACTIONS.
    """
    return _harmonic_mean(coherency, 1 - complexity, min(max(2 * road, 0.0), 1.0))


def concentration(heat: Heatmap) -> float:
    """1 − H / ln HW with H = −Σ p ln p, p = h / Σ h: in [0, 1]. 1: a single hot pixel. 0: the same everywhere.

    H is the complexity of Bhatt et al., "Evaluating and Aggregating Feature-based Model Explanations", IJCAI 2020,
    arXiv:2005.00631. Higher is easier to read, and says nothing of where.
    """
    h = ranged(heat).astype(np.float64).ravel()
    total = h.sum()
    if total == 0:
        return 0.0
    p = h[h > 0] / total
    return 1 + float((p * np.log(p)).sum() / np.log(h.size))


def _harmonic_mean(*values: float) -> float:
    return len(values) / sum(1 / value for value in values) if min(values) > 0 else 0.0
