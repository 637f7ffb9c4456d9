"""Detection: a map for each box, of the logit of its class by the target layer.

SSD (Liu et al., ECCV 2016, arXiv:1512.02325): the logit of the anchor that won. Faster R-CNN (Ren et al., NeurIPS 2015,
arXiv:1506.01497): that of the region of interest, whose place the gradient takes as given, as training does. Gradient ×
activation of a box's score is ODAM (Zhao & Chan, ICLR 2023, arXiv:2304.06354) less its blur, and here ``hirescam``: it
shows one object's own evidence. Grad-CAM averages the gradient over the picture: alike objects light up in each other's
maps.

Columns: for each of P boxes C logits, then its place, (x0, y0, x1, y1) in fractions of the input: once, or for each of
the C classes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from livecam.tap import Floats, Need
from livecam.tasks import Target, check_finite, softmax

if TYPE_CHECKING:
    import torch

MOST = 10  # boxes explained in a picture: each takes a backward pass
CANDIDATES = 300  # of a class, the surest, which suppress each other
SMALLEST = 1e-4  # side of a box in fractions: empty ones are none


@dataclass(frozen=True, slots=True)
class Detection:
    """overlap: IoU from which the surer of two boxes of a class suppresses the other. by_class: has a box a place for
    each class? lacks: a detector whose boxes follow from the picture has others where the picture is changed."""

    kind: str
    overlap: float
    by_class: bool
    lacks: frozenset[Need] = frozenset()
    name: str = "detection"
    engines: tuple[str, ...] = ("torch",)
    many: bool = True
    background: bool = True

    def wrap(self, module: torch.nn.Module) -> torch.nn.Module:
        from livecam.tasks import detectors

        wrapped: torch.nn.Module = getattr(detectors, self.kind)(module)
        return wrapped

    def scores(self, numbers: Floats, classes: int) -> Floats:
        """Of each class the surest box; the background is nothing that is found."""
        best = np.stack([softmax(self._rows(row, classes)[:, :classes]).max(0, initial=0) for row in numbers])
        best[:, 0] = 0
        return best

    def targets(self, numbers: Floats, scores: Floats, chosen: int, *, given: bool, least: float) -> tuple[Target, ...]:
        """The boxes of all classes, or of the ``given`` one, that no surer one suppresses; the surest MOST."""
        import torch
        from torchvision.ops import batched_nms

        rows = self._rows(numbers, len(scores))
        check_finite(rows)
        sure = softmax(rows[:, : len(scores)])
        wanted = [chosen] if given else range(1, len(scores))
        found = [(number, one) for one in wanted for number in _surest(sure[:, one], least)]
        if not found:
            return ()
        at, kinds = (np.array(part) for part in zip(*found, strict=True))
        corners, probability = self._corners(rows, len(scores), at, kinds), sure[at, kinds]
        large = np.flatnonzero((corners[:, 2:] - corners[:, :2]).min(1) > SMALLEST)
        kept = batched_nms(
            torch.from_numpy(corners[large]),
            torch.from_numpy(probability[large]),
            torch.from_numpy(kinds[large]),
            self.overlap,
        ).numpy()[:MOST]
        return tuple(
            Target(
                int(kinds[one]),
                float(probability[one]),
                int(at[one]) * rows.shape[1],
                box=(float(corners[one, 1]), float(corners[one, 0]), float(corners[one, 3]), float(corners[one, 2])),
            )
            for one in large[kept]
        )

    def _rows(self, numbers: Floats, classes: int) -> Floats:
        """(P, C + the places)."""
        return numbers.reshape(-1, classes + 4 * (classes if self.by_class else 1))

    def _corners(self, rows: Floats, classes: int, at: Any, kinds: Any) -> Floats:
        places = rows[at, classes:].reshape(len(at), -1, 4)
        return np.ascontiguousarray(places[np.arange(len(at)), kinds if self.by_class else 0].clip(0, 1))


def _surest(probability: Floats, least: float) -> list[int]:
    """Indices of (P,) values above ``least``, the largest CANDIDATES, the largest first."""
    there = np.flatnonzero(probability > least)
    order = there[np.argsort(-probability[there], kind="stable")]
    return [int(number) for number in order[:CANDIDATES]]


SSD = Detection("SsdRows", 0.55, by_class=False)
FASTER_RCNN = Detection("RegionRows", 0.5, by_class=True, lacks=frozenset({Need.TAIL, Need.FORWARDS}))
