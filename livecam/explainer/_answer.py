"""From what a network gave, and the raw maps made of it, to an Explanation."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from livecam.backends import Backend
from livecam.errors import ModelError
from livecam.explainer._choice import best
from livecam.geometry import Region, cell_at, inside
from livecam.heat import Normalise, heat
from livecam.tap import Tap
from livecam.tasks import Target
from livecam.types import Detected, Explanation, Prediction, Vote
from livecam.upsampling import Upsample


@dataclass(frozen=True, slots=True)
class Teller:
    """What the explanations of one explainer have in common. many: is a picture explained for each thing in it?
    background: is class 0 what belongs to no other? Where it is not seen, nobody asks for it."""

    labels: tuple[str, ...]
    top_k: int
    many: bool
    background: bool
    normalise: Normalise
    upsampling: Upsample
    target_layer: str
    random_weights: bool

    def votes(
        self, tap: Tap, backend: Backend, spot: tuple[float, float] | None, region: Region
    ) -> list[tuple[Vote, ...]]:
        """What ``spot`` adds to the classes, for each picture."""
        nothing: list[tuple[Vote, ...]] = [()] * len(tap.logits)
        # One spot votes on everything that was found, which is no answer.
        if spot is None or tap.votes is None or self.many or tap.moments > 1:
            return nothing
        cell = cell_at(spot, region, tap.activations.shape[2:])
        if cell is None:
            return nothing
        shares, exact = tap.votes(*cell)
        rows = backend.numpy(shares)
        return [
            tuple(Vote(int(one), self.labels[one], float(row[one]), exact) for one in best(row)[: self.top_k])
            for row in rows
        ]

    def explanation(
        self,
        raws: list[NDArray[np.float32]],
        scores: NDArray[np.float32],
        chosen: int,
        targets: list[Target],
        rival: int | None,
        votes: tuple[Vote, ...],
        cells: int,
        method: str,
        region: Region,
        seconds: float,
        spot: tuple[float, float] | None,
    ) -> Explanation:
        """Of one picture. raws: (h, w) each, of ``targets``; one of zeros where there is nothing to explain. scores:
        (C,). chosen, rival: classes. cells: of the grid in whose units the maps are. seconds: that it took. Raises
        ModelError for a map of no numbers."""
        if not all(np.isfinite(raw).all() for raw in raws):
            raise ModelError(f"the map of {method} has NaN or infinity in it; use --precision float32")
        # Each by itself: what is sure of one thing does not outshine the next.
        shown = [(heat(raw, self.normalise, cells), float(raw.max())) for raw in raws]
        objects = tuple(
            Detected(
                inside(target.box, region),
                Prediction(target.class_idx, self.labels[target.class_idx], target.score),
                *one,
                track=target.track,
            )
            for target, one in zip(targets, shown, strict=False)
            if target.box is not None
        )
        return Explanation(
            0,
            chosen,
            tuple(self.prediction(int(number), scores) for number in self._seen(scores)[: self.top_k]),
            np.maximum.reduce([one for one, _ in shown]),
            max(top for _, top in shown),
            method,
            self.target_layer,
            seconds,
            region,
            target=self.prediction(chosen, scores),
            against=None if rival is None else self.prediction(rival, scores),
            spot=None if self.many else spot,
            votes=votes,
            upsampling=self.upsampling,
            normalise=self.normalise,
            objects=objects,
            mask=targets[0].mask if targets else None,
            random_weights=self.random_weights,
        )

    def _seen(self, scores: NDArray[np.float32]) -> NDArray[np.intp]:
        found = best(scores)
        return found[found > 0] if self.background and not scores[0] > 0 else found

    def prediction(self, class_idx: int, scores: NDArray[np.float32]) -> Prediction:
        return Prediction(class_idx, self.labels[class_idx], float(scores[class_idx]))


def of_clip(explanation: Explanation, moments: int) -> Explanation:
    """Its map, so many one above the other, taken apart."""
    clip = explanation.cam.reshape(moments, -1, explanation.cam.shape[1])
    heat = clip.sum((1, 2), dtype=np.float64)
    shares = heat / heat.sum() if heat.any() else heat
    return replace(explanation, cam=clip[-1], clip=clip, moments=tuple(float(share) for share in shares))
