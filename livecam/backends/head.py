"""The head's algebra: what follows the target layer, so that Grad-CAM needs no autograd.

Where the head is GAP → Linear, y = W·ḡ + b with ḡ = mean A, the gradient is a constant over space,
    ∂y_c/∂A_k(i,j) = W[c,k] / (h·w)
and where it is GAP → Linear → act → Linear, with z = W₁·ḡ + b₁ and y = W₂·act(z) + b₂,
    ∂y_c/∂A_k(i,j) = (W₁ᵀ (act'(z) ⊙ W₂[c]))_k / (h·w)
(HiResCAM, arXiv:2011.08891, gives the first; the second is the chain rule.) 1×1 convolutions on the pooled vector are
matrices, batch normalisation folds into the matrix before it, dropout is the identity. Arrays are NumPy's, or tensors
where the engine computes on a device of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from livecam.backends.activations import ACTIVATIONS, Activation, fitting
from livecam.backends.batches import scores
from livecam.errors import TargetLayerError
from livecam.tap import Array, Floats, Need, Tap

if TYPE_CHECKING:
    import torch

WHOLE_NETWORK = {Need.AUTOGRAD, Need.BIASES, Need.ATTENTION}
TOLERANCE = 1e-4  # of the largest value: how well the algebra must reproduce the network


@dataclass(frozen=True, slots=True)
class Head:
    """last: W (C, K) of a GAP → Linear head, or W₂ (C, J) of a GAP → Linear → act → Linear head; for the latter also

    hidden: W₁ (J, K), with what normalises its output folded in. activation: its name. hidden_layer: name of the module
    whose output u (B, J) gives z = scale · u + shift, both (J,).
    """

    last: Array
    hidden: Array | None = None
    activation: str = ""
    hidden_layer: str = ""
    scale: Array | None = None
    shift: Array | None = None

    def on(self, place: Callable[[Floats], Array]) -> Head:
        """The same head with its arrays made by ``place``, e.g. tensors on a device."""
        fields = ("last", "hidden", "scale", "shift")
        return replace(self, **{name: place(array) for name in fields if (array := getattr(self, name)) is not None})

    def alpha(self, class_idx: list[int], u: Array | None, positions: int) -> Array:
        """α of Grad-CAM, the gradient's mean over space: (B, K). u: (B, J), for a head with a hidden layer."""
        rows = self.last[class_idx]
        if u is not None:
            act, z = self._before(u)
            rows = (act.derivative(z) * rows) @ self.hidden
        return rows / positions

    def curvature(self, class_idx: list[int], u: Array | None, pooled: Array, positions: int) -> Array:
        """Mean over space of ∂²y_c/∂A² · A: (B, K) = W₁ᵀ (act''(z) ⊙ W₂[c] ⊙ W₁·ḡ) / (h·w). pooled: ḡ (B, K)."""
        if self.hidden is None or u is None:
            return 0 * pooled
        act, z = self._before(u)
        return (act.second(z) * self.last[class_idx] * (pooled @ self.hidden.T)) @ self.hidden / positions

    def along(self, change: Array, u: Array | None) -> Array:
        """∂y/∂ḡ · change: what a small change (B, K) of the pooled ḡ adds to all logits, (B, C)."""
        if self.hidden is not None and u is not None:
            act, z = self._before(u)
            change = act.derivative(z) * (change @ self.hidden.T)
        return change @ self.last.T

    def moved(self, class_idx: list[int], step: Array, u: Array | None) -> Array:
        """What steps (N, K) of the pooled ḡ of one picture, of any length, add to the logits ``class_idx``:
        (N, len(class_idx)). u: (1, J)."""
        if self.hidden is not None and u is not None:
            act, z = self._before(u)
            step = act.function(z + step @ self.hidden.T) - act.function(z)
        return step @ self.last[class_idx].T

    def _before(self, u: Array) -> tuple[Activation, Array]:
        """The activation, and z (B, J) that it is given."""
        return ACTIVATIONS[self.activation], u * self.scale + self.shift


def host(array: Array) -> Floats:
    """float32 NumPy, of an engine whose arrays are NumPy's."""
    return np.asarray(array, np.float32)


