"""Does the map show what the network used? What the class's probability p does when the map says what may be seen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from livecam.evaluation.scoring import Colour, Score, by_heat, scored
from livecam.methods._maps import ranged
from livecam.types import Heatmap, Image

STEPS = 20
BLUR = 5 / 224, 11 / 224
"""Standard deviation and width of the kernel, of the shorter side: what RISE's code has at 224."""


def shown_by(heat: Heatmap, picture: Image, empty: Colour) -> Image:
    """The explanation map: h ∘ I + (1 − h) ∘ empty, with h the ranged map; (H, W, 3) uint8 RGB.

    heat: (H, W). picture: (H, W, 3) uint8 RGB.
    """
    ground = np.asarray(empty, np.float32)
    return np.rint(ground + ranged(heat)[..., None] * (picture - ground)).astype(np.uint8)


def confidences(score: Score, picture: Image, heat: Heatmap, empty: Colour) -> tuple[float, float]:
    """The probability of the picture, and of what the map shows of it: what the next two measures compare."""
    before, after = scored(score, [picture, shown_by(heat, picture, empty)])
    return float(before), float(after)


def drop(before: ArrayLike, after: ArrayLike) -> NDArray[np.float64]:
    """max(0, before − after) / before of each picture, in [0, 1]; lower is better. Its mean is the average drop.

    Chattopadhay et al., "Grad-CAM++", WACV 2018, arXiv:1710.11063 (there in %). A map that is 1 everywhere
    is perfect: read it beside ``complexity``. 0 where ``before`` is 0. pytorch-grad-cam's does not divide.
    """
    p, o = np.asarray(before, np.float64), np.asarray(after, np.float64)
    return (p - o).clip(min=0) / np.where(p > 0, p, 1)


def increase(before: ArrayLike, after: ArrayLike) -> NDArray[np.bool_]:
    """before < after, of each picture; higher is better. Its mean, in [0, 1], is the increase in confidence.

    Chattopadhay et al., as above.
    """
    return np.asarray(np.asarray(before) < np.asarray(after))


@dataclass(frozen=True, slots=True)
class Curve:
    """fractions: (n,) of the pixels, from 0 to 1. scores: (n,) probability of the class when so many are changed."""

    fractions: NDArray[np.float64]
    scores: NDArray[np.float64]

    @property
    def auc(self) -> float:
        """The area under it, by trapezia, in [0, 1]."""
        return float(np.trapezoid(self.scores, self.fractions))


def deletion(score: Score, picture: Image, heat: Heatmap, empty: Colour, steps: int = STEPS) -> Curve:
    """The probability while the hottest pixels, and then ever colder ones, become ``empty``. Lower AUC is better.

    Petsiuk et al., "RISE", BMVC 2018, arXiv:1806.07421. steps: into so many equal parts the pixels are
    divided; their code takes 224 of 224² pixels a step, each a forward.
    """
    gone = np.broadcast_to(np.rint(empty).astype(np.uint8), picture.shape)
    return _curve(score, picture, gone, heat, steps)


def insertion(score: Score, picture: Image, heat: Heatmap, steps: int = STEPS) -> Curve:
    """The probability while, in a blurred copy, the hottest pixels and then ever colder ones come back. Higher AUC is
    better.

    Petsiuk et al., as above; the blur is their code's.
    """
    return _curve(score, blurred(picture), picture, heat, steps)


def blurred(picture: Image) -> Image:
    """(H, W, 3) uint8 RGB, in which insertion starts."""
    short = min(picture.shape[:2])
    sigma, width = BLUR[0] * short, 2 * int(BLUR[1] * short / 2) + 1
    return np.asarray(cv2.GaussianBlur(picture, (width, width), sigma), np.uint8)


def _curve(score: Score, start: Image, finish: Image, heat: Heatmap, steps: int) -> Curve:
    """From ``start`` to ``finish`` in the order of the heat."""
    counts = np.rint(np.linspace(0, heat.size, steps + 1)).astype(int)
    return Curve(counts / heat.size, scored(score, _steps(start, finish, heat, counts)))


def _steps(start: Image, finish: Image, heat: Heatmap, counts: NDArray[np.int_]) -> Iterator[Image]:
    rank = np.empty(heat.size, np.intp)
    rank[by_heat(heat)] = np.arange(heat.size)
    for count in counts:
        yield np.where((rank < count).reshape(*heat.shape, 1), finish, start)
