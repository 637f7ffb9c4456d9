"""Embedding similarity: what here looks like a reference, a picture or words.

The logits are cosines between the pooled features f of the picture and r of each reference, by any classifier without
its head: Chen et al., "Adapting Grad-CAM for Embedding Networks", WACV 2020, arXiv:2001.06538, explain embeddings so.

    y^r = f · r / (|f| |r|)

y does not change with the length of f, so that behind a pooling the votes of all places add up to 0: a map >= 0 shows
what is more like the reference than the picture as a whole is. In the reference itself that is nothing.

References may be texts where they are embedded in the same space: Radford et al., "Learning Transferable Visual Models
From Natural Language Supervision", ICML 2021, arXiv:2103.00020. One is a cosine as above. Several are a classification
without training (section 3.1 there): logits τ · y, τ being the factor that the model was trained with.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from livecam.tap import Floats
from livecam.tasks import Classification, check_finite

if TYPE_CHECKING:
    import torch

    from livecam.tasks.towers import Encode, Towers


@dataclass(frozen=True, slots=True)
class Similarity(Classification):
    name: str = "similarity"
    engines: tuple[str, ...] = ("torch",)

    def scores(self, numbers: Floats, classes: int) -> Floats:
        """The cosines; 0 for what is unlike."""
        check_finite(numbers)
        return np.asarray(numbers.clip(0, 1), np.float32)


SIMILARITY = Similarity()
ZERO_SHOT = Classification(name="zero-shot classification", engines=("torch",))


@dataclass(frozen=True, slots=True)
class Embedding(Classification):
    """(B, K) embeddings of pictures, to compare with those of other pictures, or of texts. encode: see ``Towers``."""

    name: str = "embedding"
    engines: tuple[str, ...] = ("torch",)
    encode: Encode = field(kw_only=True)

    def wrap(self, module: torch.nn.Module) -> torch.nn.Module:
        from livecam.tasks.towers import Towers

        return Towers(module, self.encode)


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


def liken_texts(towers: Towers, texts: Sequence[str]) -> torch.nn.Module:
    """Cosines with one text, (B, 1), or the logits of several, (B, len(texts)); changes ``towers``."""
    from livecam.tasks.cosine import Cosine
    from livecam.tasks.towers import HEAD

    towers.set_submodule(HEAD, Cosine(towers.texts(texts), towers.scale if len(texts) > 1 else 1.0))
    return towers
