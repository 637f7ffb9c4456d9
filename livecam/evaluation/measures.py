"""The measures by name, and which figures and curves are told of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from livecam.evaluation import faithfulness as faithful
from livecam.evaluation import localisation as local
from livecam.evaluation.datasets import Item
from livecam.evaluation.figures import Figure, Table
from livecam.evaluation.measuring import FOLLOWS, GRID, Ask, conciseness, faithfulness, localisation, road, steadiness
from livecam.evaluation.records import Figures
from livecam.evaluation.subjects import Subject
from livecam.types import Image


def found(ious: Table, delta: float = 0.5) -> Table:
    """(N, T) → (N, T): whether the box of each picture is found, at each threshold."""
    return np.asarray(ious >= delta, np.float64)


def found_at_deltas(ious: Table) -> Table:
    """(N, T) → (N, 3T), at each δ of MaxBoxAccV2."""
    return np.concatenate([found(ious, delta) for delta in local.DELTAS], 1)


def best(shares: Table) -> Table:
    """(…, T) → (…): ``localisation.max_box_acc``, of the shares of pictures, at the best threshold."""
    return np.asarray(shares.max(-1))


def mean_of_bests(shares: Table) -> Table:
    """(…, 3T) → (…): ``localisation.max_box_acc_v2``."""
    return np.asarray(best(shares.reshape(*shares.shape[:-1], len(local.DELTAS), -1)).mean(-1))


@dataclass(frozen=True, slots=True)
class Curve:
    """A plot with a line a subject. field: of the records, a list a picture; ``of`` makes the line of them."""

    name: str
    title: str
    over: str
    x: Sequence[float]
    field: str
    of: Callable[[Table], Table] = lambda table: np.asarray(table.mean(0))


@dataclass(frozen=True, slots=True)
class Measure:
    """about: what is measured, and how. picture: None where videos are measured."""

    name: str
    about: str
    figures: tuple[Figure, ...]
    picture: Callable[[Item, Image, Subject, Ask], Figures] | None = None
    curves: tuple[Curve, ...] = ()


TEMPORAL, ROAD = "temporal", "road"
STEPS = tuple((np.arange(faithful.STEPS + 1) / faithful.STEPS).tolist())

MEASURES = {
    one.name: one
    for one in (
        Measure(
            "localisation",
            "Does the map point at the object? For the label, where there is one, else for the best class. Masks at "
            f"the size of the picture, boxes on {GRID[0]}×{GRID[1]}, maps ranged to [0, 1].",
            (
                Figure("pointing", "pointing", "higher", "pointing"),
                Figure("energy", "energy in region", "higher", "energy"),
                Figure("best_iou", "best IoU", "higher", "ious", lambda ious: ious.max(1, keepdims=True)),
                Figure("iou", "IoU at 0.5", "higher", "iou"),
                Figure("max_box_acc", "MaxBoxAcc", "higher", "box_ious", found, best),
                Figure("max_box_acc_v2", "MaxBoxAccV2", "higher", "box_ious", found_at_deltas, mean_of_bests),
            ),
            localisation,
            (
                Curve(
                    "boxes",
                    "pictures whose box is found (IoU ≥ 0.5)",
                    "threshold",
                    tuple(local.BOX_THRESHOLDS.tolist()),
                    "box_ious",
                    lambda ious: found(ious).mean(0),
                ),
                Curve("ious", "IoU with the mask", "threshold", tuple(local.IOU_THRESHOLDS.tolist()), "ious"),
            ),
        ),
        Measure(
            "faithfulness",
            "What the probability of the best class does when the map says what may be seen.",
            (
                Figure("deletion", "deletion", "lower", "deletion"),
                Figure("insertion", "insertion", "higher", "insertion"),
                Figure("drop", "average drop", "lower", "drop"),
                Figure("increase", "increase in confidence", "higher", "increase"),
            ),
            faithfulness,
            (
                Curve("deletion", "probability, the hottest removed first", "share removed", STEPS, "deletion_curve"),
                Curve("insertion", "probability, the hottest shown first", "share shown", STEPS, "insertion_curve"),
            ),
        ),
        Measure(
            ROAD,
            "What it does when the hottest, or the coldest, 20, 40, 60 and 80 % are imputed.",
            (
                Figure("road", "ROAD", "higher", "road"),
                Figure("road_most", "hottest first", "lower", "road_most"),
                Figure("road_least", "coldest first", "higher", "road_least"),
                Figure("arcc", "ARCC", "higher", "arcc"),
            ),
            road,
        ),
        Measure(
            "conciseness",
            "Is there little heat, in one place, and the same again where only that is seen?",
            (
                Figure("complexity", "complexity", "lower", "complexity"),
                Figure("coherency", "coherency", "higher", "coherency"),
                Figure("adcc", "ADCC", "higher", "adcc"),
                Figure("concentration", "concentration", "neither", "concentration"),
            ),
            conciseness,
        ),
        Measure(
            "stability",
            "Is it the same map when the picture is a little noisy?",
            (
                Figure("stability", "correlation", "higher", "stability"),
                Figure("sensitivity", "max-sensitivity", "lower", "sensitivity"),
            ),
            steadiness,
        ),
        Measure(
            TEMPORAL,
            "Videos, frame after frame: maps by themselves, each ranged to [0, 1], and as they are shown, smoothed. "
            "Flicker: mean absolute change after motion compensation. Follows: correlation of the paths of the map's "
            f"and the mask's centres. Lag: frames by which the one trails the other, where that is {FOLLOWS} or more.",
            (
                Figure("flicker", "flicker", "lower", "flicker"),
                Figure("shown_flicker", "flicker, shown", "lower", "shown_flicker"),
                Figure("follows", "follows", "higher", "follows"),
                Figure("shown_follows", "follows, shown", "higher", "shown_follows"),
                Figure("lag", "lag", "neither", "lag"),
                Figure("shown_lag", "lag, shown", "neither", "shown_lag"),
                Figure("changes", "label changes a second", "lower", "changes"),
                Figure("shown_changes", "changes, shown", "lower", "shown_changes"),
                Figure("heat", "mean heat", "neither", "heat"),
                Figure("shown_heat", "mean heat, shown", "neither", "shown_heat"),
            ),
        ),
    )
}
