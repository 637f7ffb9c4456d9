"""Backends: each runs a network on a device and gives a Tap."""

from __future__ import annotations

import importlib
import logging
import platform
import shutil
import sys
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from livecam.errors import ConfigError, MissingExtra, TargetLayerError
from livecam.geometry import Accepts
from livecam.models import Model, ModelSpec
from livecam.registry import Registry
from livecam.tap import Array, Need, Tap

log = logging.getLogger("livecam")

STAGES = "stages:"
PRECISIONS = ("auto", "fast", "float32", "float16", "bfloat16")


class Backend(Protocol):
    """A network on a device. One thread at a time."""

    name: str
    device: str
    precision: str
    target_layer: str
    labels: tuple[str, ...]
    accepts: Accepts

    def forward(self, pictures: NDArray[np.uint8]) -> Tap:
        """pictures: (B, H, W, 3) uint8 RGB. Raises ModelError."""
        ...

    def plain(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The logits (B, C) alone, nothing tapped: what explaining is measured against."""
        ...

    def lacks(self, needs: frozenset[Need]) -> frozenset[Need]:
        """Which of ``needs`` its taps do not have, for this network."""
        ...

    def prepare(self, size: tuple[int, int]) -> None:
        """Get ready for pictures of ``size`` (H, W), while another thread may be in ``forward``. Raises ModelError."""
        ...

    def numpy(self, maps: Array) -> NDArray[np.float32]:
        """An array of this backend as float32 NumPy, on the host."""
        ...

    def close(self) -> None: ...


class BackendKind(Protocol):
    def __call__(
        self, model: Model, layer: str | None, device: str, precision: str, threads: int | None
    ) -> Backend: ...


# Where each is defined: importing one loads its engine, which the others do not need.
MODULES: Registry[str] = Registry("backend")
for _name, _module in {"torch": "pytorch", "openvino": "openvino", "onnxruntime": "onnxruntime"}.items():
    MODULES.add(_name, f"{__name__}.{_module}")
BACKENDS: Registry[BackendKind] = Registry("backend")


def open_backend(
    name: str,
    model: Model,
    *,
    layer: str | None,
    device: str,
    precision: str,
    threads: int | None = None,
    needs: frozenset[Need] = frozenset(),
) -> Backend:
    """Run ``model`` on ``device``. ``auto`` is OpenVINO on a CPU, where it is installed and can explain the model, else
    PyTorch, which alone has autograd; needs: of the method. precision: ``fast`` is the shortest type that the device
    computes natively, ``auto`` is that on a GPU and float32 on a CPU. threads: of the engine on a CPU; None leaves it
    to the engine. Whether the backend has all that the method needs, ``Backend.lacks`` says. layer: of several,
    ``a,b`` or ``stages:N``, all but the last lie before the head: PyTorch's again.

    Raises UnknownName, ConfigError, MissingExtra, TargetLayerError, ModelError.
    """
    if precision not in PRECISIONS:
        raise ConfigError(f"precision {precision!r} is not one of {', '.join(PRECISIONS)}")
    if isinstance(model, ModelSpec) and model.name.lower().endswith(".onnx"):
        return _foreign(name, model, layer, device, precision, threads)
    several = layer is not None and ("," in layer or layer.startswith(STAGES))
    if several and name not in ("auto", "torch"):
        raise ConfigError(f"--layer {layer}: maps of several layers need autograd; use --backend torch")
    engines = model.task.engines
    if engines and name not in ("auto", *engines):
        raise ConfigError(f"backend {name!r} does not do {model.task.name}; use --backend {engines[0]}")
    if engines and name == "auto":
        name = engines[0]
    if name != "auto":
        return _kind(name)(model, layer, device, precision, threads)
    why: Exception | None = None
    if not several and Need.AUTOGRAD not in needs and (device == "cpu" or (device == "auto" and not _accelerator())):
        try:
            return _kind("openvino")(model, layer, device, precision, threads)
        except (MissingExtra, TargetLayerError) as error:
            why = error
    opened = _kind("torch")(model, layer, device, precision, threads)
    if why is not None:  # not said before PyTorch can do it: else its error says all
        log.info("PyTorch is used instead of OpenVINO: %s", why)
    return opened


def _foreign(
    name: str, model: ModelSpec, layer: str | None, device: str, precision: str, threads: int | None
) -> Backend:
    """A network of another framework, in an ONNX file."""
    if name not in ("auto", "onnxruntime"):
        raise ConfigError(f"backend {name!r} does not run {model.name}; use --backend onnxruntime")
    from livecam.backends.foreign import ForeignBackend

    return ForeignBackend(model, layer, device, precision, threads)


def _kind(name: str) -> BackendKind:
    importlib.import_module(MODULES.get(name))
    return BACKENDS.get(name)


def _accelerator() -> bool:
    """May there be a GPU for PyTorch? Guessed without loading it, which takes longer than a first picture should."""
    if sys.platform == "darwin":
        return platform.machine() == "arm64"
    return shutil.which("nvidia-smi") is not None or Path("/dev/nvidiactl").exists()
