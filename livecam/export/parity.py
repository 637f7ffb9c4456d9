"""Is the file what PyTorch computes? Scores and maps of held-out pictures, beside autograd Grad-CAM."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livecam.backends import Backend

Pictures = NDArray[np.uint8]
Maps = NDArray[np.float32]
Run = Callable[[Pictures], dict[str, NDArray[Any]]]
BATCH = 4
RESOLUTION = 1e-6  # of float32, over a few roundings; differences below this part of the whole are none
USUAL = 30.0  # logits of trained networks are hardly larger
FLAT = 1e-3  # a map whose peak is below this part of the largest one is compared on the scale of the latter


@dataclass(frozen=True, slots=True)
class Tolerance:
    """scores, cam: largest difference, of a probability and of a map over its peak. The rest: smallest.

    Rounding changes a logit by a part of the largest one, and a probability by at most half of that (softmax), so the
    limit of scores is for logits up to USUAL, and grows with them beyond: those of an untrained network may be 1e5.
    """

    scores: float
    cam: float
    top1: float
    correlation: float

    def broken_by(self, parity: Parity) -> list[str]:
        """What is out of tolerance, for people."""
        scores = self.scores * max(1.0, parity.logits / USUAL)
        limits = [
            ("scores differ by", parity.scores, scores, parity.scores <= scores),
            ("maps differ by", parity.cam, self.cam, parity.cam <= self.cam),
            ("top-1 agreement is", parity.top1, self.top1, parity.top1 >= self.top1),
            ("map correlation is", parity.correlation, self.correlation, parity.correlation >= self.correlation),
        ]
        # not within: NaN is out of tolerance, too
        return [f"{what} {value:.3g} (limit {limit:g})" for what, value, limit, within in limits if not within]


TOLERANCES = {
    "float32": Tolerance(scores=1e-4, cam=1e-3, top1=0.99, correlation=0.9999),
    "float16": Tolerance(scores=0.02, cam=0.05, top1=0.95, correlation=0.99),
    # Rounding to 8 bits moves single cells; what must stay is the class and the shape of the map.
    "int8": Tolerance(scores=1, cam=np.inf, top1=0.95, correlation=0.95),
}


@dataclass(frozen=True, slots=True)
class Parity:
    """scores: max |Δp|. cam: max |Δ| over the map's peak. top1: share of equal best classes, a tie of two is
    none. correlation: of the maps, the mean over pictures. frames: how many were compared. logits: the largest
    there was."""

    frames: int
    scores: float
    cam: float
    top1: float
    correlation: float
    logits: float = 0.0


def compare(run: Run, backend: Backend, pictures: Pictures, classes: int) -> Parity:
    """Run the file (``run``) and PyTorch (``backend``) on ``pictures`` (N, H, W, 3) uint8 RGB.

    The maps compared are those of the classes that the file chose, so that a near tie of two classes counts as a
    disagreement of top-1 alone. classes: as in ``Form``.
    """
    scores, cams, wanted_scores, wanted_cams = [], [], [], []
    largest = 0.0
    for start in range(0, len(pictures), BATCH):
        part = pictures[start : start + BATCH]
        outputs = run(part)
        chosen = outputs["classes"] if classes else outputs["scores"].argmax(1)[:, None]
        logits, maps = reference(backend, part, chosen)
        largest = max(largest, float(np.abs(logits).max()))
        scores.append(outputs["scores"])
        cams.append(outputs["cam"].reshape(maps.shape))
        wanted_scores.append(_softmax(logits))
        wanted_cams.append(maps)
    ours, theirs = np.concatenate(scores), np.concatenate(wanted_scores)
    cam, wanted = (np.concatenate(parts).astype(np.float64) for parts in (cams, wanted_cams))
    best = np.take_along_axis(theirs, ours.argmax(1)[:, None], 1)[:, 0]
    peaks = np.maximum(wanted.max((-2, -1)), FLAT * wanted.max())
    return Parity(
        frames=len(pictures),
        scores=float(np.abs(ours - theirs).max()),
        cam=float((np.abs(cam - wanted).max((-2, -1)) / np.maximum(peaks, 1e-30)).max()),
        top1=float((best >= theirs.max(1) * np.exp(-RESOLUTION * max(1.0, largest))).mean()),
        correlation=float(np.mean([_correlation(a, b) for a, b in zip(cam[:, 0], wanted[:, 0], strict=True)])),
        logits=largest,
    )


def reference(backend: Backend, pictures: Pictures, classes: NDArray[Any]) -> tuple[NDArray[np.float32], Maps]:
    """Logits (B, C) and Grad-CAM by autograd, (B, k, h, w), of ``classes`` (B, k)."""
    tap = backend.forward(pictures)
    activations = backend.numpy(tap.activations)
    maps = []
    for column in classes.T:
        alpha = backend.numpy(tap.gradients([int(number) for number in column])).mean((-2, -1))
        maps.append(np.einsum("bk,bkhw->bhw", alpha, activations).clip(min=0))
    return tap.logits, np.stack(maps, axis=1)


def _softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), np.float32)


def _correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Pearson's; of two flat maps 1, of a flat one and another 0. Flat: on the scale of the larger of them."""
    scale = max(float(np.abs(a).max()), float(np.abs(b).max())) or 1.0
    a, b = ((one - one.mean()) / scale for one in (a, b))
    lengths = float(np.sqrt((a * a).sum() * (b * b).sum()))
    if lengths < RESOLUTION**2:
        return float(np.allclose(a, b, atol=RESOLUTION))
    return float((a * b).sum()) / lengths
