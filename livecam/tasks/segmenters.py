"""torchvision's segmenters as a module with a matrix (B, N) as output; see ``livecam.tasks.segmentation``."""

from __future__ import annotations

from typing import Any

import torch


class RegionSums(torch.nn.Module):
    """A segmenter with an output ``out`` (B, C, H, W), which gives sums over the regions that it makes out."""

    def __init__(self, segmenter: Any) -> None:
        super().__init__()
        self.backbone, self.classifier = segmenter.backbone, segmenter.classifier
        # Its forward pass joins the two, and knows no other parts; in a list, no part is known twice.
        self._whole = [segmenter]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits = self._whole[0](x)["out"].float()
        batch, classes, height, width = logits.shape
        seen = logits.detach().argmax(1)
        region = seen + classes * torch.arange(batch, device=x.device)[:, None, None]
        pixels = logits.permute(0, 2, 3, 1).reshape(-1, classes)
        sums = pixels.new_zeros(batch * classes, classes).index_add(0, region.flatten(), pixels)
        size = pixels.new_tensor([height, width]).expand(batch, 2)
        return torch.cat([sums.view(batch, -1), size, seen.flatten(1).float()], 1)
