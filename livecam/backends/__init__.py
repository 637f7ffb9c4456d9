"""Backends: each runs a network on a device and gives a Tap."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from livecam.errors import ConfigError
from livecam.models import LoadedModel
from livecam.registry import Registry, load_all
from livecam.tap import Array, Tap

PRECISIONS = ("auto", "float32", "float16", "bfloat16")


class Backend(Protocol):
    """A network on a device. One thread at a time."""

    name: str
    device: str
    precision: str
    target_layer: str

    def forward(self, pictures: NDArray[np.uint8]) -> Tap:
        """pictures: (B, H, W, 3) uint8 RGB. Raises ModelError."""
        ...

    def numpy(self, maps: Array) -> NDArray[np.float32]:
        """An array of this backend as float32 NumPy, on the host."""
        ...

    def close(self) -> None: ...


class BackendKind(Protocol):
    def __call__(self, model: LoadedModel, layer: str | None, device: str, precision: str) -> Backend: ...


BACKENDS: Registry[BackendKind] = Registry("backend")
DEFAULT = "torch"


def open_backend(name: str, model: LoadedModel, *, layer: str | None, device: str, precision: str) -> Backend:
    """Run ``model`` on ``device``. Raises UnknownName, ConfigError, TargetLayerError, ModelError."""
    load_all(__name__)
    if precision not in PRECISIONS:
        raise ConfigError(f"precision {precision!r} is not one of {', '.join(PRECISIONS)}")
    return BACKENDS.get(DEFAULT if name == "auto" else name)(model, layer, device, precision)
