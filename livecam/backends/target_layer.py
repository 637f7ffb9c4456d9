"""Which layers to explain: by itself the last one whose output still has positions."""

from __future__ import annotations

import difflib
from typing import NamedTuple

import torch

from livecam.backends import STAGES
from livecam.backends.layout import CHANNELS_FIRST, Layout, layout_of
from livecam.backends.transformer_layer import find_transformer_layer
from livecam.errors import ModelError, TargetLayerError, first_line

SIDE = 224  # of the square picture that a network is tried with
ACTIVATIONS = (
    torch.nn.ReLU,
    torch.nn.ReLU6,
    torch.nn.Hardswish,
    torch.nn.SiLU,
    torch.nn.GELU,
    torch.nn.LeakyReLU,
    torch.nn.ELU,
)


def find_target_layer(
    module: torch.nn.Module, classes: int, name: str | None = None, side: int = SIDE
) -> tuple[str, torch.nn.Module]:
    """Name and module of the target layer; runs ``module`` on an empty picture of ``side`` x ``side``.

    By itself: the last output (B, K, H, W) with H, W > 1 in the order of execution, after its activation. A module that
    runs several times in a pass is no candidate (its output is not *one* layer's), nor is one with a channel a class
    (the logits of a fully convolutional head, not features). A network that has none late in its pass is a transformer:
    see ``find_transformer_layer``.
    name: dotted name of a submodule, to choose it instead. Raises TargetLayerError.
    """
    if name is not None:
        return name, _by_name(module, name, side)
    outputs = _trace(module, side)
    candidates = [key for key, output in outputs.items() if output.runs == 1 and _has_positions(output.shape)]
    features = [key for key in candidates if outputs[key].shape[1] != classes] or candidates
    # In a transformer only the patches at its very start are laid out so: explaining them says nothing.
    late = bool(features) and list(outputs).index(features[-1]) >= len(outputs) / 2
    found = features[-1] if late else find_transformer_layer(module, _probe(module, side))
    if found is None:
        raise TargetLayerError(
            "no late layer whose output has positions was found: this is neither a convolutional network nor a "
            "transformer over patches; choose another --model, or name a --layer"
        )
    return found, module.get_submodule(found)


def find_target_layers(
    module: torch.nn.Module, classes: int, wish: str | None, own: str | None = None, side: int = SIDE
) -> list[str]:
    """The layers that ``wish`` asks for, in the order of execution.

    wish: dotted names with commas between; ``stages:N``, the target layer and the last layers of the N − 1 resolutions
    before it; None: the target layer. own: name of the target layer; None finds it. size: of a square picture. Raises
    TargetLayerError.
    """
    if wish is None or wish.startswith(STAGES):
        last, _ = find_target_layer(module, classes, own, side)
        return [last] if wish is None else _stages(module, last, wish, side)
    names = list(dict.fromkeys(name.strip() for name in wish.split(",")))
    for name in names:
        _by_name(module, name, side)
    return [name for name in _trace(module, side) if name in names]


def _stages(module: torch.nn.Module, last: str, wish: str, side: int) -> list[str]:
    count = wish.removeprefix(STAGES)
    if not count.isdecimal() or int(count) < 2:
        raise TargetLayerError(f"--layer {wish}: how many resolutions? At least 2, as in {STAGES}3")
    found = stage_layers(module, last, int(count), side)
    if len(found) < int(count):
        there = f"there are {len(found)} resolutions up to {last!r}" if len(found) > 1 else f"only {last!r} has one"
        raise TargetLayerError(f"--layer {wish}: {there}; ask for no more, or name the layers")
    return found


def find_layouts(module: torch.nn.Module, layers: list[str], side: int = SIDE) -> list[Layout]:
    """How the positions lie in the outputs of ``layers``. Raises TargetLayerError where there are none."""
    outputs = _trace(module, side)
    found = [layout_of(outputs[name].shape, side, _frames(module)) for name in layers]
    for name, layout in zip(layers, found, strict=True):
        if layout is None:
            raise TargetLayerError(f"layer {name!r}: its output {tuple(outputs[name].shape)} has no positions")
    return [layout for layout in found if layout is not None]


