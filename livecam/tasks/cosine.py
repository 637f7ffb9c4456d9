"""The cosine between features and those of references; see ``livecam.tasks.similarity``."""

from __future__ import annotations

import torch
from torch.nn import functional as F  # noqa: N812  as everywhere


class Cosine(torch.nn.Module):
    """f (B, K), or (B, K, 1, 1) → (B, N), times ``scale``. references: (N, K)."""

    references: torch.Tensor

    def __init__(self, references: torch.Tensor, scale: float = 1.0) -> None:
        super().__init__()
        self.register_buffer("references", F.normalize(references))
        self.scale = scale

    def forward(self, f: torch.Tensor) -> torch.Tensor:
        return F.normalize(f.flatten(1)) @ (self.scale * self.references.T)
