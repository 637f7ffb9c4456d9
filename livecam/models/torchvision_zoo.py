"""torchvision's classifiers; weights by torchvision's own download, or ``--weights FILE``."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from livecam.errors import WeightsError
from livecam.geometry import Accepts
from livecam.models import IMAGENET_MEAN, IMAGENET_STD, MODELS, ModelCard
from livecam.models.labels import imagenet_labels

if TYPE_CHECKING:
    import torch

    from livecam.models import State

PAPERS = {
    "mobilenet_v2": "arXiv:1801.04381",
    "mobilenet_v3_small": "arXiv:1905.02244",
    "mobilenet_v3_large": "arXiv:1905.02244",
    "resnet18": "arXiv:1512.03385",
    "resnet50": "arXiv:1512.03385",
    "vit_b_16": "arXiv:2010.11929",
    "vit_b_32": "arXiv:2010.11929",
    "swin_t": "arXiv:2103.14030",
    "swin_v2_t": "arXiv:2111.09883",
}


def _card(name: str, paper: str) -> ModelCard:
    return ModelCard(
        name=name,
        build=builder(name),
        state=lambda: download(name),
        labels=imagenet_labels,
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
        paper=paper,
        licence="BSD-3-Clause",
        origin="torchvision's download",
        at_hand=lambda: cached(name).exists(),
        # Vision Transformers: their position embedding is of one size.
        accepts=lambda module: Accepts(side=getattr(module, "image_size", None)),
    )


def builder(name: str) -> Callable[[int], torch.nn.Module]:
    def build(classes: int) -> torch.nn.Module:
        import torchvision

        module: torch.nn.Module = torchvision.models.get_model(name, weights=None, num_classes=classes)
        return module

    return build


def published(name: str) -> Any:
    import torchvision

    return torchvision.models.get_model_weights(name).DEFAULT


def cached(name: str) -> Path:
    import torch

    return Path(torch.hub.get_dir()) / "checkpoints" / Path(published(name).url).name


def download(name: str) -> State:
    try:
        with contextlib.redirect_stdout(sys.stderr):  # it says "Downloading" where only the report belongs
            state: State = published(name).get_state_dict(progress=False, check_hash=True, weights_only=True)
    except (OSError, RuntimeError) as error:  # no network, no disk, or a wrong hash
        raise WeightsError(
            f"{name}: its weights could not be downloaded from {published(name).url} ({error}); copy them to "
            f"{cached(name)}, or name them with --weights FILE, or use the built-in --model efficientnet_lite0"
        ) from error
    return state


for _name, _paper in PAPERS.items():
    MODELS.add(_name, _card(_name, _paper))
