"""Which layer of a transformer to explain: the last one whose positions the answer depends on."""

from __future__ import annotations

import torch

from livecam.backends.layout import layout_of

SEED = 0


def find_transformer_layer(module: torch.nn.Module, probe: tuple[int, ...]) -> str | None:
    """Name of the last normalisation or block with positions of which the answer still depends on most; None if there
    is none. Runs ``module`` once on noise (B, 3, S, S), and backwards.

    Behind the last attention of a Vision Transformer only the class token goes on, so that there this is the first norm
    of its last block, as is the custom; of Swin, or where the patches are pooled, it is the very last norm.
    """
    outputs: dict[str, torch.Tensor] = {}
    answers: list[torch.Tensor] = []

    def note(name: str, part: torch.nn.Module, output: object) -> None:
        if isinstance(part, torch.nn.LayerNorm) or list(part.children()):
            outputs.pop(name, None)  # the last run decides the place
            if isinstance(output, torch.Tensor) and output.requires_grad and layout_of(output.shape, probe[-1]):
                outputs[name] = output

    def note_answer(_module: torch.nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        answers[:] = [inputs[0], output]

    named = [(name, part) for name, part in module.named_modules() if name]
    handles = [
        part.register_forward_hook(lambda part, _inputs, output, name=name: note(name, part, output))
        for name, part in named
    ]
    handles += [part.register_forward_hook(note_answer) for _, part in named if isinstance(part, torch.nn.Linear)]
    first, random = next(module.parameters()), torch.Generator().manual_seed(SEED)
    noise = torch.randn(probe, generator=random).to(first.device, first.dtype)
    try:
        with torch.enable_grad():
            answer = module(noise.requires_grad_(True))
    finally:
        for handle in handles:
            handle.remove()
    # What the last matrix is given counts beside what it makes of it, if that is the answer: an untrained one may be 0.
    counted = answers if answers and answers[-1] is answer else [answer]
    y = sum((one * torch.randn(one.shape, generator=random).to(one)).sum() for one in counted)
    if not isinstance(y, torch.Tensor) or not y.requires_grad or not outputs:
        return None
    gradients = torch.autograd.grad(y, list(outputs.values()), allow_unused=True)
    late = [
        name
        for (name, output), gradient in zip(outputs.items(), gradients, strict=True)
        if gradient is not None and _most_matter(gradient, probe)
    ]
    return late[-1] if late else None


def _most_matter(gradient: torch.Tensor, probe: tuple[int, ...]) -> bool:
    layout = layout_of(gradient.shape, probe[-1])
    assert layout is not None
    maps = layout.maps(gradient, (probe[-2], probe[-1]))
    return bool((maps.abs().sum(1) > 0).float().mean() > 0.5)
