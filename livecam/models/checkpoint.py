"""Checkpoints: read without running code, unwrap, fit to a network, and say which tensors do not fit and why."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import TYPE_CHECKING, Any

from livecam.errors import WeightsError, first_line

if TYPE_CHECKING:
    import torch

    from livecam.models import ModelCard, State

WRAPPERS = ("state_dict", "model_state_dict", "model")
PREFIXES = ("module.", "_orig_mod.")  # of DataParallel and of torch.compile
SHOWN = 3  # tensors named of each kind of misfit


def read_state(path: Path) -> State:
    """The state dict in a checkpoint: plain, or wrapped in ``state_dict`` or ``model``, prefixes removed.

    Reads tensors only (``weights_only=True``): a checkpoint cannot run code. Raises WeightsError.
    """
    state = _unwrap(_read(path))
    if not state:
        raise WeightsError(f"--weights {path}: holds no tensors; save a model's state_dict()")
    return state


def _read(path: Path) -> Any:
    import torch

    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        return torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise WeightsError(f"--weights {path}: no such file") from error
    except pickle.UnpicklingError as error:
        raise WeightsError(
            f"--weights {path}: holds more than tensors, or is damaged, and is not loaded since it could run code; "
            "save the model's state_dict() with torch.save"
        ) from error
    except Exception as error:
        raise WeightsError(f"--weights {path}: cannot be read as a checkpoint ({first_line(error)[:200]})") from error


def _unwrap(value: Any) -> State:
    import torch

    while isinstance(value, dict) and (key := next((w for w in WRAPPERS if isinstance(value.get(w), dict)), None)):
        value = value[key]
    if not isinstance(value, dict):
        return {}
    state = {str(key): tensor for key, tensor in value.items() if isinstance(tensor, torch.Tensor)}
    for prefix in PREFIXES:
        if state and all(key.startswith(prefix) for key in state):
            state = {key.removeprefix(prefix): tensor for key, tensor in state.items()}
    return state


def fit(card: ModelCard, state: State, where: str) -> tuple[torch.nn.Module, int]:
    """The network of ``card`` with ``state`` loaded (evaluation mode, frozen), and its number of classes.

    Raises WeightsError naming the misfits.
    """
    module, classes = card.build(card.classes), card.classes
    state = card.adapt(state, module.state_dict())
    head, rows = card.head or (head_name(module.state_dict()), 1)
    if head in state and state[head].shape[0] != classes * rows:
        classes = int(state[head].shape[0]) // rows
        module = card.build(classes)
    problems = misfits(module.state_dict(), state)
    if problems:
        raise WeightsError(f"{where}: does not fit {card.name}: {'; '.join(problems)}; is it another architecture?")
    module.load_state_dict(state, strict=False)
    return module.eval().requires_grad_(False), classes


def untrained(card: ModelCard, seed: int) -> torch.nn.Module:
    """The network of ``card`` as ``seed`` makes it (evaluation mode, frozen), on every machine the same."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return card.build(card.classes).eval().requires_grad_(False)


def head_name(own: State) -> str:
    """Name of the head's weight, whose first side is the number of classes: the last matrix or kernel."""
    return [key for key, tensor in own.items() if tensor.ndim in (2, 4)][-1]


def misfits(own: State, state: State) -> list[str]:
    """What keeps ``state`` from fitting a network with tensors ``own``; empty when it fits.

    ``num_batches_tracked`` is counted on neither side: old checkpoints have none, and inference does not use it.
    """
    ours = {key for key in own if not key.endswith("num_batches_tracked")}
    theirs = {key for key in state if not key.endswith("num_batches_tracked")}
    shapes = [
        f"{key} is {tuple(state[key].shape)}, not {tuple(own[key].shape)}"
        for key in own
        if key in theirs & ours and state[key].shape != own[key].shape
    ]
    return [
        *_some("missing", [key for key in own if key in ours - theirs]),
        *_some("unexpected", [key for key in state if key in theirs - ours]),
        *_some("of another shape", shapes),
    ]


def _some(kind: str, items: list[str]) -> list[str]:
    if not items:
        return []
    more = f" and {len(items) - SHOWN} more" if len(items) > SHOWN else ""
    return [f"{len(items)} {kind} ({', '.join(items[:SHOWN])}{more})"]
