"""How a classifier of another framework ends: read from its ONNX graph, from the output backwards.

Three tails have a closed form, y = W·mean(A) + b and y = W₂·act(W₁·mean(A) + b₁) + b₂:
    A → global average pooling → (flatten, reshape, squeeze) → linear
    A → 1×1 Conv → global average pooling → (flatten, ...)
    A → global average pooling → (flatten, ...) → linear → activation, in whatever nodes → linear
where linear is Gemm, MatMul (+ Add), or 1×1 Conv (+ BatchNormalization).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
SHAPERS = {"Flatten", "Reshape", "Squeeze", "Unsqueeze", "Identity", "Dropout", "Cast"}
SOFTMAX = {"Softmax", "LogSoftmax"}
SPELLED = 16  # nodes that an activation is made of, at most


@dataclass(frozen=True, slots=True)
class Hidden:
    """z: name of W₁·mean(A) + b₁. activated: name of act(z). weight: W₁ (J, K). bias: b₁ (J,)."""

    z: str
    activated: str
    weight: Array
    bias: Array


@dataclass(frozen=True, slots=True)
class Tail:
    """activations: name of A. weight: W (C, K), or W₂ (C, J) behind ``hidden``. bias: b (C,)."""

    activations: str
    weight: Array
    bias: Array
    hidden: Hidden | None = None


class Graph:
    """An ``onnx.ModelProto`` read backwards."""

    def __init__(self, model: Any) -> None:
        self._model, self.nodes = model, list(model.graph.node)
        self._made_by = {name: node for node in self.nodes for name in node.output}
        self._stored = {tensor.name: tensor for tensor in model.graph.initializer}

    @property
    def values(self) -> list[str]:
        """First outputs of the nodes, in the order of computation."""
        return [node.output[0] for node in self.nodes]

    def logits(self, output: str) -> str:
        """The value before the softmax, where ``output`` ends with one."""
        node = self._made_by.get(self.bare(output))
        return str(node.input[0]) if node is not None and node.op_type in SOFTMAX else output

    def tail(self, logits: str) -> Tail | None:
        """None where it is none of the three."""
        linear = self._linear(self.bare(logits))
        if linear is not None:
            name, weight, bias = linear
            pooled = self._pooled(self.bare(name))
            return self._hidden_tail(name, weight, bias) if pooled is None else Tail(pooled, weight, bias)
        pooled = self._pooled(self.bare(logits))
        linear = None if pooled is None else self._linear(self.bare(pooled))
        return None if linear is None else Tail(*linear)

    def _hidden_tail(self, activated: str, weight: Array, bias: Array) -> Tail | None:
        z = self._before(activated)
        first = None if z is None else self._linear(self.bare(z))
        pooled = None if first is None else self._pooled(self.bare(first[0]))
        if z is None or first is None or pooled is None:
            return None
        return Tail(pooled, weight, bias, Hidden(z, activated, *first[1:]))

    def _before(self, activated: str) -> str | None:
        """The linear value that ``activated`` is made of, through all that is computed of it on the way."""
        linear, nodes, names = [], 0, [activated]
        while names and nodes < SPELLED:
            name = names.pop()
            node = self._made_by.get(name)
            if self._linear(self.bare(name)) is not None:
                linear.append(name)
            elif node is None:
                return None
            else:
                names += [given for given in node.input if given and self._constant(given) is None]
                nodes += 1
        # z + 3, of a hard swish, is linear too, but comes later.
        return None if names or not linear else min(linear, key=self.values.index)

    def between(self, start: str, end: str) -> Any:
        """An ``onnx.ModelProto`` of one input, ``start``, and one output, ``end``, both float32."""
        from onnx import TensorProto, helper

        needed, found = {end}, []
        for node in reversed(self.nodes):
            if needed & set(node.output) and start not in node.output:
                found.append(node)
                needed |= set(node.input)
        ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in (start, end)]
        stored = [tensor for name, tensor in self._stored.items() if name in needed]
        graph = helper.make_graph(found[::-1], "part", ends[:1], ends[1:], stored)
        whole = self._model
        return helper.make_model(
            graph, opset_imports=whole.opset_import, ir_version=whole.ir_version, functions=whole.functions
        )

    def bare(self, name: str) -> str:
        """The value before all that only changes its shape."""
        while (node := self._made_by.get(name)) is not None and node.op_type in SHAPERS:
            name = node.input[0]
        return name

    def _linear(self, name: str) -> tuple[str, Array, Array] | None:
        """(x, W, b) of W·x + b."""
        node = self._made_by.get(name)
        if node is None:
            return None
        if node.op_type == "Add":
            for x, other in (node.input, reversed(node.input)):
                bias, inner = self._constant(other), self._linear(self.bare(x))
                if bias is not None and inner is not None:
                    return inner[0], inner[1], inner[2] + bias.reshape(-1)
            return None
        if node.op_type == "BatchNormalization":
            return self._normalised(node)
        weight = self._constant(node.input[1]) if len(node.input) > 1 else None
        if weight is None or node.op_type not in READERS:
            return None
        weight = READERS[node.op_type](weight, _attributes(node))
        if weight is None:
            return None
        given = self._constant(node.input[2]) if len(node.input) > 2 and node.input[2] else None
        bias = np.zeros(len(weight), np.float32) if given is None else given.reshape(-1)
        return node.input[0], weight, np.broadcast_to(bias, len(weight)) * _attributes(node).get("beta", np.float32(1))

    def _normalised(self, node: Any) -> tuple[str, Array, Array] | None:
        """``_linear`` of a normalised linear value."""
        inner = self._linear(self.bare(node.input[0]))
        scale, shift, mean, variance = (self._constant(name) for name in node.input[1:5])
        if inner is None or scale is None or shift is None or mean is None or variance is None:
            return None
        name, weight, bias = inner
        scale = scale / np.sqrt(variance + np.float32(_attributes(node).get("epsilon", 1e-5)))
        return name, scale[:, None] * weight, (bias - mean) * scale + shift

    def _pooled(self, name: str) -> str | None:
        """x of mean(x) over both sides of the picture."""
        node = self._made_by.get(name)
        if node is None:
            return None
        if node.op_type == "GlobalAveragePool":
            return str(node.input[0])
        if node.op_type == "ReduceMean":
            axes = self._constant(node.input[1]) if len(node.input) > 1 else _attributes(node).get("axes")
            if axes is not None and sorted(int(axis) % 4 for axis in np.ravel(axes)) == [2, 3]:
                return str(node.input[0])
            # one side after the other
            first = self._made_by.get(node.input[0])
            if axes is not None and np.size(axes) == 1 and first is not None and first.op_type == "ReduceMean":
                return str(first.input[0])  # whether these were the two sides is for the proof to say
        return None

    def _constant(self, name: str) -> Array | None:
        from onnx import numpy_helper

        if name in self._stored:
            return np.asarray(numpy_helper.to_array(self._stored[name]), np.float32)
        node = self._made_by.get(name)
        if node is None:
            return None
        if node.op_type == "Constant" and "value" in _attributes(node):
            return np.asarray(numpy_helper.to_array(_attributes(node)["value"]), np.float32)
        inner = self._constant(node.input[0]) if node.op_type in ("Transpose", "Identity", "Cast") else None
        return inner.T if inner is not None and node.op_type == "Transpose" else inner


def _attributes(node: Any) -> dict[str, Any]:
    from onnx import helper

    return {entry.name: helper.get_attribute_value(entry) for entry in node.attribute}


def _gemm(weight: Array, attributes: dict[str, Any]) -> Array | None:
    if attributes.get("transA"):
        return None
    turned = weight if attributes.get("transB") else weight.T
    return np.asarray(turned * np.float32(attributes.get("alpha", 1)), np.float32)


def _matmul(weight: Array, _attributes: dict[str, Any]) -> Array | None:
    return weight.T if weight.ndim == 2 else None


def _conv(weight: Array, attributes: dict[str, Any]) -> Array | None:
    pointwise = weight.ndim == 4 and weight.shape[2:] == (1, 1) and attributes.get("group", 1) == 1
    plain = not any(attributes.get("pads", ())) and set(attributes.get("strides", (1,))) == {1}
    return weight[:, :, 0, 0] if pointwise and plain else None


READERS = {"Gemm": _gemm, "MatMul": _matmul, "Conv": _conv}
