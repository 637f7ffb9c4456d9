"""What is measured: a network with weights, on pictures of a clip."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livecam.errors import SourceError
from livecam.geometry import plan, take
from livecam.models import Colour, ModelSpec, get_card, random_seed
from livecam.sources import open_source
from livecam.types import Image

COUNT, STEP = 8, 30  # pictures, and how far apart they are: eight different ones of ten seconds
SEED = 0


@dataclass(frozen=True, slots=True)
class Subject:
    """spec: the network; its ``weights`` is None where the published ones are on this machine. weights: in words."""

    spec: ModelSpec
    weights: str
    random: bool = False


def subject(
    name: str, folder: Path, pictures: list[Image], *, weights: Path | None, mean: Colour | None, std: Colour | None
) -> Subject:
    """The network ``name``. Where neither ``weights`` nor the published ones are at hand it gets random ones, written
    into ``folder``: they are as fast.

    pictures: (H, W, 3) uint8 RGB each, on which the batch norms of random weights are calibrated.
    Raises UnknownName.
    """
    card = get_card(name)
    if weights is not None:
        seed = random_seed(weights)
        words = weights.name if seed is None else f"random, seed {seed}"
        return Subject(ModelSpec(name, weights, None, mean, std), words, random=seed is not None)
    if card.at_hand():
        return Subject(ModelSpec(name, None, None, mean, std), "published")
    path = folder / f"{name.replace('/', '_')}.pth"
    _write_random(name, path, squares(pictures, card.input_size))
    return Subject(ModelSpec(name, path, None, mean, std), f"random, seed {SEED}", random=True)


def clip_pictures(clip: str, count: int = COUNT, step: int = STEP) -> list[Image]:
    """Up to ``count`` pictures of ``clip``, every ``step``-th. Raises SourceError."""
    pictures: list[Image] = []
    with open_source(clip) as source:
        while len(pictures) < count and (frame := source.read()) is not None:
            if frame.index % step == 0:
                pictures.append(frame.image)
    if not pictures:
        raise SourceError(f"{clip}: no picture in it could be decoded; is the file damaged?")
    return pictures


def squares(pictures: list[Image], size: int) -> NDArray[np.uint8]:
    """The middle of each picture, as the peers' examples crop it: (N, size, size, 3) uint8 RGB."""
    parts = [(picture, *plan("crop", picture.shape[:2], size)) for picture in pictures]
    return np.stack([take(picture, region, target) for picture, target, region in parts])


def handed_over(subject: Subject, folder: Path, layer: str | None) -> dict[str, Any]:
    """The network for another process: ``{name, classes, layer, weights, mean, std}``, its state dict in a file of
    ``folder``. Raises WeightsError, TargetLayerError."""
    import torch

    from livecam.backends.target_layer import find_target_layer

    loaded = subject.spec.load()
    weights = folder / "handed-over.pth"
    torch.save(loaded.module.state_dict(), weights)
    classes = len(loaded.labels)
    layer, _ = find_target_layer(loaded.module, classes, layer or loaded.layer)
    return {
        "name": subject.spec.name,
        "classes": classes,
        "layer": layer,
        "weights": str(weights),
        "mean": loaded.mean,
        "std": loaded.std,
    }


def _write_random(name: str, path: Path, pictures: NDArray[np.uint8]) -> None:
    """Seeded weights whose batch norms have seen ``pictures``: as they are initialised, activations would vanish from
    block to block down to denormal numbers, which are slow, and maps would be flat."""
    import torch

    card = get_card(name)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        module = card.build(card.classes).eval()
    for part in module.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            part.reset_running_stats()
            part.momentum = None  # the plain mean
            part.train()
    mean, std = torch.tensor(card.mean).view(3, 1, 1), torch.tensor(card.std).view(3, 1, 1)
    with torch.no_grad():
        module((torch.from_numpy(pictures).permute(0, 3, 1, 2) / 255 - mean) / std)
    torch.save(module.state_dict(), path)
