"""Clips: what happens in the pictures of the last second or so. A window of them is one input of the network.

Columns: the logits of the classes. Maps are of each moment of the window that the target layer still tells apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from livecam.tap import Need
from livecam.tasks import Classification

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, slots=True)
class ClipClassification(Classification):
    """frames: of one window. lacks: what works on single pictures and their pixels."""

    name: str = "clip classification"
    engines: tuple[str, ...] = ("torch",)
    lacks: frozenset[Need] = frozenset(
        {Need.TAIL, Need.FORWARDS, Need.AUTOGRAD, Need.BIASES, Need.ATTENTION, Need.LINEAR}
    )
    frames: int = 16

    def wrap(self, module: torch.nn.Module) -> torch.nn.Module:
        from livecam.tasks.windows import Windows

        return Windows(module, self.frames)


CLIPS = ClipClassification()
