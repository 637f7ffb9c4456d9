"""Which layer to explain: the last one whose output still has positions."""

from __future__ import annotations

import difflib

import torch

from livecam.errors import ModelError, TargetLayerError

PROBE = (1, 3, 224, 224)


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
    candidates = [key for key, (shape, runs) in outputs.items() if runs == 1 and _has_positions(shape)]
    features = [key for key in candidates if outputs[key][0][1] != classes] or candidates
    # In a transformer only the patches at its very start are laid out so: explaining them says nothing.
    if not features or list(outputs).index(features[-1]) < len(outputs) / 2:
        raise TargetLayerError(
            "no late layer with an output (batch, channels, height, width) was found: this is no convolutional "
            "network; choose another --model, or name a --layer"
        )
    return features[-1], module.get_submodule(features[-1])


def _by_name(module: torch.nn.Module, name: str) -> torch.nn.Module:
    names = [key for key, _ in module.named_modules() if key]
    if name in names:
        shape = _trace(module).get(name, ((), 0))[0]
        if len(shape) == 4:
            return module.get_submodule(name)
        raise TargetLayerError(f"layer {name!r}: its output {tuple(shape)} has no positions; choose an earlier --layer")
    close = difflib.get_close_matches(name, names, n=3)
    hint = (
        "did you mean " + " or ".join(map(repr, close)) + "?" if close else f"the outermost: {', '.join(_top(module))}"
    )
    raise TargetLayerError(f"no layer {name!r}; {hint}")


def _top(module: torch.nn.Module) -> list[str]:
    return [key for key, _ in module.named_children()]


def _trace(module: torch.nn.Module) -> dict[str, tuple[torch.Size, int]]:
    """Name → (shape of its last output, number of runs), in the order in which the modules end."""
    outputs: dict[str, tuple[torch.Size, int]] = {}

    def note(name: str, output: object) -> None:
        if isinstance(output, torch.Tensor):
            runs = outputs.pop(name, ((), 0))[1]  # popped: the last run decides the place in the order
            outputs[name] = (output.shape, runs + 1)

    handles = [
        child.register_forward_hook(lambda _module, _inputs, output, name=name: note(name, output))
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
