"""How maps behave in a video: do they flicker, do they come late, does the label jump?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from livecam.geometry import WHOLE, Region
from livecam.smoothing.motion import Motion, thumbnail
from livecam.types import Heatmap, Picture

LONGEST = 12
"""Frames that a map is taken to trail by, at most."""
STILL = 2e-3
"""Standard deviation, in sides of the picture, of a path in which there is nothing to be late for."""


class Lag(NamedTuple):
    """frames: that the map trails the object by; below zero it is ahead. correlation: of the paths at that lag, in
    [−1, 1]: near 0 the map does not follow the object, and the lag means nothing. Both nan where nothing moves.
    """

    frames: float
    correlation: float


def flicker(maps: Iterable[Heatmap], pictures: Iterable[Picture], region: Region = WHOLE) -> float:
    """mean_t mean_xy |m_t − M(m_{t−1})| in [0, 1], lower is better; M carries a map along with what moves.

    The temporal stability, or warping error, of Lai et al., "Learning Blind Video Temporal Consistency", ECCV 2018,
    arXiv:1808.00449, of maps for pictures, and as a mean of absolute values.

    maps: (h, w) float32 in [0, 1] of each frame, as they are shown: to range them here would add flicker of its own.
    pictures: of the same frames; the motion between two is found by ``smoothing.motion``, and where it explains nothing
    (a cut) the map should not have moved. A map that is always the same has 0: read it beside ``lag``. nan for less
    than two frames.
    """
    motion, changes = Motion(), []
    seen = ((cam, thumbnail(picture)) for cam, picture in zip(maps, pictures, strict=True))
    for (before, old), (after, new) in pairwise(seen):
        changes.append(float(np.abs(after - motion.carried(before, region, old, new)).mean()))
    return float(np.mean(changes)) if changes else float("nan")


def centre_of_mass(heat: ArrayLike) -> tuple[float, float]:
    """(y, x) in sides of a map or a mask (H, W) >= 0, in (0, 1); nan where there is none."""
    h = np.asarray(heat, np.float64)
    total = float(h.sum())
    if total == 0:
        return float("nan"), float("nan")
    y, x = ((np.arange(side) + 0.5) / side for side in h.shape)
    return float(h.sum(1) @ y) / total, float(h.sum(0) @ x) / total


def lag(maps: ArrayLike, masks: ArrayLike, longest: int = LONGEST) -> Lag:
    """By how many frames the path of the map's centre trails the path of the mask's; near 0 is best.

    The peak, between frames by the parabola through its neighbours, of the cross-correlation

        ρ(τ) = corr(a_t, b_{t−τ})  for |τ| <= longest, over the frames that both have, y and x together

    with a straight line taken out of each: a map that is off by a constant, or follows only part of the way, is not
    late for that, and at constant speed being late and being off are the same. The place of the peak of a
    cross-correlation as delay: Knapp & Carter, "The Generalized Correlation Method for Estimation of Time Delay", IEEE
    TASSP 1976.

    maps, masks: (T, 2) ``centre_of_mass`` of each frame; frames where one is nan are left out. T >= 4 · longest says
    most; with less, ``longest`` shrinks to T // 4.
    """
    a, b = (np.asarray(path, np.float64) for path in (maps, masks))
    reach = min(longest, len(a) // 4)
    shifts = np.arange(-reach, reach + 1)
    values = np.array([_correlation(*_shifted(a, b, int(shift))) for shift in shifts])
    if reach < 1 or np.isnan(values).all():
        return Lag(float("nan"), float("nan"))
    best = int(np.nanargmax(values))
    return Lag(float(shifts[best]) + _vertex(values[max(best - 1, 0) : best + 2]), float(values[best]))


def label_changes(class_idx: Sequence[int], seconds: float) -> float:
    """How often a second the label of a frame is another than that of the frame before, >= 0; lower is steadier.

    seconds: from the first frame to the last, > 0.
    """
    return sum(one != other for one, other in pairwise(class_idx)) / seconds


def _shifted(
    a: NDArray[np.float64], b: NDArray[np.float64], shift: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The frames of ``a``, and for each that of ``b`` which is ``shift`` frames older."""
    count = len(a) - abs(shift)
    late, early = a[max(shift, 0) :][:count], b[max(-shift, 0) :][:count]
    known = np.isfinite(late).all(1) & np.isfinite(early).all(1)
    times = np.flatnonzero(known).astype(np.float64)
    return _without_line(late[known], times), _without_line(early[known], times)


def _without_line(path: NDArray[np.float64], times: NDArray[np.float64]) -> NDArray[np.float64]:
    """What is left of a path (T, 2) when its best straight line is taken out."""
    basis = np.stack([np.ones_like(times), times], 1)
    return np.asarray(path - basis @ np.linalg.lstsq(basis, path)[0], np.float64)


def _correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    if len(a) < 4 or min(np.sqrt((one**2).sum(1).mean()) for one in (a, b)) < STILL:
        return float("nan")
    return float((a * b).sum() / np.sqrt((a**2).sum() * (b**2).sum()))


def _vertex(values: NDArray[np.float64]) -> float:
    """Where, from the middle of three values, the parabola through them peaks; 0 at an end."""
    if len(values) < 3 or np.isnan(values).any():
        return 0.0
    before, peak, after = values
    bend = before - 2 * peak + after
    return float((before - after) / (2 * bend)) if bend < 0 else 0.0
