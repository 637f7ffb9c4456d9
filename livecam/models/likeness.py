"""A network that tells how much a picture is like others, or like words, instead of what it is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from livecam.errors import ConfigError
from livecam.geometry import plan, take
from livecam.models import LoadedModel, Model
from livecam.tasks import CLASSIFICATION, Task
from livecam.tasks.similarity import SIMILARITY, ZERO_SHOT, Embedding, liken, liken_texts

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class LikeSpec:
    """``spec`` with references for classes: pictures, (H, W, 3) uint8 RGB of any size, or else texts. names: theirs.
    input, short: how pictures become inputs (``livecam.geometry.plan``).

    Raises ConfigError for a model that cannot be likened to these.
    """

    spec: Model
    names: tuple[str, ...]
    input: str
    short: int
    pictures: tuple[NDArray[np.uint8], ...] = ()
    texts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if isinstance(self.spec.task, Embedding):
            return
        if self.texts:
            raise ConfigError(
                f"--like-text takes a model that reads, which {self.spec.name} is not; give --model "
                "open_clip/MobileCLIP-S1, or another of open_clip (pip install 'livecam[text]'), or --like PICTURE"
            )
        if self.spec.task is not CLASSIFICATION or self.spec.name.lower().endswith(".onnx"):
            raise ConfigError(
                f"--like takes a classifier of 'livecam models' or of timm, which {self.spec.name} is not"
            )

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def task(self) -> Task:
        return ZERO_SHOT if len(self.texts) > 1 else SIMILARITY

    @property
    def input_size(self) -> int:
        return self.spec.input_size

    def load(self) -> LoadedModel:
        """Raises what loading the model does, and what its tower for texts does."""
        loaded = self.spec.load()
        module = liken_texts(loaded.module, self.texts) if self.texts else self._like_pictures(loaded)
        if isinstance(loaded.task, Embedding):
            loaded.module.forget_texts()
        return replace(loaded, module=module.requires_grad_(False), labels=self.names, task=self.task)

    def _like_pictures(self, loaded: LoadedModel) -> torch.nn.Module:
        import torch

        from livecam.models.checkpoint import head_name
        from livecam.tasks.towers import HEAD

        mean, std = (np.array(values, np.float32) for values in (loaded.mean, loaded.std))
        plans = [plan(self.input, one.shape[:2], self.short, loaded.accepts) for one in self.pictures]
        seen = [take(one, region, size) for one, (size, region) in zip(self.pictures, plans, strict=True)]
        references = [
            torch.from_numpy(((one / np.float32(255) - mean) / std).transpose(2, 0, 1).copy())[None] for one in seen
        ]
        embeds = isinstance(loaded.task, Embedding)
        head = HEAD if embeds else head_name(loaded.module.state_dict()).rpartition(".")[0]
        return liken(loaded.module, head, references)

    def fingerprint(self) -> None:
        """Nothing made of it is kept."""
