"""ONNX Runtime: the exported network gives logits, A and the hidden layer; the head's algebra gives exact Grad-CAM.

Making the graph takes some seconds for each input size; it is kept in the cache, under a key of everything that decides
what it computes. With a warm cache there is no PyTorch.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livecam.backends import BACKENDS
from livecam.backends.head import Engine, closed_form, host, lacks
from livecam.backends.prepared import Prepared
from livecam.cache import Cache
from livecam.errors import ConfigError, MissingExtra, ModelError, first_line
from livecam.geometry import ANY
from livecam.models import Model
from livecam.tap import Array, Floats, Need, Tap

REMEDY = "pip install 'livecam[onnx]'"
EXTRA = ("onnx", "onnxscript", "onnxruntime")
ENGINE = (*EXTRA, "torch")  # what decides how a graph is made
GRAPH = "graph.onnx"
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
    accepts = ANY

    def __init__(
        self,
        model: Model,
        layer: str | None = None,
        device: str = "auto",
        precision: str = "auto",
        threads: int | None = None,
        *,
        cache: Cache | None = None,
    ) -> None:
        check_installed(*EXTRA)
        if device not in ("auto", "cpu"):
            raise ConfigError(f"device {device!r}: ONNX Runtime runs on the CPU here; use --backend torch for {device}")
        if precision not in ("auto", "fast", "float32"):
            raise ConfigError(f"precision {precision!r}: ONNX Runtime computes in float32 here")
        self._threads = threads
        self._prepared = Prepared(model, layer, " ".join(f"{name} {version(name)}" for name in ENGINE), cache)
        self.labels, self.target_layer = self._prepared.labels, self._prepared.target_layer
        self._sessions: dict[tuple[int, int], _Sessions] = {}
        self._engine = Engine(self._run)

    def forward(self, pictures: NDArray[np.uint8]) -> Tap:
        x = self._prepared.normalised(pictures)
        return closed_form(self._prepared.head, *self._run(x), lambda: x, self._engine)

    def plain(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        sessions = self._of(pictures.shape[1:3])
        if sessions.plain is None:
            sessions.plain = open_session(_only_logits(sessions.model), self._threads)
        return run_session(sessions.plain, self._prepared.normalised(pictures))[0]

    def prepare(self, size: tuple[int, int]) -> None:
        self._of(size)

    def lacks(self, needs: frozenset[Need]) -> frozenset[Need]:
        return lacks(self._prepared.head, needs)

    def numpy(self, maps: Array) -> NDArray[np.float32]:
        return host(maps)

    def close(self) -> None:
        """Free the graphs; twice is harmless."""
        self._sessions.clear()
        self._prepared.release()

    def _of(self, size: tuple[int, int]) -> _Sessions:
        if size not in self._sessions:
            model = self._graph(size)
            self._sessions[size] = _Sessions(model, open_session(model, self._threads))
        return self._sessions[size]

    def _graph(self, size: tuple[int, int]) -> bytes:
        """The graph for pictures of ``size`` (H, W) and any batch, from the cache or for the cache."""
        part = f"{size[0]}x{size[1]}"
        kept = self._prepared.kept(part)
        if kept is not None:
            return kept[GRAPH]
        from livecam.backends.onnx_graph import to_onnx

        names = OUTPUTS if self._prepared.head.hidden_layer else OUTPUTS[:2]
        model: bytes = to_onnx(self._prepared.traced(size), names).SerializeToString()
        if self._prepared.keep(part, {GRAPH: model}):
            self._prepared.release()  # the next size may never come
        return model

    def _run(self, x: Floats) -> tuple[Floats, Floats, Floats | None]:
        """x: (B, 3, H, W) in the network's own range."""
        logits, activations, *hidden = run_session(self._of((x.shape[2], x.shape[3])).tapped, x)
        return logits, activations, hidden[0] if hidden else None


def check_installed(*packages: str) -> None:
    """Looks without importing, which takes longer than a first picture should. Raises MissingExtra."""
    for package in packages:
        if importlib.util.find_spec(package) is None:
            raise MissingExtra(f"{package} is not installed: {REMEDY}")


def open_session(model: bytes, threads: int | None = None) -> Any:
    """An ONNX Runtime session on the CPU, with so many threads; None: one a core."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or 0
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def run_session(session: Any, x: NDArray[Any]) -> list[Floats]:
    """All outputs for the only input. Raises ModelError."""
    try:
        outputs: list[Floats] = session.run(None, {session.get_inputs()[0].name: x})
    except Exception as error:  # its errors have no base of their own
        reason = first_line(error)
        raise ModelError(f"cpu: the network failed on an input of {x.shape}: {reason}") from error
    return outputs


def _only_logits(model: bytes) -> bytes:
    import onnx

    graph = onnx.load_from_string(model)
    del graph.graph.output[1:]
    plain: bytes = graph.SerializeToString()
    return plain
