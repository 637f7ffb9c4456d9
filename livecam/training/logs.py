"""Where findings go: a folder, or TensorBoard."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Protocol

import cv2

from livecam.errors import ConfigError, MissingExtra, SinkError
from livecam.training.findings import Explained, Findings, LayerStatistics
from livecam.training.histogram import Histogram
from livecam.types import Prediction


class Log(Protocol):
    def write(self, findings: Findings) -> None:
        """Raises SinkError."""
        ...

    def close(self) -> None:
        """Twice is harmless."""
        ...


def open_log(log: Log | str | Path | Any) -> Log:
    """A folder's path, a ``SummaryWriter``, or a log. Raises ConfigError."""
    if isinstance(log, str | Path):
        return FolderLog(log)
    if hasattr(log, "add_histogram_raw"):
        return TensorBoardLog(log)
    if not hasattr(log, "write"):
        raise ConfigError(f"log: give a folder, a SummaryWriter or a TensorBoardLog, not a {type(log).__name__}")
    return log


class FolderLog:
    """``epoch_0003/00.png``, ... the panels of an epoch, and ``epoch_0003.json``: the figures.

    The JSON object has ``epoch``; ``pictures``, each with ``file``, ``right``, and ``predicted`` and ``true`` as
    ``{class_idx, label, score}``; ``layers``, as ``LayerStatistics``. An epoch that is there is written anew.
    """

    def __init__(self, folder: str | Path) -> None:
        self._folder = Path(folder)

    def write(self, findings: Findings) -> None:
        name = f"epoch_{findings.epoch:04d}"
        files = [f"{name}/{number:02d}.png" for number in range(len(findings.pictures))]
        report = {
            "epoch": findings.epoch,
            "pictures": [_said(one, file) for one, file in zip(findings.pictures, files, strict=True)],
            "layers": [_layer(one) for one in findings.layers],
        }
        try:
            (self._folder / name).mkdir(parents=True, exist_ok=True)
            for one, file in zip(findings.pictures, files, strict=True):
                (self._folder / file).write_bytes(cv2.imencode(".png", one.panel[..., ::-1])[1].tobytes())
            text = json.dumps(report, ensure_ascii=False, indent=1)
            (self._folder / f"{name}.json").write_text(text, encoding="utf-8")
        except OSError as error:
            raise SinkError(f"{self._folder}: cannot be written ({error.strerror or error})") from error

    def close(self) -> None:
        """Every file is complete already."""


class TensorBoardLog:
    """Panels as images ``explain/00``, the probability of the true class as scalars ``explain/00/true``; of each layer
    the histograms ``activations/NAME`` and ``gradients/NAME``, and ``dead/NAME``, the share of its channels.

    target: a folder, or a ``SummaryWriter`` of yours, which stays open. Raises MissingExtra.
    """

    def __init__(self, target: str | Path | Any) -> None:
        self._own = isinstance(target, str | Path)
        self._writer: Any = _writer(target) if self._own else target

    def write(self, findings: Findings) -> None:
        step = findings.epoch
        for number, one in enumerate(findings.pictures):
            self._writer.add_image(f"explain/{number:02d}", one.panel, step, dataformats="HWC")
            self._writer.add_scalar(f"explain/{number:02d}/true", one.true.score, step)
        for layer in findings.layers:
            self._histogram(f"activations/{layer.name}", layer.activations, step)
            self._histogram(f"gradients/{layer.name}", layer.gradients, step)
            if layer.channels:
                self._writer.add_scalar(f"dead/{layer.name}", layer.dead / layer.channels, step)
        self._writer.flush()

    def _histogram(self, tag: str, found: Histogram, step: int) -> None:
        if found.number:
            self._writer.add_histogram_raw(
                tag,
                min=found.least,
                max=found.most,
                num=found.number,
                sum=found.total,
                sum_squares=found.squares,
                bucket_limits=found.edges[1:].tolist(),
                bucket_counts=found.counts.tolist(),
                global_step=step,
            )

    def close(self) -> None:
        if self._own:
            self._writer.close()


def _writer(folder: str | Path) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise MissingExtra(f"TensorBoard needs {error.name}: pip install 'livecam[training]'") from error
    return SummaryWriter(str(folder))


def _said(one: Explained, file: str) -> dict[str, Any]:
    return {"file": file, "right": one.right, "predicted": _prediction(one.predicted), "true": _prediction(one.true)}


def _prediction(one: Prediction) -> dict[str, Any]:
    return {"class_idx": one.class_idx, "label": one.label, "score": one.score}


def _layer(one: LayerStatistics) -> dict[str, Any]:
    figures = {"name": one.name, "channels": one.channels, "dead": one.dead, "broken": one.broken, "passes": one.passes}
    return figures | {key: _counts(getattr(one, key)) for key in ("activations", "gradients")}


def _counts(found: Histogram) -> dict[str, Any]:
    extremes = {"least": found.least, "most": found.most, "mean": found.mean, "number": found.number}
    return extremes | {"edges": found.edges.tolist(), "counts": found.counts.tolist()}
