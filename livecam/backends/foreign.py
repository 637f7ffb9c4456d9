"""A classifier of any framework, as an ONNX file, under ONNX Runtime.

Where it ends in pooling and one linear layer, or two with an activation between them, the target layer A is given out
beside the logits and Grad-CAM is exact, by the algebra of ``livecam.backends.head``. Elsewhere there are no
gradients: methods that do without them remain, and Eigen-CAM takes Grad-CAM's place.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from livecam.backends.activations import ACTIVATIONS, fitting
from livecam.backends.batches import scores
from livecam.backends.head import Engine, Head, closed_form, host, lacks
from livecam.backends.onnx_tail import Array, Graph, Hidden, Tail
from livecam.backends.onnxruntime import check_installed, open_session, run_session
from livecam.errors import ConfigError, ModelError, TargetLayerError, WeightsError, first_line
from livecam.geometry import ANY
from livecam.models import IMAGENET_MEAN, IMAGENET_STD, ModelSpec
from livecam.tap import Need, Tap

log = logging.getLogger("livecam")

TOLERANCE = 1e-3  # of the largest logit: how well the algebra must reproduce the network
WIDE = 9.0  # an activation is looked at from −9 to 9: ReLU and ReLU6 part at 6
SIDE = 224  # of the pictures, where the file leaves it open
LAST = 24  # values looked at, from the end, for one that still has positions
TYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(uint8)": np.uint8}


class ForeignBackend:
    """An ONNX file: one input of pictures, the first output the logits or probabilities (B, C).

    The file says its layout (NCHW or NHWC), number type and size; a picture of another size is resized to it. uint8
    pictures are given as they are, others as (x / 255 − mean) / std with ``mean`` and ``std`` of ``spec``, of the
    file's own metadata where livecam wrote it, or ImageNet's. Raises WeightsError, ConfigError, MissingExtra.
    """

    name = "onnxruntime"
    device = "cpu"
    precision = "float32"
    accepts = ANY
    substitute: str | None
    """The method that takes Grad-CAM's place, where there are no gradients."""

    def __init__(
        self,
        spec: ModelSpec,
        layer: str | None = None,
        device: str = "auto",
        precision: str = "auto",
        threads: int | None = None,
    ) -> None:
        check_installed("onnx", "onnxruntime")
        _refuse(spec, layer, device, precision)
        self._path, self._threads = Path(spec.name), threads
        model = _read(self._path)
        self._open(model)
        facts = {entry.key: entry.value for entry in model.metadata_props}
        self._mean = np.array(spec.mean or self._fact(facts, "mean") or IMAGENET_MEAN, np.float32)
        self._std = np.array(spec.std or self._fact(facts, "std") or IMAGENET_STD, np.float32)
        graph, output = Graph(model), model.graph.output[0].name
        self._logits = graph.logits(output)
        tail = graph.tail(self._logits)
        self._head = None if tail is None else self._proven(model, graph, tail)
        if tail is None or self._head is None:
            self.target_layer, self.substitute = self._last_with_positions(model, graph), "eigencam"
            log.info(
                "%s does not end in pooling and one or two linear layers: in place of Grad-CAM its maps are "
                "Eigen-CAM's, of the picture and no class",
                self._path.name,
            )
        else:
            self.target_layer, self.substitute = tail.activations, None
        hidden = [self._head.hidden_layer] if self._head and self._head.hidden_layer else []
        self._tapped = self._session(model, [self._logits, self.target_layer, *hidden])
        self._plain = self._session(model, [self._logits])
        self._engine = Engine(self._again)
        self.labels = _labels(spec, facts, self.plain(np.zeros((1, *self._size, 3), np.uint8)).shape[1])

    def _fact(self, facts: dict[str, str], name: str) -> list[float] | None:
        """Three numbers of the file's own metadata."""
        text = facts.get(f"livecam.{name}")
        if text is None:
            return None
        try:
            one, two, three = (float(number) for number in json.loads(text))
        except (ValueError, TypeError, RecursionError) as error:
            raise WeightsError(f"{self._path}: its own {name} is damaged; say --{name} R,G,B") from error
        return [one, two, three]

    def forward(self, pictures: NDArray[np.uint8]) -> Tap:
        made, inputs = _outputs(self._run(self._tapped, pictures)), partial(self._normalised, pictures)
        if self._head is not None:
            return closed_form(self._head, *made, inputs, self._engine)
        return self._without_gradients(*made, inputs)

    def _without_gradients(
        self, logits: Array, activations: Array, _: Array | None, inputs: Callable[[], Array]
    ) -> Tap:
        return Tap(
            logits,
            activations,
            self._no_gradients,
            self._no_gradients,
            numpy=host,
            inputs=inputs,
            score=lambda row, class_idx, others: scores(lambda x: self._again(x)[0], class_idx, others),
            rerun=lambda x: self._without_gradients(*self._again(x), lambda: x),
        )

    def _no_gradients(self, class_idx: list[int]) -> Array:
        raise ModelError(f"{self._path.name} has no gradients: it does not end in pooling and one or two linear layers")

    def lacks(self, needs: frozenset[Need]) -> frozenset[Need]:
        return needs - {Need.FORWARDS} if self._head is None else lacks(self._head, needs)

    def plain(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        return _rows(self._run(self._plain, pictures)[0])

    def prepare(self, size: tuple[int, int]) -> None:
        if self._fixed and size != self._size:
            raise ModelError(f"the file takes inputs of {self._size[0]}x{self._size[1]} only")

    def numpy(self, maps: Array) -> NDArray[np.float32]:
        return host(maps)

    def close(self) -> None:
        self._tapped = self._plain = None

    def _open(self, model: Any) -> None:
        """Learn what the file takes."""
        inputs = self._session(model, []).get_inputs()
        shape = list(inputs[0].shape) if inputs else []
        channels_last = len(shape) == 4 and shape[3] == 3 and shape[1] != 3
        if len(inputs) != 1 or len(shape) != 4 or inputs[0].type not in TYPES or (shape[1] != 3 and not channels_last):
            found = ", ".join(f"{entry.name} {entry.type} {entry.shape}" for entry in inputs)
            raise WeightsError(f"{self._path}: takes {found}, not one batch of RGB pictures")
        sides = shape[1:3] if channels_last else shape[2:]
        self._fixed = all(isinstance(side, int) for side in sides)
        self._size: tuple[int, int] = (sides[0], sides[1]) if self._fixed else (SIDE, SIDE)
        self._channels_last, self._dtype, self._batch = channels_last, TYPES[inputs[0].type], shape[0]

    def _session(self, model: Any, outputs: list[str]) -> Any:
        """A session that gives ``outputs``; none: those of the file."""
        import onnx

        copy = onnx.ModelProto()
        copy.CopyFrom(model)
        if outputs:
            del copy.graph.output[:]
            copy.graph.output.extend(onnx.ValueInfoProto(name=name) for name in dict.fromkeys(outputs))
        try:
            return open_session(copy.SerializeToString(), self._threads)
        except Exception as error:  # its errors have no base of their own
            raise WeightsError(f"{self._path}: ONNX Runtime does not take it ({first_line(error)[:200]})") from error

    def _run(self, session: Any, pictures: NDArray[np.uint8]) -> list[Array]:
        pictures = self._sized(pictures)
        return self._feed(session, pictures if self._dtype is np.uint8 else self._colours(pictures))

    def _again(self, x: Array) -> tuple[Array, Array, Array | None]:
        """Of inputs (B, 3, H, W) in the network's own range."""
        x = x.transpose(0, 2, 3, 1)
        if self._dtype is np.uint8:
            x = np.rint((x * self._std + self._mean) * 255).clip(0, 255)
        return _outputs(self._feed(self._tapped, x))

    def _normalised(self, pictures: NDArray[np.uint8]) -> Array:
        """(B, 3, H, W) in the network's own range, at its size."""
        return self._colours(self._sized(pictures)).transpose(0, 3, 1, 2)

    def _sized(self, pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
        if not self._fixed or pictures.shape[1:3] == self._size:
            return pictures
        height, width = self._size
        return np.stack([cv2.resize(p, (width, height), interpolation=cv2.INTER_AREA) for p in pictures])

    def _colours(self, pictures: NDArray[np.uint8]) -> Array:
        return np.asarray((pictures / np.float32(255) - self._mean) / self._std, np.float32)

    def _feed(self, session: Any, x: NDArray[Any]) -> list[Array]:
        """x: (B, H, W, 3), as the network takes it."""
        x = np.ascontiguousarray(x if self._channels_last else x.transpose(0, 3, 1, 2), self._dtype)
        if self._batch != 1:
            return [np.asarray(output, np.float32) for output in run_session(session, x)]
        each = [run_session(session, picture[None]) for picture in x]
        return [np.asarray(np.concatenate(parts), np.float32) for parts in zip(*each, strict=True)]

    def _proven(self, model: Any, graph: Graph, tail: Tail) -> Head | None:
        """The head of ``tail``, if it gives the network's logits for noise; whatever was misread shows here."""
        noise = np.random.default_rng(0).integers(0, 255, (1, *self._size, 3), dtype=np.uint8)
        first = tail.hidden or tail
        names = [self._logits, tail.activations, *([tail.hidden.z] if tail.hidden else [])]
        logits, activations, *z = self._run(self._session(model, names), noise)
        if activations.ndim != 4 or activations.shape[1] != first.weight.shape[1]:
            return None
        head, vector = Head(tail.weight), activations.mean((-2, -1))
        if tail.hidden is not None:
            vector = vector @ tail.hidden.weight.T + tail.hidden.bias
            activation = self._activation(graph, tail.hidden, z[0].shape)
            if activation is None:
                return None
            vector = ACTIVATIONS[activation].function(vector)
            ones, zeros = np.ones(len(first.weight), np.float32), np.zeros(len(first.weight), np.float32)
            head = Head(tail.weight, tail.hidden.weight, activation, tail.hidden.z, ones, zeros)
        ours = vector @ tail.weight.T + tail.bias
        within = ours.size == logits.size and np.abs(ours - _rows(logits)).max() <= TOLERANCE * np.abs(logits).max()
        return head if within else None

    def _activation(self, graph: Graph, hidden: Hidden, shape: tuple[int, ...]) -> str | None:
        """The activation's name, by what its part of the graph makes of −9 to 9, whatever nodes it is spelled in."""
        ramp = np.linspace(-WIDE, WIDE, math.prod(shape), dtype=np.float32).reshape(shape)
        try:
            (activated,) = run_session(self._session(graph.between(hidden.z, hidden.activated), []), ramp)
        except (WeightsError, ModelError):  # of another type, or of more than z
            return None
        names = fitting(_rows(ramp), _rows(activated)) if activated.size == ramp.size else []
        return names[0] if len(names) == 1 else None

    def _last_with_positions(self, model: Any, graph: Graph) -> str:
        """The last value (1, K, h, w) with h, w > 1 and more channels than rows, before the logits."""
        values = graph.values
        names = [name for name in values[: values.index(graph.bare(self._logits))] if name][-LAST:]
        picture = np.zeros((1, *self._size, 3), np.uint8)
        for name in reversed(names):
            try:
                (value,) = self._run(self._session(model, [name]), picture)
            except (ModelError, ValueError):  # a value of another type
                continue
            if value.ndim == 4 and min(value.shape[2:]) > 1 and value.shape[1] > value.shape[2]:
                return name
        raise TargetLayerError(f"{self._path}: no late value of it has positions: this is no convolutional network")


def _read(path: Path) -> Any:
    import onnx

    try:
        model = onnx.load(path)
    except Exception as error:  # protobuf's, the file system's and onnx's own errors
        raise WeightsError(f"--model {path}: cannot be read as ONNX ({first_line(error)[:200]})") from error
    if not model.graph.output or not model.graph.node:
        raise WeightsError(f"--model {path}: there is no network in it")
    return model


def _refuse(spec: ModelSpec, layer: str | None, device: str, precision: str) -> None:
    if spec.weights is not None:
        raise ConfigError(f"--weights {spec.weights}: {spec.name} holds its own weights")
    if layer is not None:
        raise ConfigError(f"--layer {layer}: in an ONNX file the target layer is found from the head")
    if device not in ("auto", "cpu"):
        raise ConfigError(f"device {device!r}: ONNX files run on the CPU here")
    if precision not in ("auto", "fast", "float32"):
        raise ConfigError(f"precision {precision!r}: an ONNX file has its own")


def _labels(spec: ModelSpec, facts: dict[str, str], classes: int) -> tuple[str, ...]:
    from livecam.models.labels import imagenet_labels, parse_labels, read_labels

    if spec.labels is not None:
        names = read_labels(spec.labels)
    elif "livecam.labels" in facts:
        names = parse_labels(facts["livecam.labels"], spec.name)
    else:
        names = imagenet_labels(classes)
    if len(names) != classes:
        raise ConfigError(f"{spec.labels}: {len(names)} labels for {classes} classes; give one a class, in order")
    return names


def _rows(logits: Array) -> Array:
    return logits.reshape(len(logits), -1)


def _outputs(made: list[Array]) -> tuple[Array, Array, Array | None]:
    """Logits, A, and z, of a head with a hidden layer."""
    logits, activations, *z = made
    return _rows(logits), activations, _rows(z[0]) if z else None
