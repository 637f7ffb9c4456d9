"""A network over clips as a module that takes pictures; see ``livecam.tasks.clips``."""

from __future__ import annotations

import torch


class Windows(torch.nn.Module):
    """Pictures (B·frames, 3, H, W), window by window, oldest first → what ``network`` makes of (B, 3, frames, H, W)."""

    def __init__(self, network: torch.nn.Module, frames: int) -> None:
        super().__init__()
        for name, part in network.named_children():
            self.add_module(name, part)
        self.frames = frames
        self._whole = [network]  # in a list, no part is known twice

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        windows = x.reshape(-1, self.frames, *x.shape[1:]).transpose(1, 2)
        logits: torch.Tensor = self._whole[0](windows)
        return logits
