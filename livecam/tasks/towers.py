"""A network that embeds pictures, beside one that embeds texts in the same space."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import torch

Encode = Callable[[torch.nn.Module, Sequence[str]], torch.Tensor]

HEAD = "head"
TOGETHER = 32  # texts in one pass


class Towers(torch.nn.Module):
    """x (B, 3, H, W) → what ``head`` makes of the picture's embedding (B, K); by itself nothing.

    module: has an image tower ``visual``, and ``logit_scale``, the logarithm of the factor that was trained to make
    logits of cosines. encode: (module, texts) → (N, K).
    """

    def __init__(self, module: torch.nn.Module, encode: Encode) -> None:
        super().__init__()
        self.visual = module.get_submodule("visual")
        self.head = torch.nn.Identity()
        assert isinstance(module.logit_scale, torch.Tensor)
        self.scale = float(module.logit_scale.detach().exp())
        # No submodule: the text tower is neither moved to the device nor searched for layers, and goes with this.
        self._encode: partial[torch.Tensor] | None = partial(encode, module)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        features = self.visual(x)
        answer: torch.Tensor = self.head(features[0] if isinstance(features, tuple) else features)
        return answer

    def texts(self, texts: Sequence[str]) -> torch.Tensor:
        """(N, K) embeddings."""
        assert self._encode is not None
        with torch.inference_mode():
            parts = [self._encode(texts[first : first + TOGETHER]) for first in range(0, len(texts), TOGETHER)]
        return torch.cat(parts).clone()

    def forget_texts(self) -> None:
        """Free the text tower."""
        self._encode = None
