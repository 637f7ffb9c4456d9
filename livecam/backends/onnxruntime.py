"""ONNX Runtime: the exported network gives logits, A and the hidden layer; the head's algebra gives exact Grad-CAM.

The graph is made anew in every process, for each input size (some seconds), and kept in memory.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livecam.backends import BACKENDS
from livecam.backends.head import Array, closed_form, find_head
from livecam.backends.target_layer import find_target_layer
from livecam.errors import ConfigError, MissingExtra, ModelError
from livecam.models import LoadedModel, Model
from livecam.tap import Tap

REMEDY = "pip install 'livecam[onnx]'"
EXTRA = ("onnx", "onnxscript", "onnxruntime")
LOGITS = "logits"
OUTPUTS = [LOGITS, "activations", "hidden"]


@dataclass(slots=True)
class _Sessions:
    """Of one input size. model: the graph as bytes. tapped gives logits, A and maybe u; plain, made when it is first
    asked for, gives the logits alone."""

    model: bytes
    tapped: Any
    plain: Any = None


@BACKENDS.register("onnxruntime")
class OnnxRuntimeBackend:
    """A network under ONNX Runtime on the CPU, in float32.

    Raises MissingExtra, ConfigError for another device or precision, TargetLayerError for a head that is not pooling
    and one or two linear layers.
    """

    name = "onnxruntime"
    device = "cpu"
    precision = "float32"

    def __init__(
        self,
        model: Model,
        layer: str | None = None,
        device: str = "auto",
        precision: str = "auto",
        threads: int | None = None,
    ) -> None:
        check_installed(*EXTRA)
        if device not in ("auto", "cpu"):
            raise ConfigError(f"device {device!r}: ONNX Runtime runs on the CPU here; use --backend torch for {device}")
        if precision not in ("auto", "fast", "float32"):
            raise ConfigError(f"precision {precision!r}: ONNX Runtime computes in float32 here")
        self._threads = threads
        self._loaded: LoadedModel = model.load()
        self.labels = self._loaded.labels
        module = self._loaded.module
        self.target_layer, _ = find_target_layer(module, len(self.labels), layer or self._loaded.layer)
        self._head = find_head(module, self.target_layer, len(self.labels))
        # (x / 255 − mean) / std as one multiply and one add
        mean, std = (np.array(colour, np.float32) for colour in (self._loaded.mean, self._loaded.std))
        self._scale, self._shift = 1 / (255 * std), -mean / std
        self._sessions: dict[tuple[int, int], _Sessions] = {}

    def forward(self, pictures: NDArray[np.uint8]) -> Tap:
        logits, activations, *hidden = self._run(self._of(pictures).tapped, pictures)
        return closed_form(self._head, logits, activations, hidden[0] if hidden else None)

    def plain(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        sessions = self._of(pictures)
        if sessions.plain is None:
            sessions.plain = open_session(_only_logits(sessions.model), self._threads)
        return self._run(sessions.plain, pictures)[0]

    def numpy(self, maps: Array) -> NDArray[np.float32]:
        return np.asarray(maps, np.float32)

    def close(self) -> None:
        """Free the graphs; twice is harmless."""
        self._sessions.clear()

    def _of(self, pictures: NDArray[np.uint8]) -> _Sessions:
        from livecam.backends.onnx_graph import to_onnx
        from livecam.backends.tapped import exported

        height, width = pictures.shape[1:3]
        if (height, width) not in self._sessions:
            program = exported(self._loaded.module, self.target_layer, self._head, (height, width))
            names = OUTPUTS if self._head.hidden_layer else OUTPUTS[:2]
            model = to_onnx(program, names).SerializeToString()
            self._sessions[height, width] = _Sessions(model, open_session(model, self._threads))
        return self._sessions[height, width]

    def _run(self, session: Any, pictures: NDArray[np.uint8]) -> list[Array]:
        x = (pictures * self._scale + self._shift).transpose(0, 3, 1, 2)
        return run_session(session, np.ascontiguousarray(x, np.float32))


def check_installed(*packages: str) -> None:
    """Raises MissingExtra."""
    for package in packages:
        try:
            importlib.import_module(package)
        except ImportError as error:
            raise MissingExtra(f"{package} is not installed: {REMEDY}") from error


def open_session(model: bytes, threads: int | None = None) -> Any:
    """An ONNX Runtime session on the CPU, with so many threads; None: one a core."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or 0
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def run_session(session: Any, x: NDArray[Any]) -> list[Array]:
    """All outputs for the only input. Raises ModelError."""
    try:
        outputs: list[Array] = session.run(None, {session.get_inputs()[0].name: x})
    except Exception as error:  # its errors have no base of their own
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ModelError(f"cpu: the network failed on an input of {x.shape}: {reason}") from error
    return outputs


def _only_logits(model: bytes) -> bytes:
    import onnx

    graph = onnx.load_from_string(model)
    del graph.graph.output[1:]
    plain: bytes = graph.SerializeToString()
    return plain
