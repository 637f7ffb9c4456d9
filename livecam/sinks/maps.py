"""``out.npz``: the maps themselves, for programs: float32 as the explainer gave them."""

from __future__ import annotations

import zipfile
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livecam.errors import SourceError, SourceNotFound
from livecam.sinks import SINKS, SinkOptions
from livecam.sinks._file_sink import FileSink
from livecam.types import AnnotatedFrame, Heatmap, RunInfo

CHUNK = 256  # maps of one size that are written together
COLUMNS = {"index": "q", "pts": "d", "class_idx": "q", "peak": "d", "lag": "q"}


class MapsSink(FileSink):
    """Writes a row for each picture that has an explanation, as NumPy's archive of arrays:

    ``index``, ``pts`` (seconds of the source), ``class_idx``, ``peak`` (the raw maximum: cam × peak is the raw map),
    ``lag``: (n,). ``region``: (n, 4) float32, (y0, x0, y1, x1) as fractions of the picture. ``cam_00000000``, ...:
    up to CHUNK maps each, (m, h, w) float32 in [0, 1], all of one size, named after their first row; see ``read_maps``.

    Maps go to the disk as they come; the file can be read when it is closed. Raises SinkError.
    """

    def __init__(self, path: Path, options: SinkOptions | None = None) -> None:
        super().__init__(path, options or SinkOptions())
        self._columns: dict[str, array[Any]] = {name: array(kind) for name, kind in COLUMNS.items()}
        self._regions = array("f")
        self._chunk: list[Heatmap] = []
        self._zip = zipfile.ZipFile(self._file.work, "w")

    @staticmethod
    def matches(spec: str) -> bool:
        return spec.lower().endswith(".npz") and "://" not in spec

    @staticmethod
    def open(spec: str, options: SinkOptions, run: RunInfo | None) -> MapsSink:
        return MapsSink(Path(spec), options)

    def write(self, annotated: AnnotatedFrame) -> bool:
        with self._lock:
            self.check_open()
            explanation = annotated.explanation
            if explanation is None:
                return True
            if self._chunk and (len(self._chunk) == CHUNK or self._chunk[0].shape != explanation.cam.shape):
                with self._guarded():
                    self._flush()
            self._chunk.append(explanation.cam)
            row = {
                "index": annotated.frame.index,
                "pts": float(annotated.frame.pts),
                "class_idx": explanation.class_idx,
                "peak": float(explanation.peak),
                "lag": annotated.lag or 0,
            }
            for name, value in row.items():
                self._columns[name].append(value)
            self._regions.extend(explanation.region)
        return True

    def _complete(self) -> None:
        self._flush()
        for name, values in self._columns.items():
            self._put(name, np.asarray(values))
        self._put("region", np.asarray(self._regions).reshape(-1, 4))
        self._zip.close()
        self._file.commit()

    def _flush(self) -> None:
        if self._chunk:
            first = len(self._columns["index"]) - len(self._chunk)
            self._put(f"cam_{first:08}", np.stack(self._chunk))
            self._chunk.clear()

    def _put(self, name: str, values: NDArray[Any]) -> None:
        # A fixed time: the same run writes the same bytes.
        with self._zip.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as member:
            np.lib.format.write_array(member, values, allow_pickle=False)

    def _release(self) -> None:
        self._zip.close()


@dataclass(frozen=True, slots=True)
class Map:
    """cam: (h, w) float32 in [0, 1]; the rest as of MapsSink."""

    index: int
    pts: float
    class_idx: int
    peak: float
    cam: Heatmap


def read_maps(path: Path | str) -> Iterator[Map]:
    """The rows of a file of MapsSink, one by one. Raises SourceNotFound, or SourceError when it is no such file."""
    try:
        # Opened here: NumPy leaves a file open that it finds to be none of its own.
        with Path(path).open("rb") as file, np.load(file, allow_pickle=False) as archive:
            columns = [archive[name].tolist() for name in ("index", "pts", "class_idx", "peak")]
            cams = (cam for name in sorted(archive.files) if name.startswith("cam_") for cam in archive[name])
            for index, pts, class_idx, peak, cam in zip(*columns, cams, strict=True):
                yield Map(index, pts, class_idx, peak, cam)
    except FileNotFoundError as exc:
        raise SourceNotFound(f"{path}: no such file; check the spelling") from exc
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as exc:
        raise SourceError(f"{path}: no .npz file of livecam's maps, or damaged; write it again with --maps") from exc


SINKS.add("maps", MapsSink)
