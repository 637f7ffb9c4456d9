"""An exported file, run as its user would run it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livecam.backends.onnx_graph import INPUT

Outputs = dict[str, NDArray[Any]]
Run = Callable[[NDArray[Any]], Outputs]


def open_file(path: Path, outputs: list[str]) -> Run:
    """A function from pictures, in the form that the file takes, to its outputs by name."""
    return _onnx(path, outputs) if path.suffix.lower() == ".onnx" else _ir(path, outputs)


def _onnx(path: Path, outputs: list[str]) -> Run:
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return lambda pictures: dict(zip(outputs, session.run(outputs, {INPUT: pictures}), strict=True))


def _ir(path: Path, outputs: list[str]) -> Run:
    from livecam._openvino import openvino

    # Without the hint a CPU that has bfloat16 computes in it.
    compiled = openvino.Core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})

    def run(pictures: NDArray[Any]) -> Outputs:
        result = compiled({INPUT: pictures})
        return {name: np.array(result[name]) for name in outputs}

    return run
