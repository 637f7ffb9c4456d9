"""Checkpoints: read without running code, unwrap, fit to a network, and say which tensors do not fit and why."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from livecam.errors import WeightsError, first_line

if TYPE_CHECKING:
    import torch

    from livecam.models import ModelCard, State

WRAPPERS = ("state_dict", "model_state_dict", "model")
PREFIXES = ("module.", "_orig_mod.")  # of DataParallel and of torch.compile
COUNTER = "num_batches_tracked"
DEEPEST = 4  # wrappers around each other
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

    if path.exists() and not path.is_file():  # a device never ends
        raise WeightsError(f"--weights {path}: is no file; save a model's state_dict() with torch.save")
    try:
        _refuse_a_bomb(path)
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        return torch.load(path, map_location="cpu", weights_only=True)
    except WeightsError:
        raise
    except FileNotFoundError as error:
        raise WeightsError(f"--weights {path}: no such file") from error
    except pickle.UnpicklingError as error:
        raise WeightsError(
            f"--weights {path}: holds more than tensors, or is damaged, and is not loaded since it could run code; "
            "save the model's state_dict() with torch.save"
        ) from error
    except Exception as error:
        raise WeightsError(f"--weights {path}: cannot be read as a checkpoint ({first_line(error)[:200]})") from error


def _refuse_a_bomb(path: Path) -> None:
    """torch.save compresses nothing: parts that claim more bytes than the file has are made to fill the memory."""
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as parts:
        claimed = sum(part.file_size for part in parts.infolist())
    if claimed > path.stat().st_size:
        raise WeightsError(f"--weights {path}: unpacks to {claimed} bytes, which no model's own file does; not loaded")


def _unwrap(value: Any) -> State:
    import torch

    for _ in range(DEEPEST):  # a checkpoint may contain itself
        key = next((w for w in WRAPPERS if isinstance(value, dict) and isinstance(value.get(w), dict)), None)
        value = value if key is None else value[key]
    if not isinstance(value, dict):
        return {}
    state = {str(key): tensor for key, tensor in value.items() if isinstance(tensor, torch.Tensor) and _stored(tensor)}
    for prefix in PREFIXES:
        if state and all(key.startswith(prefix) for key in state):
            state = {key.removeprefix(prefix): tensor for key, tensor in state.items()}
    return state


def _stored(tensor: torch.Tensor) -> bool:
    """Are all of its numbers there? A few bytes can claim to be a tensor of any size, all of it one number."""
    return tensor.untyped_storage().nbytes() >= tensor.numel() * tensor.element_size()


def fit(card: ModelCard, state: State, where: str) -> tuple[torch.nn.Module, int]:
    """The network of ``card`` with ``state`` loaded (evaluation mode, frozen), and its number of classes.

    Raises WeightsError naming the misfits.
    """
    module = card.build(card.classes)
    own = module.state_dict()
    state = card.adapt(of_network(state, own, where), own)
    classes = _classes(card, own, state)
    if classes != card.classes:
        module = card.build(classes)
    problems = misfits(module.state_dict(), state)
    if problems:
        raise WeightsError(f"{where}: does not fit {card.name}: {'; '.join(problems)}; is it another architecture?")
    module.load_state_dict(state, strict=False)
    return module.eval().requires_grad_(False), classes


def untrained(card: ModelCard, seed: int) -> torch.nn.Module:
    """The network of ``card`` as ``seed`` makes it (evaluation mode, frozen), on every machine the same.

    A head that begins at zero, as some Vision Transformers' do, would make every map empty: it is seeded, too.
    """
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module = card.build(card.classes).eval().requires_grad_(False)
        for tensor in module.parameters():
            if tensor.ndim == 2 and not tensor.any():
                torch.nn.init.trunc_normal_(tensor, std=0.02)
        return module


def head_name(own: State) -> str:
    """Name of the head's weight, whose first side is the number of classes: the last matrix or kernel."""
    return [key for key, tensor in own.items() if tensor.ndim in (2, 4)][-1]


def of_network(state: State, own: State, where: str) -> State:
    """The part of ``state`` that is the network with tensors ``own``, under its own names.

    A training module (Lightning's, a wrapper of one's own) saves the network as one of its parts, beside others:
    ``model.conv.weight``. Raises WeightsError when several parts would do.
    """
    wanted = [key for key in own if not key.endswith(COUNTER)]
    last = f".{wanted[-1]}"
    parts = [key.removesuffix(last) for key in state if key.endswith(last)]
    whole = [part for part in parts if all(f"{part}.{key}" in state for key in wanted)]
    if wanted[-1] in state or not whole:
        return state
    if len(whole) > 1:
        raise WeightsError(
            f"{where}: holds the network {len(whole)} times ({', '.join(whole)}); save the one to be used"
        )
    prefix = f"{whole[0]}."
    return {key.removeprefix(prefix): tensor for key, tensor in state.items() if key.startswith(prefix)}


def _classes(card: ModelCard, own: State, state: State) -> int:
    """The number of classes of ``state``: the tensors of a head differ from ``own`` in their first side alone."""
    classes = card.classes
    if card.head is not None:
        name, rows = card.head
        return int(state[name].shape[0]) // rows if name in state and state[name].ndim else classes
    found = {
        int(state[key].shape[0])
        for key, tensor in own.items()
        if key in state
        and tensor.shape[:1] == (classes,)
        and state[key].shape != tensor.shape
        and state[key].shape[1:] == tensor.shape[1:]
    }
    return found.pop() if len(found) == 1 else classes


def misfits(own: State, state: State) -> list[str]:
    """What keeps ``state`` from fitting a network with tensors ``own``; empty when it fits.

    ``num_batches_tracked`` is counted on neither side: old checkpoints have none, and inference does not use it.
    """
    ours = {key for key in own if not key.endswith(COUNTER)}
    theirs = {key for key in state if not key.endswith(COUNTER)}
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
