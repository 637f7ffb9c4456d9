"""Post-training quantisation to 8 bits, calibrated on pictures.

The convolutions compute in 8 bits. What explains (the pooled head and the map's product) stays in float32: it costs
nothing there, and its rounding would move every cell of the map.
"""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livecam.backends.onnx_graph import INPUT

FLOAT_FIRST = 2
REMEDY = "pip install 'livecam[int8]'"
NEEDS = {".onnx": ("onnxruntime.quantization",), ".xml": ("nncf",)}


def quantise(path: Path, pictures: NDArray[Any]) -> None:
    """The float32 file ``path`` becomes its quantised form. pictures: a batch in the form that the file takes."""
    (_onnx if path.suffix.lower() == ".onnx" else _ir)(path, pictures)


def _onnx(path: Path, pictures: NDArray[Any]) -> None:
    from onnxruntime import quantization as q

    class Reader(q.CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self._rest: Iterator[NDArray[Any]] = (pictures[n : n + 1] for n in range(len(pictures)))

        def get_next(self) -> dict[str, NDArray[Any]] | None:
            batch = next(self._rest, None)
            return None if batch is None else {INPUT: batch}

    work = path.with_suffix(".int8.onnx")
    logging.getLogger().addFilter(_no_advice)  # it logs to the root, to pre-process what needs none
    try:
        q.quantize_static(
            path,
            work,
            Reader(),
            quant_format=q.QuantFormat.QDQ,
            op_types_to_quantize=["Conv"],
            nodes_to_exclude=_first_convolutions(path),
            per_channel=True,
            activation_type=q.QuantType.QUInt8,
            weight_type=q.QuantType.QInt8,
        )
    finally:
        logging.getLogger().removeFilter(_no_advice)
    work.replace(path)


def _first_convolutions(path: Path) -> list[str]:
    """Names of those that stay in float32: few operations, and rounding the pictures themselves costs the most (map
    correlation of EfficientNet-Lite0 0.947 with them, 0.990 without)."""
    import onnx

    graph = onnx.load(path, load_external_data=False).graph
    return [node.name for node in graph.node if node.op_type == "Conv"][:FLOAT_FIRST]


def _no_advice(record: logging.LogRecord) -> bool:
    return "pre-processing" not in record.getMessage()


def _ir(path: Path, pictures: NDArray[Any]) -> None:
    from livecam._openvino import openvino

    # It looks for a compiler of PyTorch extensions, which is not used here, and says that there is no CUDA.
    logging.getLogger("torch.utils.cpp_extension").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        # What it imports uses what PyTorch has deprecated; nothing that its caller could change.
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", FutureWarning)
        import nncf

    nncf.set_log_level(logging.ERROR)
    model = openvino.Core().read_model(path)
    dataset = nncf.Dataset([{INPUT: np.ascontiguousarray(picture[None])} for picture in pictures])
    ignored = nncf.IgnoredScope(types=["MatMul"], validate=False)
    with redirect_stdout(sys.stderr):  # its progress bars; our stdout is for the report
        quantised = nncf.quantize(model, dataset, subset_size=len(pictures), ignored_scope=ignored)
    work = path.with_name("int8.xml")
    openvino.save_model(quantised, work, compress_to_fp16=False)
    del model, quantised  # they hold the file that is replaced
    for suffix in (".bin", ".xml"):
        work.with_suffix(suffix).replace(path.with_suffix(suffix))
