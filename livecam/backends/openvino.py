"""OpenVINO: the compiled network gives logits, A and the hidden layer; the head's algebra gives exact Grad-CAM.

No autograd, and with a warm cache no PyTorch: a compiled graph is kept for each input size, under a key of everything
that decides what it computes.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livecam.backends import BACKENDS
from livecam.backends.head import Engine, closed_form, host, lacks
from livecam.backends.prepared import Prepared
from livecam.cache import Cache
from livecam.errors import ConfigError, MissingExtra, ModelError
from livecam.geometry import ANY
from livecam.models import Model
from livecam.tap import Array, Floats, Need, Tap

try:
    from livecam._openvino import openvino as ov
except ImportError as error:
    raise MissingExtra("OpenVINO is not installed; pip install openvino, or use --backend torch") from error

HINTS = {"float32": "f32", "float16": "f16", "bfloat16": "bf16"}
CAPABILITIES = {"float16": "FP16", "bfloat16": "BF16"}
BLOB = "graph.blob"


@BACKENDS.register("openvino")
class OpenVinoBackend:
    """A network under OpenVINO on the CPU.

    Raises ConfigError for a device or a precision that is not here, TargetLayerError for a head that is not pooling and
    one or two linear layers.
    """

    name = "openvino"
    device = "cpu"
    accepts = ANY
    batches = False  # ``forward`` takes them one after the other

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
        if device not in ("auto", "cpu"):
            raise ConfigError(f"device {device!r}: OpenVINO runs on the CPU here; use --backend torch for {device}")
        self._core, self._threads = ov.Core(), threads
        self.precision = self._fast() if precision == "fast" else "float32" if precision == "auto" else precision
        self._check_precision()
        cpu = self._core.get_property("CPU", "FULL_DEVICE_NAME")
        self._prepared = Prepared(model, layer, f"openvino {ov.__version__} {cpu}", cache)
        self.labels, self.target_layer = self._prepared.labels, self._prepared.target_layer
        self._made: tuple[tuple[int, int], Any] | None = None
        self._requests: dict[tuple[int, int], Any] = {}
        self._plain: dict[tuple[int, int], Any] = {}
        self._batched: dict[tuple[int, int], Any] = {}
        self._engine = Engine(self._again)

    def forward(self, pictures: NDArray[np.uint8]) -> Tap:
        request = self._request(pictures.shape[1:3])
        outputs = [self._infer(request, picture[None]) for picture in pictures]
        logits, activations, *hidden = (np.concatenate(parts) for parts in zip(*outputs, strict=True))
        u, inputs = hidden[0] if hidden else None, partial(self._prepared.normalised, pictures)
        return closed_form(self._prepared.head, logits, activations, u, inputs, self._engine)

    def plain(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        size = pictures.shape[1:3]
        if size not in self._plain:
            graph = self._graph(size).clone()
            for output in list(graph.outputs)[1:]:
                graph.remove_result(output.node)
            self._plain[size] = self._compile(graph).create_infer_request()
        return np.concatenate([self._infer(self._plain[size], picture[None])[0] for picture in pictures])

    def prepare(self, size: tuple[int, int]) -> None:
        self._request(size)

    def lacks(self, needs: frozenset[Need]) -> frozenset[Need]:
        return lacks(self._prepared.head, needs)

    def numpy(self, maps: Array) -> NDArray[np.float32]:
        return host(maps)

    def close(self) -> None:
        self._requests.clear()
        self._plain.clear()
        self._batched.clear()
        self._made = None
        self._prepared.release()

    def _again(self, x: Floats) -> tuple[Floats, Floats, Floats | None]:
        """Any batch of inputs (B, 3, H, W) in the network's own range: what masks and noise make of a picture."""
        size = (x.shape[2], x.shape[3])
        if size not in self._batched:
            compiled = self._compiled(
                f"{size[0]}x{size[1]} {self.precision} batched", lambda: self._converted(size, -1)
            )
            self._batched[size] = compiled.create_infer_request()
        logits, activations, *hidden = self._infer(self._batched[size], x)
        return logits, activations, hidden[0] if hidden else None

    def _infer(self, request: Any, x: NDArray[Any]) -> list[Floats]:
        try:
            request.infer({0: x}, share_inputs=True)
        except MemoryError as error:
            raise ModelError(f"cpu: out of memory for an input of {x.shape}; use a smaller --input-size") from error
        except RuntimeError as error:
            reason = str(error).strip().splitlines()[-1]
            raise ModelError(f"cpu: the network failed on an input of {x.shape}: {reason}") from error
        return [np.array(tensor.data, np.float32) for tensor in request.output_tensors]

    def _request(self, size: tuple[int, int]) -> Any:
        if size not in self._requests:
            compiled = self._compiled(f"{size[0]}x{size[1]} {self.precision}", lambda: self._graph(size))
            self._requests[size] = compiled.create_infer_request()
        return self._requests[size]

    def _compiled(self, part: str, make: Callable[[], Any]) -> Any:
        """The graph of ``make``, compiled; from the cache or for the cache, as ``part``."""
        kept = self._prepared.kept(part)
        if kept is not None:
            try:
                return self._core.import_model(io.BytesIO(kept[BLOB]), "CPU", self._options())
            except RuntimeError:
                pass  # of another build of the engine after all: made anew below
        compiled = self._compile(make())
        if self._prepared.keep(part, {BLOB: compiled.export_model().getvalue()}):
            self._made = None  # the next size may never come; nothing is held for it
            self._prepared.release()
        return compiled

    def _compile(self, graph: Any) -> Any:
        return self._core.compile_model(graph, "CPU", self._options())

    def _options(self) -> dict[str, Any]:
        options = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": HINTS[self.precision]}
        return options | ({"INFERENCE_NUM_THREADS": self._threads} if self._threads else {})

    def _fast(self) -> str:
        """What the engine itself prefers: bfloat16 where the CPU computes it natively."""
        preferred = self._core.get_property("CPU", "INFERENCE_PRECISION_HINT").to_string()
        return {hint: name for name, hint in HINTS.items()}.get(preferred, "float32")

    def _graph(self, size: tuple[int, int]) -> Any:
        """(1, H, W, 3) uint8 RGB → logits, A, (u): the traced network behind its normalisation."""
        if self._made is None or self._made[0] != size:
            self._made = (size, self._traced(size))
        return self._made[1]

    def _traced(self, size: tuple[int, int]) -> Any:
        graph = self._converted(size, 1)
        steps = ov.preprocess.PrePostProcessor(graph)
        steps.input().tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC"))
        steps.input().model().set_layout(ov.Layout("NCHW"))
        to_unit = steps.input().preprocess().convert_element_type(ov.Type.f32)
        to_unit.mean((255 * self._prepared.mean).tolist()).scale((255 * self._prepared.std).tolist())
        return steps.build()

    def _converted(self, size: tuple[int, int], batch: int) -> Any:
        """(B, 3, H, W) in the network's own range → logits, A, (u). batch: −1 for any."""
        graph = ov.convert_model(self._prepared.traced(size))
        graph.reshape([batch, 3, *size])
        return graph

    def _check_precision(self) -> None:
        here = self._core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        wanted = CAPABILITIES.get(self.precision)
        if wanted is not None and wanted not in here:
            raise ConfigError(f"precision {self.precision!r}: this CPU does not have it; use float32")
