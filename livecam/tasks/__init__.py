"""Tasks: what a network's numbers mean, and which of them may be explained.

A network under explanation is a module with a matrix (B, N) as output, and whoever explains one of its columns
(``Tap``, the methods, the backends) need not know more. A task is the rest, a file each:

* ``wrap`` makes that module of a library's own, once its weights are loaded. It takes over the library's parts under
  their names, so that a checkpoint and ``--layer`` are spelled as there. What is read but never explained (boxes, a map
  of classes) are columns too: nothing travels beside the matrix, and any backend could carry it.
* ``scores`` reads what is seen: (B, C) in [0, 1] from the matrix.
* ``targets`` reads what is to be explained. Each names the first of C columns that are the logits of one question
  ("what is this picture, this box?"): to the methods a classifier of its own (``livecam.tap.window``).

``ModelCard.task`` says which one a model has; CLASSIFICATION asks for nothing that is not there anyhow. A task is
frozen and keeps nothing from picture to picture: what lasts (the number of an object) is ``livecam.smoothing``'s.

A task whose output is logits of classes is a Classification with other fields, and needs no class of its own. One whose
input is more than one picture needs a backend that takes that first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from livecam.errors import ModelError
from livecam.geometry import Region
from livecam.tap import Floats, Need

if TYPE_CHECKING:
    import torch


class Target(NamedTuple):
    """One thing to explain.

    class_idx: why it is this. score: in [0, 1]. start: the first of the C columns that are its logits. box: of what was
    found, (y0, x0, y1, x1) in fractions of the network's input; None: the whole of it, or ``mask``. mask: (h, w) bool
    over the input. track: the number of what was found, where it is followed from picture to picture.
    """

    class_idx: int
    score: float
    start: int = 0
    box: Region | None = None
    mask: NDArray[np.bool_] | None = None
    track: int | None = None


class Task(Protocol):
    """See the module. Frozen."""

    @property
    def name(self) -> str: ...

    @property
    def engines(self) -> tuple[str, ...]:
        """The backends that can do it; () for all."""
        ...

    @property
    def lacks(self) -> frozenset[Need]:
        """What a method cannot have, whatever the backend."""
        ...

    @property
    def many(self) -> bool:
        """Is a picture explained for each thing in it, rather than for one class?"""
        ...

    @property
    def background(self) -> bool:
        """Is class 0 what belongs to no other?"""
        ...

    def wrap(self, module: torch.nn.Module) -> torch.nn.Module:
        """The library's module → one whose output is (B, N)."""
        ...

    def scores(self, numbers: Floats, classes: int) -> Floats:
        """How sure each class is in each picture: (B, N) → (B, classes) in [0, 1]. Raises ModelError for no numbers."""
        ...

    def targets(self, numbers: Floats, scores: Floats, chosen: int, *, given: bool, least: float) -> tuple[Target, ...]:
        """What is explained of one picture. numbers: (N,). scores: (C,), of it. chosen: the class that is asked for.

        given: was it named, so that nothing else is wanted? least: score from which a thing is there.
        """
        ...


@dataclass(frozen=True, slots=True)
class Classification:
    """(B, C) logits: one class of the whole picture is explained."""

    name: str = "classification"
    engines: tuple[str, ...] = ()
    lacks: frozenset[Need] = frozenset()
    many: bool = False
    background: bool = False

    def wrap(self, module: torch.nn.Module) -> torch.nn.Module:
        return module

    def scores(self, numbers: Floats, classes: int) -> Floats:
        return softmax(numbers)

    def targets(self, numbers: Floats, scores: Floats, chosen: int, *, given: bool, least: float) -> tuple[Target, ...]:
        return (Target(chosen, float(scores[chosen])),)


CLASSIFICATION = Classification()


def softmax(logits: Floats) -> Floats:
    """Logits (..., C) → probabilities. Raises ModelError when the network returned no numbers."""
    check_finite(logits)
    powers: Floats = np.exp(logits - logits.max(axis=-1, keepdims=True))
    powers /= powers.sum(axis=-1, keepdims=True)
    return powers


def check_finite(numbers: Floats) -> None:
    """Raise ModelError for NaN and infinity."""
    if not np.isfinite(numbers).all():
        raise ModelError("the network returned NaN or infinity; use --precision float32, or check the weights")
