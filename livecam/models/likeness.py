"""A classifier that tells how much a picture is like others, instead of what it is."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from livecam.errors import ConfigError
from livecam.geometry import plan, take
from livecam.models import LoadedModel, Model
from livecam.tasks import CLASSIFICATION, Task
from livecam.tasks.similarity import SIMILARITY, liken


@dataclass(frozen=True)
class LikeSpec:
    """``spec`` with references for classes. pictures: (H, W, 3) uint8 RGB of any size; names: theirs. input, short: how
    they become inputs (``livecam.geometry.plan``).

    Raises ConfigError for a model that is no classifier.
    """

    spec: Model
    names: tuple[str, ...]
    pictures: tuple[NDArray[np.uint8], ...]
    input: str
    short: int

    def __post_init__(self) -> None:
        if self.spec.task is not CLASSIFICATION or self.spec.name.lower().endswith(".onnx"):
            raise ConfigError(
                f"--like takes a classifier of 'livecam models' or of timm, which {self.spec.name} is not"
            )

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def task(self) -> Task:
        return SIMILARITY

    @property
    def input_size(self) -> int:
        return self.spec.input_size

    def load(self) -> LoadedModel:
        """Raises what loading the classifier does."""
        import torch

        from livecam.models.checkpoint import head_name

        loaded = self.spec.load()
        mean, std = (np.array(values, np.float32) for values in (loaded.mean, loaded.std))
        plans = [plan(self.input, one.shape[:2], self.short, loaded.accepts) for one in self.pictures]
        seen = [take(one, region, size) for one, (size, region) in zip(self.pictures, plans, strict=True)]
        references = [
            torch.from_numpy(((one / np.float32(255) - mean) / std).transpose(2, 0, 1).copy())[None] for one in seen
        ]
        head = head_name(loaded.module.state_dict()).rpartition(".")[0]
        module = liken(loaded.module, head, references).requires_grad_(False)
        return replace(loaded, module=module, labels=self.names, task=self.task)

    def fingerprint(self) -> None:
        """Nothing made of it is kept."""
