"""Backends: the bare network beside the same with its explanation, and beside the peers.

Of ours: uint8 RGB picture in, batch 1, normalisation inside; out come the logits (plain), or the logits and the map of
the best class at feature size (explained), as NumPy. The peers are given a normalised tensor.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livecam.backends import MODULES, Backend, open_backend
from livecam.bench.maps import ALIKE, ALIKE_BY_CHANCE, check_alike, check_map, correlation
from livecam.bench.peers import Peers, Remote, open_networks
from livecam.bench.subjects import Subject, handed_over
from livecam.bench.timing import Local, interleaved, summary
from livecam.errors import ConfigError, ModelError, TargetLayerError
from livecam.methods import MethodCard, get_method
from livecam.types import Heatmap

PLAIN = "plain"
GRADCAM = "gradcam"
CHECKED = 2  # pictures whose maps are compared before the clock runs

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Plan:
    """What to measure. backends: None for all that can. layer, device: as in the other commands."""

    backends: tuple[str, ...] | None
    precisions: tuple[str, ...]
    methods: tuple[str, ...]
    rounds: int
    layer: str | None = None
    device: str = "auto"


@dataclass(slots=True)
class Entry:
    """A contestant with what its row says. map: its map of a class in a picture, where it makes one."""

    contestant: Local | Remote
    row: Row
    map: Callable[[int, int], Heatmap] | None = None
    key: tuple[str, str] = field(default=("", ""))


def measure_backends(
    subject: Subject, pictures: NDArray[np.uint8], plan: Plan, folder: Path, peers: Peers | None
) -> tuple[list[Row], list[str]]:
    """Rows of one network on ``pictures`` (N, H, W, 3) uint8 RGB, and notes of what could not be measured.

    Raises ModelError when a map is not what it should be.
    """
    with ExitStack() as stack:
        backends, notes = open_all(subject, plan, pictures[:1])
        for backend in backends:
            stack.callback(backend.close)
        entries = [entry for backend in backends for entry in contestants(backend, pictures, plan.methods)]
        if peers is not None and GRADCAM in plan.methods:
            entries += _theirs(peers, folder, subject, backends[0].target_layer, pictures)
        _prove(entries, backends[0], pictures, by_chance=subject.random)
        seconds = interleaved([entry.contestant for entry in entries], plan.rounds)
    for entry in entries:
        entry.row |= summary(seconds[entry.contestant.name])
    _compare(entries)
    about = {"model": subject.spec.name, "weights": subject.weights, "size": int(pictures.shape[1])}
    return [about | entry.row for entry in entries], notes


def open_all(
    subject: Subject, plan: Plan, picture: NDArray[np.uint8], names: tuple[str, ...] = tuple(MODULES)
) -> tuple[list[Backend], list[str]]:
    """Every backend in every precision, and why some are missing; of ``names``, unless the plan names others.

    Raises what a backend that the plan names raises.
    """
    backends: list[Backend] = []
    notes: list[str] = []
    for name in plan.backends or names:
        for precision in plan.precisions:
            try:
                backend = open_backend(name, subject.spec, layer=plan.layer, device=plan.device, precision=precision)
                backend.forward(picture)
            except (ConfigError, ImportError, TargetLayerError) as error:
                if plan.backends:
                    raise
                notes.append(f"{name}, {precision} not measured for {subject.spec.name}: {error}")
                continue
            if any((b.name, b.precision) == (backend.name, backend.precision) for b in backends):
                backend.close()  # auto, and what auto is, were both asked for
            else:
                backends.append(backend)
    if not backends:
        raise ModelError(f"{subject.spec.name}: no backend can run it: {'; '.join(notes)}")
    return backends, notes


def contestants(backend: Backend, pictures: NDArray[np.uint8], methods: Sequence[str]) -> list[Entry]:
    """The bare network, and with each of the methods that the backend serves."""
    sync = _synchroniser(backend.device)
    about: Row = {"engine": backend.name, "device": backend.device, "precision": backend.precision}
    name = f"{backend.name} {backend.precision}"

    def picture(number: int) -> NDArray[np.uint8]:
        at = number % len(pictures)
        return pictures[at : at + 1]

    def plain(number: int) -> NDArray[np.float32]:
        return backend.plain(picture(number))

    def entry(card: MethodCard) -> Entry:
        def explained(number: int) -> Heatmap:
            tap = backend.forward(picture(number))
            return backend.numpy(card.function(tap, [int(tap.logits[0].argmax())]))

        def one(number: int, class_idx: int) -> Heatmap:
            return np.asarray(backend.numpy(card.function(backend.forward(picture(number)), [class_idx]))[0])

        title = f"{name} {card.name}"
        local = Local(title, explained, lambda maps: check_map(maps, title), sync)
        return Entry(local, about | {"task": card.name}, one, (name, card.name))

    bare = Entry(Local(f"{name} {PLAIN}", plain, sync=sync), about | {"task": PLAIN}, key=(name, PLAIN))
    cards = [get_method(method) for method in methods]
    return [bare, *(entry(card) for card in cards if not backend.lacks(card.needs))]


def _theirs(peers: Peers, folder: Path, subject: Subject, layer: str, pictures: NDArray[np.uint8]) -> list[Entry]:
    state = handed_over(subject, folder, layer)
    remotes = open_networks(peers, folder, state, pictures)
    about = {"device": "cpu", "precision": "float32", "task": GRADCAM, "peer": True}
    return [Entry(r, about | {"engine": r.name}, r.map, (r.name, GRADCAM)) for r in remotes]


def _prove(entries: list[Entry], reference: Backend, pictures: NDArray[np.uint8], *, by_chance: bool) -> None:
    """Every map of a method is compared with the first one's, of the same class in the same picture."""
    firsts: dict[str, Callable[[int, int], Heatmap]] = {}
    for number in range(min(CHECKED, len(pictures))):
        class_idx = int(reference.plain(pictures[number : number + 1])[0].argmax())
        for entry in entries:
            if entry.map is None:
                continue
            cam = entry.map(number, class_idx)
            check_map(cam, entry.contestant.name)
            value = correlation(firsts.setdefault(entry.key[1], entry.map)(number, class_idx), cam)
            rounded = by_chance and entry.row["precision"] != "float32"
            check_alike(value, ALIKE_BY_CHANCE if rounded else ALIKE, entry.contestant.name)
            entry.row["correlation"] = round(min(value, entry.row.get("correlation", 1.0)), 4)


def _compare(entries: list[Entry]) -> None:
    """``of_plain``: explained over plain throughput. ``faster``: how many times as fast as each peer."""
    p50 = {entry.key: entry.row["p50_ms"] for entry in entries}
    peers = [entry for entry in entries if entry.row.get("peer")]
    for entry in entries:
        name, task = entry.key
        entry.row["fps"] = round(1000 / entry.row["p50_ms"], 1)
        if (name, PLAIN) in p50 and task != PLAIN:
            entry.row["of_plain"] = round(p50[name, PLAIN] / entry.row["p50_ms"], 4)
        if task == GRADCAM and not entry.row.get("peer"):
            entry.row["faster"] = {
                peer.row["engine"]: round(peer.row["p50_ms"] / entry.row["p50_ms"], 2) for peer in peers
            }


def _synchroniser(device: str) -> Callable[[], None]:
    import torch

    if device.startswith("cuda"):
        return lambda: torch.cuda.synchronize(device)
    if device.startswith("mps"):
        return torch.mps.synchronize
    return lambda: None
