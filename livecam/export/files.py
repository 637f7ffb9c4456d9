"""A graph as a file: ONNX through PyTorch's exporter, OpenVINO IR through OpenVINO's. Written where ``folder`` says."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from livecam.backends.onnx_graph import INPUT, to_onnx
from livecam.errors import ConfigError, MissingExtra

if TYPE_CHECKING:
    import torch

    from livecam.export.graph import Form

NEEDS = {".onnx": ("onnx", "onnxscript", "onnxruntime"), ".xml": ("openvino",)}
REMEDY = {".onnx": "pip install 'livecam[onnx]'", ".xml": "pip install openvino"}


def check_suffix(path: Path) -> str:
    """``.onnx`` or ``.xml``, when what writes it is installed. Raises ConfigError, MissingExtra."""
    suffix = path.suffix.lower()
    if suffix not in NEEDS:
        raise ConfigError(f"{path}: a model is written as .onnx (ONNX) or .xml (OpenVINO IR), not {suffix or 'this'}")
    need(*NEEDS[suffix], remedy=REMEDY[suffix])
    return suffix


def need(*packages: str, remedy: str) -> None:
    """Raise MissingExtra unless the packages are installed."""
    for package in packages:
        try:
            importlib.import_module(package)
        except ImportError as error:
            raise MissingExtra(f"{package} is not installed: {remedy}") from error


def write(program: torch.export.ExportedProgram, path: Path, form: Form, metadata: dict[str, Any]) -> None:
    """``program`` as the file ``path``, of the kind that its suffix names. metadata: anything that JSON holds."""
    texts = {
        key: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for key, value in metadata.items()
    }
    WRITERS[path.suffix.lower()](program, path, form, texts)


def _write_onnx(program: torch.export.ExportedProgram, path: Path, form: Form, metadata: dict[str, str]) -> None:
    model = to_onnx(program, form.outputs, {f"livecam.{key}": value for key, value in metadata.items()})
    path.write_bytes(model.SerializeToString())


def _write_ir(program: torch.export.ExportedProgram, path: Path, form: Form, metadata: dict[str, str]) -> None:
    from livecam._openvino import openvino

    model = openvino.convert_model(program)
    # The converter forgets the fixed sides; with them the engine plans its memory ahead.
    model.reshape([-1, *form.shape])
    model.inputs[0].get_tensor().set_names({INPUT})
    for port, name in zip(model.outputs, form.outputs, strict=True):
        port.get_tensor().set_names({name})
    for key, value in metadata.items():
        model.set_rt_info(value, ["livecam", key])
    openvino.save_model(model, path, compress_to_fp16=metadata["precision"] == "float16")


WRITERS: dict[str, Callable[[Any, Path, Form, dict[str, str]], None]] = {".onnx": _write_onnx, ".xml": _write_ir}
