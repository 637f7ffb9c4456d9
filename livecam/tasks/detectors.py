"""torchvision's detectors as modules with a matrix (B, N) as output; see ``livecam.tasks.detection``.

They leave out torchvision's own preparing of pictures (pictures come prepared) and its choice of boxes (that is the
task's). The parts keep torchvision's names.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional as F  # noqa: N812  as everywhere
from torchvision.models.detection.image_list import ImageList


class SsdRows(torch.nn.Module):
    """An SSD: a row an anchor. Pictures of any size become squares of the one that it was made for."""

    def __init__(self, ssd: Any) -> None:
        super().__init__()
        self.backbone, self.head, self.anchor_generator = ssd.backbone, ssd.head, ssd.anchor_generator
        self.box_coder, self.size = ssd.box_coder, (ssd.transform.fixed_size[1], ssd.transform.fixed_size[0])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if x.shape[2:] != self.size:
            x = F.interpolate(x, self.size, mode="bilinear", align_corners=False)
        features = list(self.backbone(x).values())
        found = self.head(features)
        anchors = self.anchor_generator(_listed(x), features)
        with torch.no_grad():
            places = [
                self.box_coder.decode_single(*each).float() / _sides(x)
                for each in zip(found["bbox_regression"], anchors, strict=True)
            ]
        return torch.cat([found["cls_logits"].float(), torch.stack(places)], 2).flatten(1)


class RegionRows(torch.nn.Module):
    """A Faster R-CNN: a row a region of interest; where pictures have different numbers of them, empty ones follow."""

    def __init__(self, rcnn: Any) -> None:
        super().__init__()
        self.backbone, self.rpn, self.roi_heads = rcnn.backbone, rcnn.rpn, rcnn.roi_heads

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        pictures, features = _listed(x), self.backbone(x)
        regions, _ = self.rpn(pictures, features)
        pooled = self.roi_heads.box_roi_pool(features, regions, pictures.image_sizes)
        logits, offsets = self.roi_heads.box_predictor(self.roi_heads.box_head(pooled))
        with torch.no_grad():
            # Of no regions at all, it does not know the shape.
            places = self.roi_heads.box_coder.decode(offsets, regions).float().view(*logits.shape, 4) / _sides(x)
        rows = torch.cat([logits.float(), places.flatten(1)], 1)
        each = torch.split_with_sizes(rows, [len(one) for one in regions])
        return torch.nn.utils.rnn.pad_sequence(list(each), batch_first=True).flatten(1)


def _listed(x: torch.Tensor) -> ImageList:
    return ImageList(x, [(x.shape[2], x.shape[3])] * len(x))


def _sides(x: torch.Tensor) -> torch.Tensor:
    height, width = x.shape[2:]
    return torch.tensor([width, height, width, height], device=x.device)
