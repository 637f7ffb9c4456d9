"""The measures by name: what each gives for a picture or a video, and which figures are told of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from livecam.evaluation import faithfulness as faithful
from livecam.evaluation import localisation as local
from livecam.evaluation import shape, stability, temporal
from livecam.evaluation.datasets import Item
from livecam.evaluation.figures import Figure, Table
from livecam.evaluation.records import Figures
from livecam.evaluation.subjects import Heat, Subject
from livecam.explainer import Explainer
from livecam.geometry import WHOLE, Region, averaged, part
from livecam.methods._maps import ranged
from livecam.smoothing import Smoother
from livecam.types import Heatmap, Image

GRID = (112, 112)
"""Size of the maps that are compared with boxes."""
SHOWN = 256
"""Long side of those that are compared with the ones before."""


@dataclass(frozen=True, slots=True)
class Question:
    """What measures ask of the network about one picture.

    picture: what the network is given of it, (h, w, 3) uint8 RGB, which shows ``region``. class_idx: its best class.
    empty: the colour, in 0…255, that the network takes for nothing. score: (N, h, w, 3) → (N,) probabilities of that
    class.
    """

    picture: Image
    region: Region
    class_idx: int
    empty: tuple[float, ...]
    score: Callable[[NDArray[np.uint8]], NDArray[np.float32]]

    def heat(self, heat: Heat, image: Image) -> Heatmap:
        """The map of the whole ``image`` on ``picture``."""
        if self.region == WHOLE:
            return heat(self.picture)
        return averaged(part(heat(image), self.region), self.picture.shape[:2])


class Probe:
    """Asks a network; measures of all subjects ask the same one. mean: of its input, RGB in [0, 1]."""

    def __init__(self, explainer: Explainer, mean: tuple[float, ...]) -> None:
        self._explainer = explainer
        self._empty = tuple(255 * value for value in mean)

    def ask(self, image: Image) -> Question:
        picture, region = self._explainer.seen(image)
        class_idx = int(self._explainer.scores(picture[None])[0].argmax())
        return Question(
            picture,
            region,
            class_idx,
            self._empty,
            lambda pictures: self._explainer.scores(pictures)[:, class_idx],
        )


Ask = Callable[[], Question]


def localisation(item: Item, image: Image, subject: Subject, _: Ask) -> Figures:
    heat = subject.look(image, item.class_idx)
    if item.boxes:
        h = heat(np.asarray(cv2.resize(image, GRID[::-1]), np.uint8))
        mask = local.mask_of(item.boxes, GRID)
        own: Figures = {"box_ious": local.box_ious(h, item.boxes).tolist()}
    else:
        h, mask = heat(image), item.truth((image.shape[0], image.shape[1]))
        if not mask.any():
            return {}
        own = {"ious": local.ious(h, mask).tolist(), "iou": local.iou(h, mask)}
    return own | {"pointing": float(local.pointing(h, mask)), "energy": local.energy_in_region(h, mask)}


def faithfulness(_: Item, image: Image, subject: Subject, ask: Ask) -> Figures:
    network = ask()
    heat = network.heat(subject.look(image, network.class_idx), image)
    before, after = faithful.confidences(network.score, network.picture, heat, network.empty)
    gone = faithful.deletion(network.score, network.picture, heat, network.empty)
    back = faithful.insertion(network.score, network.picture, heat)
    return {
        "drop": float(faithful.drop(before, after)),
        "increase": float(faithful.increase(before, after)),
        "deletion": gone.auc,
        "insertion": back.auc,
        "deletion_curve": gone.scores.tolist(),
        "insertion_curve": back.scores.tolist(),
    }


def road(_: Item, image: Image, subject: Subject, ask: Ask) -> Figures:
    from livecam.evaluation.road import road as removed

    network = ask()
    heat = network.heat(subject.look(image, network.class_idx), image)
    found = removed(network.score, network.picture, heat, shape.ARCC_FRACTIONS)
    return {
        "road": found.combined,
        "road_most": found.most_first,
        "road_least": found.least_first,
        "arcc": shape.arcc(_coherency(subject, network, heat), shape.complexity(heat), found.combined),
    }


def conciseness(_: Item, image: Image, subject: Subject, ask: Ask) -> Figures:
    network = ask()
    heat = network.heat(subject.look(image, network.class_idx), image)
    lost = faithful.drop(*faithful.confidences(network.score, network.picture, heat, network.empty))
    complexity, coherency = shape.complexity(heat), _coherency(subject, network, heat)
    return {
        "complexity": complexity,
        "coherency": coherency,
        "adcc": shape.adcc(coherency, complexity, float(lost)),
        "concentration": shape.concentration(heat),
    }


def steadiness(_: Item, image: Image, subject: Subject, ask: Ask) -> Figures:
    network = ask()
    heat = subject.look(network.picture, network.class_idx)(network.picture)
    heats = [subject.look(one, network.class_idx)(one) for one in stability.noisy(network.picture)]
    return {
        "stability": stability.stability(heat, np.stack(heats)),
        "sensitivity": stability.max_sensitivity(heat, np.stack(heats)),
    }


def in_time(items: Sequence[Item], subject: Subject, fps: float, smooth: float) -> Figures:
    """Of all frames of a video. fps: their rate. smooth: seconds, of the maps as they are shown."""
    smoother = Smoother(smooth)
    pictures, masks = [], []
    best: list[int] = []
    held: list[int] = []
    maps: dict[str, list[Heatmap]] = {"": [], "shown_": []}
    for number, item in enumerate(items):
        image = item.picture()
        watched = subject.watch(image, number / fps, smoother)
        small = _small(image)
        pictures.append(small)
        masks.append(temporal.centre_of_mass(item.truth((image.shape[0], image.shape[1]))))
        maps[""].append(ranged(watched.frame(small)))
        if watched.stream is not None:
            maps["shown_"].append(watched.stream.shown(small))
            best.append(watched.stream.best)
            held.append(watched.stream.held)
    found: Figures = {}
    for name, series in maps.items():
        if series:
            found[f"{name}flicker"] = temporal.flicker(series, pictures)
            found[f"{name}lag"] = temporal.lag([temporal.centre_of_mass(one) for one in series], masks).frames
            found[f"{name}heat"] = float(np.mean(series))
    if held and len(items) > 1:
        seconds = (len(items) - 1) / fps
        found["changes"] = temporal.label_changes(best, seconds)
        found["shown_changes"] = temporal.label_changes(held, seconds)
    return {name: value for name, value in found.items() if np.isfinite(value)}


def _small(image: Image) -> Image:
    scale = SHOWN / max(image.shape[:2])
    return np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)


def _coherency(subject: Subject, network: Question, heat: Heatmap) -> float:
    shown = faithful.shown_by(heat, network.picture, network.empty)
    return shape.coherency(heat, subject.look(shown, network.class_idx)(shown))


def share_found(table: Table) -> Table:
    """(N, T) → (T,): the share of pictures whose box is found, at each threshold."""
    return np.asarray((table >= 0.5).mean(0))


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
    """about: what is measured, and how. cost: of a picture and subject. picture: None where videos are measured."""

    name: str
    about: str
    cost: str
    figures: tuple[Figure, ...]
    picture: Callable[[Item, Image, Subject, Ask], Figures] | None = None
    curves: tuple[Curve, ...] = ()


TEMPORAL = "temporal"
STEPS = tuple((np.arange(faithful.STEPS + 1) / faithful.STEPS).tolist())

MEASURES = {
    one.name: one
    for one in (
        Measure(
            "localisation",
            "Does the map point at the object? For the label, where there is one, else for the best class. Masks at "
            f"the size of the picture, boxes on {GRID[0]}×{GRID[1]}, maps ranged to [0, 1].",
            "one explanation",
            (
                Figure("pointing", "pointing", "higher", "pointing"),
                Figure("energy", "energy in region", "higher", "energy"),
                Figure("best_iou", "best IoU", "higher", "ious", lambda table: float(table.max(1).mean())),
                Figure("iou", "IoU at 0.5", "higher", "iou"),
                Figure("max_box_acc", "MaxBoxAcc", "higher", "box_ious", local.max_box_acc),
                Figure("max_box_acc_v2", "MaxBoxAccV2", "higher", "box_ious", local.max_box_acc_v2),
            ),
            localisation,
            (
                Curve(
                    "boxes",
                    "pictures whose box is found (IoU ≥ 0.5)",
                    "threshold",
                    tuple(local.BOX_THRESHOLDS.tolist()),
                    "box_ious",
                    share_found,
                ),
                Curve("ious", "IoU with the mask", "threshold", tuple(local.IOU_THRESHOLDS.tolist()), "ious"),
            ),
        ),
        Measure(
            "faithfulness",
            "What the probability of the best class does when the map says what may be seen.",
            f"an explanation, {2 * (faithful.STEPS + 1) + 2} forward passes",
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
            "road",
            "What it does when the hottest, or the coldest, 20, 40, 60 and 80 % are imputed.",
            "two explanations, 9 forward passes, 8 sparse linear systems",
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
            "two explanations, 2 forward passes",
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
            f"{stability.COPIES + 1} explanations",
            (
                Figure("stability", "correlation", "higher", "stability"),
                Figure("sensitivity", "max-sensitivity", "lower", "sensitivity"),
            ),
            steadiness,
        ),
        Measure(
            TEMPORAL,
            "Videos, frame after frame: maps by themselves, each ranged to [0, 1], and as they are shown, smoothed. "
            "Flicker: mean absolute change after motion compensation. Lag: frames by which the map's centre trails the "
            "mask's.",
            "an explanation a frame",
            (
                Figure("flicker", "flicker", "lower", "flicker"),
                Figure("shown_flicker", "flicker, shown", "lower", "shown_flicker"),
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
