"""Attention maps of Vision Transformers and their gradients, also where attention is computed in one fused step.

While one pass runs, and in its thread alone, that step is done in parts, of which the maps are one; the network itself
is not touched.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from livecam.backends.deep import hooked, total
from livecam.backends.layout import Tokens, tokens_of
from livecam.tap import Attention


@dataclass(frozen=True, slots=True)
class Blocks:
    """names: of the modules that attend once each, in order. tokens: how they lie."""

    names: list[str]
    tokens: Tokens


class _InParts(TorchFunctionMode):
    """Attention as softmax(QKᵀ/√d)·V, noting (scores, maps), and in which modules it ran.

    all_of_it: else only where there is a graph already.
    """

    def __init__(self, *, all_of_it: bool) -> None:
        super().__init__()
        self.all_of_it = all_of_it
        self.found: list[tuple[torch.Tensor, torch.Tensor]] = []
        self.where: list[tuple[str, ...]] = []
        self.running: list[str] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is functional.scaled_dot_product_attention:
            return self.attend(*args, **(kwargs or {}))
        return func(*args, **(kwargs or {}))

    def attend(
        self,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        attn_mask: torch.Tensor | None = None,
        dropout_p: float = 0.0,  # of training
        is_causal: bool = False,
        scale: float | None = None,
        enable_gqa: bool = False,
    ) -> torch.Tensor:
        if is_causal or enable_gqa or not self.wanted(query):  # the first two are text's
            return functional.scaled_dot_product_attention(
                query, key, value, attn_mask, is_causal=is_causal, scale=scale, enable_gqa=enable_gqa
            )
        scores = query @ key.transpose(-2, -1) * (query.shape[-1] ** -0.5 if scale is None else scale)
        if attn_mask is not None:
            masked = attn_mask.dtype == torch.bool
            scores = scores.masked_fill(~attn_mask, float("-inf")) if masked else scores + attn_mask
        maps = scores.softmax(-1)
        if torch.is_grad_enabled() and not maps.requires_grad:
            maps.requires_grad_(True)  # the graph begins with the first map
        self.found.append((scores, maps))
        self.where.append(tuple(self.running))
        return maps @ value

    def wanted(self, query: torch.Tensor) -> bool:
        return self.all_of_it or query.requires_grad

    def again(
        self, part: torch.nn.MultiheadAttention, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any
    ) -> Any:
        """PyTorch's own module hides its attention from a function mode: what it computes is computed anew."""
        query, key, value = (*args, *(kwargs[name] for name in ("query", "key", "value")[len(args) :]))[:3]
        plain = part.in_proj_weight is not None and part.bias_k is None and not part.add_zero_attn and part.batch_first
        if not plain or query is not key or key is not value or not self.wanted(query):
            return output
        joined = functional.linear(query, part.in_proj_weight, part.in_proj_bias)
        batch, count, width = query.shape
        query, key, value = (
            one.reshape(batch, count, part.num_heads, width // part.num_heads).transpose(1, 2)
            for one in joined.chunk(3, -1)
        )
        return part.out_proj(self.attend(query, key, value).transpose(1, 2).flatten(2)), None


def find_blocks(module: torch.nn.Module, side: int) -> Blocks | None:
    """The blocks of ``module``, which is run once; None where not every attention is from all positions to all: windows
    (Swin), pooled keys, channels."""
    first = next(module.parameters())
    with torch.no_grad(), _in_parts(module, named=True) as parts:
        module(torch.zeros((1, 3, side, side), device=first.device, dtype=first.dtype))
    shapes = {maps.shape[2:] for _, maps in parts.found}
    if len(shapes) != 1:
        return None
    ((queries, keys),) = shapes
    tokens = tokens_of(queries, side)
    if queries != keys or tokens is None or any(len(maps) > 1 for _, maps in parts.found):
        return None
    runs = [name for names in parts.where for name in names]
    # The outermost module that holds one attention and no more.
    return Blocks([next(name for name in names if runs.count(name) == 1) for names in parts.where], tokens)


def attention(
    module: torch.nn.Module,
    x: torch.Tensor,
    class_idx: list[int] | None,
    *,
    blocks: Blocks,
    formed: bool = False,
    against: list[int] | None = None,
) -> Attention:
    """See ``livecam.tap.AttentionMaps``. Runs ``module`` once on x (B, 3, H, W).

    formed: every token behind the last block is replaced by the mean of a block's tokens, for all blocks at once as a
    batch, so that whichever the head looks at, it sees that mean.
    """
    outputs: list[torch.Tensor] = []

    def note(_module: torch.nn.Module, _inputs: object, output: torch.Tensor) -> torch.Tensor | None:
        outputs.append(output)
        if not formed or len(outputs) < len(blocks.names):
            return None
        return torch.cat([one.mean(1, keepdim=True).expand_as(one) for one in outputs])

    with hooked([(module.get_submodule(name), note) for name in blocks.names]), _in_parts(module) as parts:
        logits = module(x)
    maps = [one for _, one in parts.found]
    gradients: list[torch.Tensor] = []
    if class_idx is not None and formed:
        for own, one in zip(logits.split(len(x)), maps, strict=True):
            gradients += torch.autograd.grad(total(own, class_idx, against), one, retain_graph=True)
    elif class_idx is not None:
        gradients += torch.autograd.grad(total(logits, class_idx, against), maps)
    return Attention(
        [scores.detach().float() for scores, _ in parts.found],
        [one.detach().float() for one in maps],
        [gradient.float() for gradient in gradients],
        blocks.tokens.prefix,
        blocks.tokens.grid(maps[0].shape[-1], (x.shape[2], x.shape[3])),
    )


@contextmanager
def twice_differentiable(module: torch.nn.Module) -> Iterator[None]:
    """The fused step has no second derivatives; its parts have them."""
    with _in_parts(module, all_of_it=False):
        yield


@contextmanager
def _in_parts(module: torch.nn.Module, *, all_of_it: bool = True, named: bool = False) -> Iterator[_InParts]:
    """named: note in which modules attention runs."""
    parts = _InParts(all_of_it=all_of_it)
    # Where fusing is switched off, a library writes the step out by itself, unseen.
    unfused: list[Any] = [part for part in module.modules() if getattr(part, "fused_attn", True) is False]
    handles = [
        part.register_forward_hook(parts.again, with_kwargs=True)
        for part in module.modules()
        if isinstance(part, torch.nn.MultiheadAttention)
    ]
    if named:
        for name, part in module.named_modules():
            handles.append(part.register_forward_pre_hook(lambda _m, _i, name=name: parts.running.append(name)))
            handles.append(part.register_forward_hook(lambda _m, _i, _o: parts.running.pop() and None))
    try:
        for part in unfused:
            part.fused_attn = True
        with parts:
            yield parts
    finally:
        for part in unfused:
            part.fused_attn = False
        for handle in handles:
            handle.remove()
