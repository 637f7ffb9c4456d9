"""Model → graph → file beside its place → check → file in its place."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import asdict, dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livecam.backends.onnx_graph import INPUT, OPSET
from livecam.backends.pytorch import TorchBackend
from livecam.errors import ConfigError, LivecamError, ModelError
from livecam.export.engines import open_file
from livecam.export.files import check_suffix, need, write
from livecam.export.graph import Form, explained
from livecam.export.parity import TOLERANCES, Parity, compare
from livecam.export.quantise import NEEDS as INT8_NEEDS
from livecam.export.quantise import REMEDY as INT8_REMEDY
from livecam.export.quantise import quantise
from livecam.models import LoadedModel
from livecam.sinks import SinkOptions
from livecam.sinks._files import cannot_write, check_free

METHOD = "gradcam"
PRECISIONS = ("float32", "float16", "int8")


@dataclass(frozen=True, slots=True)
class Export:
    """What to write. layer: target layer, None finds it. size, classes, preprocess: as in ``Form``.

    force: overwrite what is there.
    """

    output: Path
    size: tuple[int, int] = (224, 224)
    classes: int = 0
    preprocess: bool = False
    precision: str = "float32"
    layer: str | None = None
    force: bool = False


def check(job: Export) -> None:
    """Raise what can be said without the model: ConfigError, MissingExtra, SinkError."""
    suffix = check_suffix(job.output)
    check_free(job.output, SinkOptions(force=job.force))
    if job.precision not in PRECISIONS:
        raise ConfigError(f"precision {job.precision!r} is not one of {', '.join(PRECISIONS)}")
    if job.precision == "int8":
        need(*INT8_NEEDS[suffix], remedy=INT8_REMEDY)
    if job.classes < 0:
        raise ConfigError(f"{job.classes} classes: give 1 or more")
    with _beside(job.output):  # can it be written there?
        pass


def export(model: LoadedModel, job: Export, pictures: NDArray[np.uint8]) -> dict[str, Any]:
    """Write ``model`` with its explanation, and return the report with the check's figures.

    pictures: (N, H, W, 3) uint8 RGB of ``job.size``, to check the file on; for int8 every other one calibrates it.
    Raises ConfigError, MissingExtra, SinkError, TargetLayerError, and ModelError when the file does not compute what
    PyTorch does; then no file is left, and one that was there before is as it was.
    """
    check(job)
    if job.precision == "int8" and len(pictures) < 2:
        raise ConfigError("int8 needs two pictures at least: one to calibrate on, one to check on")
    if job.classes > len(model.labels):
        raise ConfigError(f"{job.classes} classes: {model.name} has {len(model.labels)}")
    half = job.precision == "float16" and job.output.suffix.lower() == ".onnx"  # OpenVINO keeps float16 by itself
    form = Form(job.size, job.classes, job.preprocess, half)
    copy = replace(model, module=deepcopy(model.module))
    with _beside(job.output) as folder:
        program, layer = explained(copy, job.layer, form)
        work = folder / job.output.name
        write(program, work, form, describe(model, job, layer))
        if job.precision == "int8":
            quantise(work, taken(pictures[::2], model, job))
            pictures = pictures[1::2]  # the check is on pictures that it has not seen
        parity = _checked(work, model, job, form, layer, pictures)
        files = _move(folder, job.output)
    return {
        "output": str(job.output),
        "files": {str(file): file.stat().st_size for file in files},
        "format": f"ONNX, opset {OPSET}" if job.output.suffix.lower() == ".onnx" else "OpenVINO IR",
        "model": model.name,
        "method": METHOD,
        "target_layer": layer,
        "precision": job.precision,
        "input": {"name": INPUT, "shape": ["batch", *form.shape], "dtype": form.dtype},
        "outputs": form.outputs,
        "parity": asdict(parity),
        "tolerance": asdict(TOLERANCES[job.precision]),
    }


def describe(model: LoadedModel, job: Export, layer: str) -> dict[str, Any]:
    """What the file says of itself."""
    return {
        "version": _version(),
        "model": model.name,
        "method": METHOD,
        "target_layer": layer,
        "precision": job.precision,
        "preprocess": "inside" if job.preprocess else "(x / 255 - mean) / std",
        "mean": list(model.mean),
        "std": list(model.std),
        "labels": list(model.labels),
    }


def _version() -> str:
    try:
        return version("livecam")
    except PackageNotFoundError:  # run from its sources
        return "unknown"


def _checked(
    work: Path, model: LoadedModel, job: Export, form: Form, layer: str, pictures: NDArray[np.uint8]
) -> Parity:
    """Raises ModelError when ``work`` is out of tolerance."""
    run_file = open_file(work, form.outputs)

    def run(part: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
        return run_file(taken(part, model, job))

    backend = TorchBackend(model, layer, device="cpu", precision="float32", closed_form=False)
    try:
        parity = compare(run, backend, pictures, job.classes)
    finally:
        backend.close()
    problems = TOLERANCES[job.precision].broken_by(parity)
    if problems:
        raise ModelError(
            f"{job.output}: not written, for the file does not compute what PyTorch does: {'; '.join(problems)} on "
            f"{parity.frames} pictures; try another --precision or format"
        )
    return parity


def taken(pictures: NDArray[np.uint8], model: LoadedModel, job: Export) -> NDArray[Any]:
    """(B, H, W, 3) uint8 RGB in the form that the file takes: as it is, or (B, 3, H, W) float32 normalised."""
    if job.preprocess:
        return pictures
    mean, std = np.array(model.mean, np.float32), np.array(model.std, np.float32)
    return np.ascontiguousarray(((pictures / np.float32(255) - mean) / std).transpose(0, 3, 1, 2), np.float32)


@contextmanager
def _beside(output: Path) -> Iterator[Path]:
    """An empty folder on the disk of ``output``, removed at the end. Raises SinkError when it cannot be written."""
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f".{output.name}.", dir=output.parent))
    except OSError as error:
        raise cannot_write(output, error) from error
    try:
        yield folder
    except OSError as error:
        if isinstance(error, LivecamError):
            raise
        raise cannot_write(output, error) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _move(folder: Path, output: Path) -> list[Path]:
    """What is in ``folder`` goes into its place, the file that names the others last."""
    works = sorted(folder.iterdir(), key=lambda work: work.name == output.name)
    return [work.replace(output.with_name(work.name)) for work in works][::-1]