@dataclass(frozen=True, slots=True)
class Engine:
    """What a tap asks of the engine it came from. run: inputs (B, 3, H, W) in the network's own range → logits, A, u as
    ``closed_form`` takes them. numpy: its arrays as NumPy. place: NumPy as its arrays.
    """

    run: Callable[[Floats], tuple[Floats, Array, Array | None]]
    numpy: Callable[[Array], Floats] = host
    place: Callable[[Floats], Array] = host


def lacks(head: Head, needs: frozenset[Need]) -> frozenset[Need]:
    """Which of ``needs`` ``closed_form`` does not have."""
    return needs & (WHOLE_NETWORK if head.hidden is None else WHOLE_NETWORK | {Need.LINEAR})


def closed_form(
    head: Head, logits: Floats, activations: Array, u: Array | None, inputs: Callable[[], Floats], engine: Engine
) -> Tap:
    """A Tap without autograd. activations (B, K, h, w) and u (B, J), for a head with a hidden layer, as ``head`` is.
    inputs: makes what ``engine`` was given."""
    positions = activations.shape[2] * activations.shape[3]

    def alpha(class_idx: list[int]) -> Array:
        return head.alpha(class_idx, u, positions)

    def gradients(class_idx: list[int]) -> Array:
        everywhere = alpha(class_idx)[:, :, None, None]
        if isinstance(everywhere, np.ndarray):
            return np.broadcast_to(everywhere, activations.shape)
        return everywhere.expand(activations.shape)

    def votes(y: int, x: int) -> tuple[Array, bool]:
        return head.along(activations[:, :, y, x] / positions, u), head.hidden is None

    def tail(row: int, class_idx: list[int], channels: Floats, places: Floats) -> Floats:
        A = activations[row].reshape(-1, positions)  # noqa: N806  the papers' symbol
        pooled = engine.place(channels) * (engine.place(places).reshape(-1, positions) @ A.T) / positions
        own = None if u is None else u[row : row + 1]
        return logits[row, class_idx] + engine.numpy(head.moved(class_idx, pooled - A.mean(1), own))

    tap = Tap(
        logits,
        activations,
        gradients,
        alpha,
        votes,
        numpy=engine.numpy,
        curvature=lambda class_idx: head.curvature(class_idx, u, activations.mean((-2, -1)), positions),
        tail=tail,
        inputs=inputs,
        score=lambda row, class_idx, others: scores(lambda x: engine.run(x)[0], class_idx, others),
        rerun=lambda x: closed_form(head, *engine.run(x), lambda: x, engine),
    )
    return tap if head.hidden is not None else replace(tap, weights=lambda class_idx: head.last[class_idx])


def find_head(module: torch.nn.Module, target_layer: str, classes: int) -> Head:
    """The head behind ``target_layer``, proven on two pictures of another shape; runs ``module`` twice.

    Raises TargetLayerError with the reason when it is another kind of head.
    """
    import torch

    generator = torch.Generator().manual_seed(0)
    steps = _steps_after(module, target_layer, torch.rand((2, 3, 224, 224), generator=generator) * 2 - 1)
    matrices = _matrices(steps)
    if not 1 <= len(matrices) <= 2 or matrices[-1].weight.shape[0] != classes:
        raise TargetLayerError(f"behind {target_layer} there are {len(matrices)} linear layers, not one or two")
    first, last = matrices[0], matrices[-1]
    kinds = {type(part).__name__.lower() for _, part, _ in steps}
    activation = "" if first is last else _activation(target_layer, first, last, kinds)
    _prove(module, target_layer, matrices, activation, torch.rand((2, 3, 160, 192), generator=generator) * 2 - 1)
    if first is last:
        return Head(first.scale[:, None] * first.weight)
    hidden = first.scale[:, None] * first.weight
    return Head(last.scale[:, None] * last.weight, hidden, activation, first.name, first.scale, first.shift)


@dataclass(slots=True)
class _Matrix:
    """A linear step u = weight·x + bias on vectors, and what normalises it: z = scale·u + shift.

    name: of the module that gives u. x: (B, n) what it was given.
    """

    name: str
    weight: Floats
    bias: Floats
    scale: Floats
    shift: Floats
    x: Floats

    def __call__(self, x: Floats) -> Floats:
        return np.asarray((x @ self.weight.T + self.bias) * self.scale + self.shift, np.float32)