def stage_layers(module: torch.nn.Module, target_layer: str, count: int = 3, side: int = SIDE) -> list[str]:
    """The last layer of each of the last ``count`` resolutions, from fine to coarse; the target layer ends them.

    Taken after an activation function, where the network has such modules: MobileNets' blocks end in a linear layer,
    whose channels are no evidence for or against.
    """
    outputs = _trace(module, side)
    coarsest = _across(outputs[target_layer].shape, side)
    last: dict[tuple[int, bool], str] = {}
    for name in list(outputs)[: list(outputs).index(target_layer)]:
        output, across = outputs[name], _across(outputs[name].shape, side)
        if output.runs == 1 and across > coarsest and (_has_positions(output.shape) or _is_block(module, name)):
            # The activations inside of a transformer's blocks are another width's.
            last[across, output.activated and _has_positions(output.shape)] = name
    sizes = sorted({size for size, _ in last}, reverse=True)[-(count - 1) :]
    return [*(last.get((size, True)) or last[size, False] for size in sizes), target_layer]


class Candidate(NamedTuple):
    """A layer that could be explained. name: for ``--layer``. kind: of module. shape: (channels, h, w) of its map.
    moments: of a clip, so many maps."""

    name: str
    kind: str
    shape: tuple[int, int, int]
    moments: int = 1


def candidate_layers(module: torch.nn.Module, side: int = SIDE) -> list[Candidate]:
    """Every layer whose output has positions, for a picture of ``side`` x ``side``, in the order of execution.

    But those that run several times in a pass. Raises ModelError.
    """
    found: list[Candidate] = []
    for name, output in _trace(module, side).items():
        layout = layout_of(output.shape, side, _frames(module))
        if output.runs > 1 or layout is None or (layout == CHANNELS_FIRST and not _is_map(output.shape, side)):
            continue
        _, channels, height, width = layout.maps(torch.empty(output.shape, device="meta"), (side, side)).shape
        shape = (channels, height // layout.moments, width)
        found.append(Candidate(name, type(module.get_submodule(name)).__name__, shape, layout.moments))
    return found


def _is_map(shape: torch.Size, side: int) -> bool:
    """No attention matrix: more channels than positions along an edge, or a grid that divides the picture."""
    return _has_positions(shape) or side % shape[2] == 0


def _by_name(module: torch.nn.Module, name: str, side: int) -> torch.nn.Module:
    names = [key for key, _ in module.named_modules() if key]
    if name in names:
        output = _trace(module, side).get(name)
        shape = () if output is None else tuple(output.shape)
        if output is not None and layout_of(output.shape, side, _frames(module)) is not None:
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


def _trace(module: torch.nn.Module, side: int) -> dict[str, Output]:
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
            module(torch.zeros(_probe(module, side), device=first.device, dtype=first.dtype))
    except (RuntimeError, AssertionError) as error:
        shape = _probe(module, side)
        raise ModelError(f"the network does not take pictures of {shape}: {first_line(error)}") from error
    finally:
        for handle in handles:
            handle.remove()
    return outputs


def _probe(module: torch.nn.Module, side: int) -> tuple[int, int, int, int]:
    return _frames(module), 3, side, side


def _frames(module: torch.nn.Module) -> int:
    """Pictures in one input: of ``livecam.tasks.windows.Windows`` more than one."""
    return int(getattr(module, "frames", 1))


def _across(shape: torch.Size, side: int) -> int:
    """Positions along an edge; 0 where there are none."""
    layout = layout_of(shape, side)
    return 0 if layout is None else layout.side(shape)


def _is_block(module: torch.nn.Module, name: str) -> bool:
    return bool(list(module.get_submodule(name).children()))


def _has_positions(shape: torch.Size) -> bool:
    """Of a square picture: (B, K, H, H), K > H: neither a channels-last output nor an attention matrix."""
    return len(shape) == 4 and shape[1] > shape[2] == shape[3] > 1
