"""One picture kept while the show goes on: as it came, as it was shown, and what was seen as JSON."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

from livecam.errors import SinkError
from livecam.sinks._files import cannot_write, write_new
from livecam.sinks.images import encode
from livecam.sinks.sidecar import seen
from livecam.types import AnnotatedFrame, RunInfo

FOLDER = Path("recordings/snapshots")
MOST = 1000  # snapshots of one millisecond


def write_snapshot(annotated: AnnotatedFrame, run: RunInfo, folder: Path = FOLDER, now: datetime | None = None) -> Path:
    """Write ``TIME.png`` (the picture), ``TIME.overlay.png`` and ``TIME.json`` into ``folder``; returns the first.

    now: local time for the names. Each file appears whole, and none that exists is overwritten. Raises SinkError.
    """
    moment = now or datetime.now()
    stem = f"{moment:%Y%m%d-%H%M%S}-{moment.microsecond // 1000:03d}"
    raw, overlay = (encode(folder / "x.png", image) for image in (annotated.frame.image, annotated.image))
    path = _first_free(folder, stem, raw)
    others = path.with_suffix(".overlay.png"), path.with_suffix(".json")
    record = json.dumps(_record(annotated, run, moment, path), ensure_ascii=False, indent=2) + "\n"
    for other, data in zip(others, (overlay, record.encode("utf-8", "backslashreplace")), strict=True):
        _write(other, data)
    return path


def _first_free(folder: Path, stem: str, data: bytes) -> Path:
    """``data`` under the first name that nobody has."""
    for number in range(1, MOST):
        path = folder / (f"{stem}.png" if number == 1 else f"{stem}-{number}.png")
        try:
            write_new(path, data)
        except FileExistsError:
            continue
        return path
    raise SinkError(f"{folder / stem}: there are {MOST} snapshots of this moment; tidy the folder")


def _write(path: Path, data: bytes) -> None:
    try:
        write_new(path, data)
    except FileExistsError as error:
        raise cannot_write(path, error) from error


def _record(annotated: AnnotatedFrame, run: RunInfo, moment: datetime, path: Path) -> dict[str, object]:
    height, width = annotated.frame.picture.shape[:2]
    explanation = annotated.explanation
    record: dict[str, object] = {
        "input": run.source.name,
        "picture": path.name,
        "overlay": path.with_suffix(".overlay.png").name,
        "time": moment.isoformat(timespec="milliseconds"),
        "index": annotated.frame.index,
        "pts": float(annotated.frame.pts),
        "lag": annotated.lag,
        "model": run.model,
        "method": explanation.method if explanation else run.method,
        "target_layer": run.target_layer,
        "width": width,
        "height": height,
    }
    return record | (seen(explanation) if explanation else {})