_Step = tuple[str, Any, Any]


def _steps_after(module: torch.nn.Module, target_layer: str, pictures: torch.Tensor) -> list[_Step]:
    """(name, module, its input) of the leaves and normalisations that run after the target layer, in order."""
    import torch

    steps: list[_Step] = []

    def note(name: str, part: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        leaf = not list(part.children()) or isinstance(part, torch.nn.BatchNorm2d)
        if leaf and inputs and isinstance(inputs[0], torch.Tensor):
            steps.append((name, part, inputs[0].clone()))  # what follows may work in place

    handles = [
        part.register_forward_pre_hook(lambda part, inputs, name=name: note(name, part, inputs))
        for name, part in module.named_modules()
        if name
    ]
    handles.append(module.get_submodule(target_layer).register_forward_hook(lambda *_: steps.clear()))
    try:
        _run(module, target_layer, pictures)
    finally:
        for handle in handles:
            handle.remove()
    return steps


def _run(module: torch.nn.Module, target_layer: str, pictures: torch.Tensor) -> torch.Tensor:
    import torch

    try:
        with torch.no_grad():
            logits: torch.Tensor = module(pictures)
    except (RuntimeError, AssertionError, ValueError) as error:
        size = "×".join(map(str, pictures.shape[2:]))
        raise TargetLayerError(
            f"what follows {target_layer} is not proven: pictures of {size} are not taken"
        ) from error
    return logits


def _matrices(steps: list[_Step]) -> list[_Matrix]:
    import torch

    found: list[_Matrix] = []
    for name, part, x in steps:
        if isinstance(part, torch.nn.BatchNorm2d) and found:
            norm: Any = part
            scale = (norm.weight / torch.sqrt(norm.running_var + norm.eps)).detach().numpy()
            found[-1].shift = norm.bias.detach().numpy() - norm.running_mean.numpy() * scale
            found[-1].scale = scale
        pointwise = isinstance(part, torch.nn.Conv2d) and part.kernel_size == (1, 1) and part.groups == 1
        if isinstance(part, torch.nn.Linear) or pointwise:
            weight = part.weight.detach().float().flatten(1).numpy()
            size = weight.shape[0]
            bias = np.zeros(size, np.float32) if part.bias is None else part.bias.detach().float().numpy()
            ones, zeros = np.ones(size, np.float32), np.zeros(size, np.float32)
            found.append(_Matrix(name, weight, bias, ones, zeros, x.flatten(1).numpy()))
    return found


def _activation(target_layer: str, first: _Matrix, last: _Matrix, kinds: set[str]) -> str:
    """kinds: of the modules behind the target layer, in lower case."""
    if first.x.shape[1] == first.weight.shape[1] and last.x.shape[1] == first.weight.shape[0]:
        found = fitting(first(first.x), last.x)
        if found:  # below 6, ReLU and ReLU6 fit alike: the module's name decides
            return next((name for name in found if name in kinds), found[0])
    known = ", ".join(ACTIVATIONS)
    raise TargetLayerError(f"behind {target_layer}, between {first.name} and {last.name}, is none of {known}")


def _prove(
    module: torch.nn.Module, target_layer: str, matrices: list[_Matrix], activation: str, pictures: torch.Tensor
) -> None:
    """Compute the logits from A by the algebra and compare: whatever else the head does shows here."""
    taken: list[torch.Tensor] = []
    handle = module.get_submodule(target_layer).register_forward_hook(
        lambda _m, _i, output: taken.append(output.clone())
    )
    try:
        logits = _run(module, target_layer, pictures).float().numpy()
    finally:
        handle.remove()
    vector: Floats = taken[0].float().flatten(2).mean(-1).numpy()
    if vector.shape[1] != matrices[0].weight.shape[1]:
        raise TargetLayerError(f"what follows {target_layer} is not pooled to one position")
    for matrix in matrices:
        vector = matrix(vector)
        if matrix is not matrices[-1]:
            vector = ACTIVATIONS[activation].function(vector)
    if np.abs(vector - logits).max() > TOLERANCE * np.abs(logits).max():
        raise TargetLayerError(f"what follows {target_layer} is not pooling and linear layers alone")
