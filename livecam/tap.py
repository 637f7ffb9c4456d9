"""Tap: what a backend takes out of one forward pass, and what a method makes a map of."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from livecam.errors import ModelError

Array = Any
"""A NumPy array or a tensor of the backend: methods use only what both have."""

Floats = NDArray[np.float32]


class Need(StrEnum):
    """What a method needs beyond logits and activations, and not every backend has for every network."""

    GRADIENTS = "gradients at the target layer"
    LINEAR = "a head of pooling and one linear layer"
    TAIL = "the network after the target layer"
    FORWARDS = "more forward passes"
    AUTOGRAD = "autograd of the whole network"
    BIASES = "convolutions and batch normalisation alone"
    ATTENTION = "the attention maps of a Vision Transformer"


class Gradients(Protocol):
    def __call__(self, class_idx: list[int]) -> Array:
        """dy_c/dA: (B, K, H, W), for logit y of class ``class_idx[b]`` in picture b."""
        ...


class Votes(Protocol):
    def __call__(self, y: int, x: int) -> tuple[Array, bool]:
        """What cell (y, x) of A adds to every logit, Σ_k ∂y_c/∂A_k(y,x) · A_k(y,x): (B, C), in logit units.

        And whether that is exact: the logits are linear in A, so that the sum over all cells and the bias is the logit.
        """
        ...


class TailScores(Protocol):
    def __call__(self, row: int, class_idx: list[int], channels: Floats, places: Floats) -> Floats:
        """(N, len(class_idx)) logits when the target layer of picture ``row`` gives, instead of A (K, H, W),
        A · channels[n] · places[n]. channels: (N, K). places: (N, H, W)."""
        ...


class Scores(Protocol):
    def __call__(self, row: int, class_idx: list[int], inputs: Iterable[Floats]) -> Floats:
        """(N, len(class_idx)) logits of inputs (3, height, width) in place of picture ``row``, batch after batch."""
        ...


class InputGradients(Protocol):
    def __call__(self, class_idx: list[int], *, guided: bool, against: list[int] | None = None) -> Floats:
        """dy_c/dx: (B, 3, height, width). guided: every activation function passes only positive gradients back.
        against: of y_c − y_d; guided gradients of a difference are no difference of guided gradients."""
        ...


class BiasTerms(Protocol):
    def __call__(self, class_idx: list[int], *, against: list[int] | None = None) -> list[Floats]:
        """b · dy_c/db, (B, k, h, w), of every layer with a bias; against: of y_c − y_d."""
        ...


class Stages(Protocol):
    def __call__(self, class_idx: list[int], *, against: list[int] | None = None) -> list[tuple[Array, Array]]:
        """(A, dy_c/dA) of the last layer of each of the last resolutions, from fine to coarse, the target layer's;
        against: of y_c − y_d."""
        ...


@dataclass(frozen=True, slots=True)
class Attention:
    """Of each block that attends from every position to every position, in order: scores QKᵀ/√d, maps = softmax of
    them over the last axis, and gradients ∂y/∂maps, each (B, heads, N, N). N = prefix + h·w tokens, row by row behind
    class and register tokens; grid: (h, w). gradients: empty where no class was given."""

    scores: list[Array]
    maps: list[Array]
    gradients: list[Array]
    prefix: int
    grid: tuple[int, int]


class AttentionMaps(Protocol):
    def __call__(
        self, class_idx: list[int] | None, *, formed: bool = False, against: list[int] | None = None
    ) -> Attention:
        """y: the logit of ``class_idx[b]`` in picture b, less that of ``against[b]``; formed: for each block, the logit
        that the mean of its own tokens would have, what has been formed up to there."""
        ...


def _absent(*_: Any, **__: Any) -> Any:
    raise ModelError("this backend does not have what the method needs; use --backend torch")


@dataclass(frozen=True, slots=True)
class Tap:
    """logits: (B, C) float32 NumPy. activations: (B, K, H, W), the target layer's output A. gradients: of a logit by A.
    alpha: their mean over space, (B, K), which a backend may know without making the gradients. votes: of one cell for
    all classes; None where there are no gradients.

    What follows is there where the backend says so (``Backend.lacks``); else it raises ModelError.
    numpy: an array of the backend as float32 NumPy. curvature: mean over space of ∂²y_c/∂A² · A, (B, K). weights: W[c]
    of a head y = W·mean(A) + b, (B, K). tail: logits of changed activations. inputs: x (B, 3, height, width) in the
    network's own range, in which 0 is the mean colour. score: logits of other inputs. rerun: the tap of another x.
    input_gradients: of a logit by x. bias_terms: of a logit by every bias. stages: earlier layers. others: taps of the
    same pass at further layers, from the nearest to the target layer to the first. attention: maps of every block.
    moments: of a clip, A and the maps made of it are so many, one above the other.

    A tap lives until the backend's next forward pass, and belongs to the thread that made it.
    """

    logits: Floats
    activations: Array
    gradients: Gradients
    alpha: Gradients
    votes: Votes | None = None
    numpy: Callable[[Array], Floats] = _absent
    curvature: Gradients = _absent
    weights: Gradients = _absent
    tail: TailScores = _absent
    inputs: Callable[[], Floats] = _absent
    score: Scores = _absent
    rerun: Callable[[Floats], Tap] = _absent
    input_gradients: InputGradients = _absent
    bias_terms: BiasTerms = _absent
    stages: Stages = _absent
    others: tuple[Tap, ...] = ()
    attention: AttentionMaps = _absent
    moments: int = 1


def contrast(tap: Tap, against: list[int]) -> Tap:
    """The tap of a network whose logits are y − y_d, d = ``against[b]`` in picture b: a method's map of it, for a class
    c, shows why c and not d. ``votes`` stay those of y.

    Prabhushankar et al., "Contrastive Explanations in Neural Networks", ICIP 2020, arXiv:2008.00178; here on the
    logits, whose difference is what decides between the two.
    """

    def difference(of: Gradients) -> Gradients:
        return lambda class_idx: of(class_idx) - of(against)

    def tail(row: int, class_idx: list[int], channels: Floats, places: Floats) -> Floats:
        return _less_the_last(tap.tail(row, [*class_idx, against[row]], channels, places))

    def score(row: int, class_idx: list[int], inputs: Iterable[Floats]) -> Floats:
        return _less_the_last(tap.score(row, [*class_idx, against[row]], inputs))

    return replace(
        tap,
        logits=tap.logits - tap.logits[np.arange(len(against)), against][:, None],
        gradients=difference(tap.gradients),
        alpha=difference(tap.alpha),
        curvature=difference(tap.curvature),
        weights=difference(tap.weights),
        tail=tail,
        score=score,
        rerun=lambda x: contrast(tap.rerun(x), against),
        input_gradients=partial(tap.input_gradients, against=against),
        bias_terms=partial(tap.bias_terms, against=against),
        stages=partial(tap.stages, against=against),
        others=tuple(contrast(other, against) for other in tap.others),
        attention=partial(tap.attention, against=against),
    )


def window(tap: Tap, starts: list[int], count: int) -> Tap:
    """The tap of a network whose logits are, in picture b, the ``count`` columns from ``starts[b]`` on: those of one
    question among many, to a method a classifier like any other. ``tap`` itself where they are all there is."""
    if count == tap.logits.shape[1]:
        return tap

    def moved(class_idx: list[int]) -> list[int]:
        return [start + number for start, number in zip(starts, class_idx, strict=True)]

    def of(function: Callable[..., Any]) -> Callable[..., Any]:
        def asked(class_idx: list[int] | None, *, against: list[int] | None = None, **options: Any) -> Any:
            rivals = {} if against is None else {"against": moved(against)}
            return function(None if class_idx is None else moved(class_idx), **rivals, **options)

        return asked

    def votes(y: int, x: int) -> tuple[Array, bool]:
        assert tap.votes is not None
        shares, exact = tap.votes(y, x)
        return shares[:, starts[0] : starts[0] + count], exact

    def of_row(function: Callable[..., Floats]) -> Callable[..., Floats]:
        return lambda row, class_idx, *given: function(row, [starts[row] + number for number in class_idx], *given)

    return replace(
        tap,
        logits=np.stack([row[start : start + count] for start, row in zip(starts, tap.logits, strict=True)]),
        gradients=of(tap.gradients),
        alpha=of(tap.alpha),
        votes=votes if tap.votes and len(set(starts)) == 1 else None,
        curvature=of(tap.curvature),
        weights=of(tap.weights),
        tail=of_row(tap.tail),
        score=of_row(tap.score),
        rerun=lambda x: window(tap.rerun(x), starts, count),
        input_gradients=of(tap.input_gradients),
        bias_terms=of(tap.bias_terms),
        stages=of(tap.stages),
        others=tuple(window(other, starts, count) for other in tap.others),
        attention=of(tap.attention),
    )


def _less_the_last(logits: Floats) -> Floats:
    return logits[:, :-1] - logits[:, -1:]
