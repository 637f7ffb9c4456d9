"""Any classifier of timm as ``timm/NAME``; weights by timm's own download, or ``--weights FILE``."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

from livecam.errors import UnknownName
from livecam.geometry import ANY, Accepts
from livecam.models import TIMM, ModelCard
from livecam.models.hub import download
from livecam.models.labels import imagenet_labels

if TYPE_CHECKING:
    import torch

    from livecam.models import State


def timm_card(name: str) -> ModelCard:
    """The card of ``timm/NAME`` or ``timm/NAME.TAG``. Raises UnknownName."""
    import timm

    short = name.removeprefix(TIMM)
    if not timm.is_model(short):
        raise UnknownName(f"unknown model {name!r}; {_hint(short, timm.list_models())}")
    try:
        config: Any = timm.get_pretrained_cfg(short)
    except RuntimeError as error:
        tags = timm.list_pretrained(f"{short.partition('.')[0]}.*")
        raise UnknownName(f"unknown weights {name!r}; {_hint(short, tags)}") from error
    return ModelCard(
        name=name,
        build=lambda classes: _build(short, classes, config),
        state=lambda: _download(name, short),
        labels=lambda classes: _labels(config, classes),
        mean=config.mean,
        std=config.std,
        paper=str(config.paper_ids or "see its page"),
        licence=config.license or "see its page",
        origin="timm's download",
        at_hand=lambda: _cached(config),
        input_size=config.input_size[-1],
        classes=config.num_classes,
        accepts=lambda module: _accepts(module, config),
    )


def _hint(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.4) or known[:3]
    return "did you mean " + " or ".join(f"'{TIMM}{one}'" for one in close) + "?"


def _build(short: str, classes: int, config: Any) -> torch.nn.Module:
    import timm

    def build(**options: Any) -> torch.nn.Module:
        module: torch.nn.Module = timm.create_model(short, pretrained=False, num_classes=classes, **options)
        return module

    if not config.fixed_input_size:
        return build()
    try:
        return build(dynamic_img_size=True)  # its position embedding is interpolated
    except TypeError:  # an architecture that has no such thing
        return build()


def _accepts(module: torch.nn.Module, config: Any) -> Accepts:
    patches: Any = getattr(module, "patch_embed", None)
    if not config.fixed_input_size:
        return ANY
    if getattr(patches, "strict_img_size", True):
        return Accepts(side=config.input_size[-1])
    return Accepts(stride=max(patches.patch_size))


def _cached(config: Any) -> bool:
    from huggingface_hub import try_to_load_from_cache

    names = ("model.safetensors", "pytorch_model.bin")
    return bool(config.hf_hub_id) and any(isinstance(try_to_load_from_cache(config.hf_hub_id, n), str) for n in names)


def _download(name: str, short: str) -> State:
    import timm

    module = download(
        name,
        lambda: timm.create_model(short, pretrained=True),
        cached=_cached(timm.get_pretrained_cfg(short)),
        remedy="give --weights FILE, or use the built-in --model efficientnet_lite0",
    )
    return module.state_dict()


def _labels(config: Any, classes: int) -> tuple[str, ...]:
    from timm.data.imagenet_info import ImageNetInfo, infer_imagenet_subset

    if classes == 1000:
        return imagenet_labels(classes)
    subset = infer_imagenet_subset(config.to_dict())
    if subset and classes == config.num_classes:
        return tuple(ImageNetInfo(subset).label_descriptions())
    return imagenet_labels(classes)
