"""A network whose graph gives, beside the logits, what the head's algebra needs; for engines that have no autograd."""

from __future__ import annotations

import torch

from livecam.backends.head import Head


class Tapped(torch.nn.Module):
    """x (B, 3, H, W) → logits (B, C), A (B, K, h, w), and u (B, J) where the head has a hidden layer."""

    def __init__(self, module: torch.nn.Module, target_layer: str, head: Head) -> None:
        super().__init__()
        self.module = module
        self.layers = [target_layer, head.hidden_layer] if head.hidden_layer else [target_layer]

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        taken: dict[str, torch.Tensor] = {}

        def take(name: str, output: torch.Tensor) -> None:
            # A clone, for what follows may work in place. The last run of a module counts, as in find_target_layer.
            taken[name] = output.clone()

        handles = [
            self.module.get_submodule(name).register_forward_hook(lambda _m, _i, output, name=name: take(name, output))
            for name in self.layers
        ]
        try:
            logits = self.module(x)
        finally:
            for handle in handles:
                handle.remove()
        activations, *hidden = (taken[name] for name in self.layers)
        return (logits, activations, *(u.flatten(1) for u in hidden))


def exported(
    module: torch.nn.Module, target_layer: str, head: Head, size: tuple[int, int]
) -> torch.export.ExportedProgram:
    """The graph of ``Tapped`` for pictures of ``size`` (H, W) and any batch.

    The size is fixed since networks with "same" padding compute it in Python, from the size. Hooks run at trace time,
    hence ``strict=False``.
    """
    return torch.export.export(
        Tapped(module, target_layer, head).eval(),
        (torch.zeros(2, 3, *size),),
        dynamic_shapes={"x": {0: torch.export.Dim("batch", min=1)}},
        strict=False,
    )
