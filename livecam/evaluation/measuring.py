"""What is measured of one picture, or of one video: a subject's map in, figures out."""

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
FOLLOWS = 0.5
"""Correlation of its path with the mask's from which on a map has a lag: one that goes its own way is not late."""


@dataclass(frozen=True, slots=True)
class Input:
    """One picture as a network takes it.

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

    def ask(self, image: Image) -> Input:
        picture, region = self._explainer.seen(image)
        class_idx = int(self._explainer.scores(picture[None])[0].argmax())
        return Input(
            picture,
            region,
            class_idx,
            self._empty,
            lambda pictures: self._explainer.scores(pictures)[:, class_idx],
        )


Ask = Callable[[], Input]


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
    changed = removed(network.score, network.picture, heat, shape.ARCC_FRACTIONS)
    return {
        "road": changed.combined,
        "road_most": changed.most_first,
        "road_least": changed.least_first,
        "arcc": shape.arcc(_coherency(subject, network, heat), shape.complexity(heat), changed.combined),
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
            late = temporal.lag([temporal.centre_of_mass(one) for one in series], masks)
            found[f"{name}follows"] = late.correlation
            if late.correlation >= FOLLOWS:
                found[f"{name}lag"] = late.frames
            found[f"{name}heat"] = float(np.mean(series))
    if held and len(items) > 1:
        seconds = (len(items) - 1) / fps
        found["changes"] = temporal.label_changes(best, seconds)
        found["shown_changes"] = temporal.label_changes(held, seconds)
    return found


def _small(image: Image) -> Image:
    scale = SHOWN / max(image.shape[:2])
    return np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)


def _coherency(subject: Subject, network: Input, heat: Heatmap) -> float:
    shown = faithful.shown_by(heat, network.picture, network.empty)
    return shape.coherency(heat, subject.look(shown, network.class_idx)(shown))
