"""Embedding similarity: what here looks like a reference picture.

The logits are cosines between the pooled features f of the picture and r of each reference, by any classifier without
its head: Chen et al., "Adapting Grad-CAM for Embedding Networks", WACV 2020, arXiv:2001.06538, explain embeddings so.

    y^r = f · r / (|f| |r|)

y does not change with the length of f, so that behind a pooling the votes of all places add up to 0: a map >= 0 shows
what is more like the reference than the picture as a whole is. In the reference itself that is nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from livecam.tap import Floats
from livecam.tasks import Classification, check_finite

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, slots=True)
class Similarity(Classification):
    name: str = "similarity"
    engines: tuple[str, ...] = ("torch",)

    def scores(self, numbers: Floats, classes: int) -> Floats:
        """The cosines; 0 for what is unlike."""
        check_finite(numbers)
        return np.asarray(numbers.clip(0, 1), np.float32)


SIMILARITY = Similarity()


def liken(module: torch.nn.Module, head: str, references: Sequence[torch.Tensor]) -> torch.nn.Module:
    """A classifier with cosines in the place of its ``head``, (B, len(references)); changes ``module``.

    head: name of its last linear layer. references: (1, 3, H, W) each, in the network's own range.
    """
    import torch

    from livecam.tasks.cosine import Cosine

    module.set_submodule(head, torch.nn.Identity())
    with torch.inference_mode():
        features = torch.cat([module(x).flatten(1) for x in references])
    module.set_submodule(head, Cosine(features.clone()))
    return module
