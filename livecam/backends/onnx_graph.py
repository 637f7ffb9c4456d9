"""A traced graph as an ONNX model, through PyTorch's exporter."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

OPSET = 18
INPUT = "pictures"


def to_onnx(program: torch.export.ExportedProgram, outputs: list[str], metadata: dict[str, str] | None = None) -> Any:
    """``program`` as an ``onnx.ModelProto`` of opset 18, its input called ``pictures``, its batch free.

    outputs: their names, in order. metadata: what the file says of itself. Needs onnx and onnxscript.
    """
    import torch

    with warnings.catch_warnings():
        # The exporter uses what its own dependencies have deprecated; nothing that its caller could change.
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", FutureWarning)
        exported = torch.onnx.export(
            program,
            dynamo=True,
            opset_version=OPSET,
            input_names=[INPUT],
            output_names=outputs,
            external_data=False,
            verbose=False,
        )
    assert exported is not None
    model = exported.model
    _name_batch(model)
    _forget_origin(model)
    model.metadata_props.update(metadata or {})
    return exported.model_proto


def _name_batch(model: Any) -> None:
    """The first side of every input and output is called ``batch``; the exporter calls it s77."""
    import onnx_ir

    for value in [*model.graph.inputs, *model.graph.outputs]:
        value.shape = onnx_ir.Shape(["batch", *value.shape.dims[1:]])


def _forget_origin(model: Any) -> None:
    """Each node carries the stack trace of the Python that made it: a third of a small file, and the paths of this
    machine."""
    for part in [model.graph, *model.functions.values()]:
        for node in part.all_nodes():
            node.metadata_props.clear()
            node.doc_string = None
