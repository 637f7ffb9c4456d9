"""What needs autograd of the whole network: gradients of the input, of every bias, of earlier layers.

Each function runs ``module`` once more on x (B, 3, H, W), forwards and backwards, and leaves it as it was. y is the
logit of ``class_idx[b]`` in picture b, less that of ``against[b]`` where that is given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

from livecam.backends.layout import Layout
from livecam.backends.target_layer import ACTIVATIONS
from livecam.tap import Floats

Hook = Callable[[torch.nn.Module, object, torch.Tensor], torch.Tensor | None]
Stage = tuple[str, Layout]


class _OnlyPositive(torch.autograd.Function):
    """The identity; backwards ReLU."""

    @staticmethod
    def forward(_ctx: torch.autograd.function.FunctionCtx, x: torch.Tensor) -> torch.Tensor:
        return x.clone()

    @staticmethod
    def backward(_ctx: torch.autograd.function.FunctionCtx, gradient: torch.Tensor) -> torch.Tensor:
        return gradient.clamp(min=0)


def input_gradients(
    module: torch.nn.Module, x: torch.Tensor, class_idx: list[int], *, guided: bool, against: list[int] | None = None
) -> Floats:
    """∂y/∂x (B, 3, H, W). guided: behind every activation function only positive gradients come back, which for ReLU
    is guided backpropagation, since its own gradient is 0 where its input was negative."""

    def guide(_module: torch.nn.Module, _inputs: object, output: torch.Tensor) -> torch.Tensor:
        return _OnlyPositive.apply(output)  # type: ignore[no-any-return]

    hooks: list[tuple[torch.nn.Module, Hook]] = (
        [(part, guide) for part in module.modules() if isinstance(part, ACTIVATIONS)] if guided else []
    )
    leaf = x.detach().clone().requires_grad_(True)
    with hooked(hooks):
        (gradient,) = torch.autograd.grad(total(module(leaf), class_idx, against), leaf)
    return _host(gradient)


def bias_terms(
    module: torch.nn.Module, x: torch.Tensor, class_idx: list[int], *, against: list[int] | None = None
) -> list[Floats]:
    """b ⊙ ∂y/∂z, (B, k, h, w), of each layer that adds a bias, z = … + b, before its activation, as they run.

    Of batch normalisation b is β − γ·μ/σ.
    """
    found: list[tuple[torch.Tensor, torch.Tensor]] = []

    def noting(bias: torch.Tensor) -> Hook:
        def note(_module: torch.nn.Module, _inputs: object, output: torch.Tensor) -> torch.Tensor:
            found.append((bias, output))
            return output.clone()  # what follows may work in place

        return note

    hooks = [(part, noting(bias)) for part, bias in _biases(module)]
    with hooked(hooks):
        y = total(module(x.detach().clone().requires_grad_(True)), class_idx, against)
    gradients = torch.autograd.grad(y, [output for _, output in found])
    return [_host(bias[:, None, None] * gradient) for (bias, _), gradient in zip(found, gradients, strict=True)]


def stages(
    module: torch.nn.Module,
    x: torch.Tensor,
    class_idx: list[int],
    *,
    layers: list[Stage],
    against: list[int] | None = None,
) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """(A, ∂y/∂A), float32 (B, K, h, w), of ``layers``, in the order of execution."""
    found: list[torch.Tensor] = []

    def note(_module: torch.nn.Module, _inputs: object, output: torch.Tensor) -> torch.Tensor:
        found.append(output)
        return output.clone()  # what follows may work in place

    hooks: list[tuple[torch.nn.Module, Hook]] = [(module.get_submodule(name), note) for name, _ in layers]
    with hooked(hooks):
        y = total(module(x.detach().clone().requires_grad_(True)), class_idx, against)
    size = x.shape[2], x.shape[3]
    return [
        (layout.maps(a.detach(), size).float(), layout.maps(g, size).float())
        for (_, layout), a, g in zip(layers, found, torch.autograd.grad(y, found), strict=True)
    ]


def has_all_biases(module: torch.nn.Module) -> bool:
    """Whether ``bias_terms`` knows every layer before the head that adds a bias: not those of transformers."""
    return not any(isinstance(part, torch.nn.LayerNorm | torch.nn.GroupNorm) for part in module.modules())


def _biases(module: torch.nn.Module) -> Iterator[tuple[torch.nn.Module, torch.Tensor]]:
    """(module whose output is z, b (k,))."""
    for part in module.modules():
        if isinstance(part, torch.nn.Conv2d) and part.bias is not None:
            yield part, part.bias
        if isinstance(part, torch.nn.BatchNorm2d) and part.running_mean is not None and part.running_var is not None:
            bias = part.bias - part.running_mean * part.weight / torch.sqrt(part.running_var + part.eps)
            # A normalisation with its activation inside hands z to its first child.
            yield next(iter(part.children()), part), bias


def total(logits: torch.Tensor, class_idx: list[int], against: list[int] | None = None) -> torch.Tensor:
    """The sum of y over the batch, which gives each picture its own gradient."""
    rows = torch.arange(len(class_idx), device=logits.device)
    y = logits[rows, class_idx].sum()
    return y if against is None else y - logits[rows, against].sum()


def _host(array: torch.Tensor) -> Floats:
    values: Floats = array.detach().float().cpu().numpy()
    return values


@contextmanager
def hooked(hooks: list[tuple[torch.nn.Module, Hook]]) -> Iterator[None]:
    """Forward hooks, for as long as one pass takes."""
    handles = [part.register_forward_hook(hook) for part, hook in hooks]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
