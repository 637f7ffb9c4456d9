"""What is found in an epoch."""

from __future__ import annotations

from dataclasses import dataclass

from livecam.training.histogram import Histogram
from livecam.types import Explanation, Image, Prediction


@dataclass(frozen=True, slots=True)
class Explained:
    """A validation picture in an epoch.

    panel: (H, W, 3) uint8 RGB: the picture, and beside it the maps of the predicted class (``for_predicted``) and of
    the true one (``for_true``).
    """

    predicted: Prediction
    true: Prediction
    for_predicted: Explanation
    for_true: Explanation
    panel: Image

    @property
    def right(self) -> bool:
        return self.predicted.class_idx == self.true.class_idx


@dataclass(frozen=True, slots=True)
class LayerStatistics:
    """A layer over the passes of training that were observed.

    activations, gradients: histograms of a sample of its output and of ∂loss/∂output (as it flows back: scaled, where
    the loss is). channels: of its output. dead: those that had the same value everywhere in every picture. broken:
    those with a NaN or an infinity. passes: observed.
    """

    name: str
    activations: Histogram
    gradients: Histogram
    channels: int
    dead: int
    broken: int
    passes: int


@dataclass(frozen=True, slots=True)
class Findings:
    """epoch: from 0. pictures: in the order in which they were given. layers: in the order of the network's modules."""

    epoch: int
    pictures: tuple[Explained, ...] = ()
    layers: tuple[LayerStatistics, ...] = ()
