"""Which layers to explain: by itself the last one whose output still has positions."""

from __future__ import annotations

import difflib
from typing import NamedTuple

import torch

from livecam.backends import STAGES
from livecam.errors import ModelError, TargetLayerError

PROBE = (1, 3, 224, 224)
ACTIVATIONS = (
    torch.nn.ReLU,
    torch.nn.ReLU6,
    torch.nn.Hardswish,
    torch.nn.SiLU,
    torch.nn.GELU,
    torch.nn.LeakyReLU,
    torch.nn.ELU,
)


def find_target_layer(module: torch.nn.Module, classes: int, name: str | None = None) -> tuple[str, torch.nn.Module]:
    """Name and module of the target layer; runs ``module`` once on an empty picture.

    By itself: the last output (B, K, H, W) with H, W > 1 in the order of execution, after its activation. A module that
    runs several times in a pass is no candidate (its output is not *one* layer's), nor is one with a channel a class
    (the logits of a fully convolutional head, not features).
    name: dotted name of a submodule, to choose it instead. Raises TargetLayerError.
    """
    if name is not None:
        return name, _by_name(module, name)
    outputs = _trace(module)
    candidates = [key for key, output in outputs.items() if output.runs == 1 and _has_positions(output.shape)]
    features = [key for key in candidates if outputs[key].shape[1] != classes] or candidates
    # In a transformer only the patches at its very start are laid out so: explaining them says nothing.
    if not features or list(outputs).index(features[-1]) < len(outputs) / 2:
        raise TargetLayerError(
            "no late layer with an output (batch, channels, height, width) was found: this is no convolutional "
            "network; choose another --model, or name a --layer"
        )
    return features[-1], module.get_submodule(features[-1])


def find_target_layers(module: torch.nn.Module, classes: int, wish: str | None, own: str | None = None) -> list[str]:
    """The layers that ``wish`` asks for, in the order of execution.

    wish: dotted names with commas between; ``stages:N``, the target layer and the last layers of the N − 1 resolutions
    before it; None: the target layer. own: name of the target layer; None finds it. Raises TargetLayerError.
    """
    if wish is None or wish.startswith(STAGES):
        last, _ = find_target_layer(module, classes, own)
        return [last] if wish is None else stage_layers(module, last, _count(wish))
    names = list(dict.fromkeys(name.strip() for name in wish.split(",")))
    for name in names:
        _by_name(module, name)
    return [name for name in _trace(module) if name in names]


def _count(wish: str) -> int:
    count = wish.removeprefix(STAGES)
    if not count.isdecimal() or int(count) < 2:
        raise TargetLayerError(f"--layer {wish}: how many resolutions? At least 2, as in {STAGES}3")
    return int(count)


def stage_layers(module: torch.nn.Module, target_layer: str, count: int = 3) -> list[str]:
    """The last layer of each of the last ``count`` resolutions, from fine to coarse; the target layer ends them.

    Taken after an activation function, where the network has such modules: MobileNets' blocks end in a linear layer,
    whose channels are no evidence for or against.
    """
    outputs = _trace(module)
    coarsest = outputs[target_layer].shape[2:]
    last: dict[tuple[torch.Size, bool], str] = {}
    for name in list(outputs)[: list(outputs).index(target_layer)]:
        output = outputs[name]
        if output.runs == 1 and _has_positions(output.shape) and output.shape[2:] != coarsest:
            last[output.shape[2:], output.activated] = name
    sizes = sorted({size for size, _ in last}, reverse=True)[-(count - 1) :]
    return [*(last.get((size, True)) or last[size, False] for size in sizes), target_layer]


def _by_name(module: torch.nn.Module, name: str) -> torch.nn.Module:
    names = [key for key, _ in module.named_modules() if key]
    if name in names:
        output = _trace(module).get(name)
        shape = () if output is None else tuple(output.shape)
        if len(shape) == 4:
            return module.get_submodule(name)
        raise TargetLayerError(f"layer {name!r}: its output {shape} has no positions; choose an earlier --layer")
    close = difflib.get_close_matches(name, names, n=3)
    hint = (
        "did you mean " + " or ".join(map(repr, close)) + "?" if close else f"the outermost: {', '.join(_top(module))}"
    )
    raise TargetLayerError(f"no layer {name!r}; {hint}")


def _top(module: torch.nn.Module) -> list[str]:
    return [key for key, _ in module.named_children()]


class Output(NamedTuple):
    """shape: of a module's last output. activated: is it an activation function's? runs: in one pass."""

    shape: torch.Size
    activated: bool
    runs: int


def _trace(module: torch.nn.Module) -> dict[str, Output]:
    """By name, in the order in which the modules end."""
    outputs: dict[str, Output] = {}
    activated: list[torch.Tensor] = []

    def note(name: str, part: torch.nn.Module, output: object) -> None:
        if isinstance(output, torch.Tensor):
            if isinstance(part, ACTIVATIONS):
                activated.append(output)
            runs = outputs.pop(name).runs if name in outputs else 0  # popped: the last run decides the place
            outputs[name] = Output(output.shape, any(output is one for one in activated), runs + 1)

    handles = [
        child.register_forward_hook(lambda part, _inputs, output, name=name: note(name, part, output))
        for name, child in module.named_modules()
        if name
    ]
    try:
        first = next(module.parameters())
        with torch.inference_mode():
            module(torch.zeros(PROBE, device=first.device, dtype=first.dtype))
    except RuntimeError as error:
        raise ModelError(f"the network does not take pictures of {PROBE}: {error}") from error
    finally:
        for handle in handles:
            handle.remove()
    return outputs


def _has_positions(shape: torch.Size) -> bool:
    """Of a square picture: (B, K, H, H), K > H: neither a channels-last output nor an attention matrix."""
    return len(shape) == 4 and shape[1] > shape[2] == shape[3] > 1
