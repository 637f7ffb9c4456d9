"""``out.jsonl``: what was seen in every frame, and where, for programs. Version 1 of the format.

{"type": "header", "version", "source", "model", "method", "target_layer", "width", "height", "time_base", "labels"}
{"type": "frame", "index", "pts", "class_idx", "label", "top", "peak", "cam", "lag", "level"}    a line a frame
{"type": "end", "frames", "decode_errors"}

Of a detector, a frame has "objects": [{"track", "class_idx", "label", "score", "box": [y0, x0, y1, x1], "peak",
"cam"}], of a segmenter "outline": [[[x, y], ...], ...], polygons around what is explained, all in fractions of the
picture; of a clip "moments": [share, ...], of the heat in each moment of the window, the oldest first. With an
untrained network, the header and each frame say "random_weights": true.

The end may also say "settings", what was set for the run, and live "state", how it went (``Pipeline.state``). Live, a
frame may also say "faithfulness": {"index", "before", "after", "control", "share"}, see ``types.Faithfulness``.

The same run writes the same bytes: keys have one order, scores 6 decimals, peaks 6 digits, and no clock is read.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from livecam.errors import ConfigError, SourceError, SourceNotFound
from livecam.geometry import outlines
from livecam.records import said
from livecam.sinks import SINKS, SinkOptions
from livecam.sinks._lines import LinesSink
from livecam.types import AnnotatedFrame, Explanation, Heatmap, RunInfo

VERSION = 1
LONGEST = 1 << 25  # characters of a line; a map of a million cells has 1.4 million
PEAK_DIGITS = 6


class SidecarSink(LinesSink):
    """Writes JSON lines; the file appears when it is complete, live it grows line by line. Raises SinkError."""

    def __init__(self, path: Path, run: RunInfo, options: SinkOptions | None = None) -> None:
        options = options or SinkOptions()
        super().__init__(path, options, _json(_header(run)))
        self._frames = 0

    @staticmethod
    def matches(spec: str) -> bool:
        return spec.lower().endswith(".jsonl") and "://" not in spec

    @staticmethod
    def open(spec: str, options: SinkOptions, run: RunInfo | None) -> SidecarSink:
        if run is None:
            raise ConfigError(f"{spec}: a sidecar says who explained what: it needs the RunInfo of the run")
        return SidecarSink(Path(spec), run, options)

    def lines(self, annotated: AnnotatedFrame) -> str:
        line = _json(_line(annotated))
        self._frames += 1
        return line

    def tail(self) -> str:
        options = self._options
        end = {"type": "end", "frames": self._frames, "decode_errors": options.decode_errors()}
        more = {"settings": dict(options.settings), "state": options.state()}
        return _json(end | {name: value for name, value in more.items() if value})


def read_sidecar(path: Path | str) -> Iterator[dict[str, Any]]:
    """The lines of a sidecar: the header first, then the frames, then the end if the run came to one.

    A damaged last line, which a killed live run leaves, is left out. Raises SourceNotFound, or SourceError when the
    file is no sidecar of this version or is damaged before its last line.
    """
    try:
        lines = Path(path).open(encoding="utf-8", errors="surrogateescape")  # noqa: SIM115  closed below
    except OSError as exc:
        raise SourceNotFound(f"{path}: cannot be read ({exc.strerror}); name a .jsonl file of livecam") from exc
    with lines:
        header = _parse(lines.readline(LONGEST))
        if header is None or header.get("type") != "header" or header.get("version") != VERSION:
            raise SourceError(f"{path}: not a sidecar of livecam, version {VERSION}")
        yield header
        damaged = 0
        for number, line in enumerate(iter(lambda: lines.readline(LONGEST), ""), 2):
            if damaged:
                raise SourceError(f"{path}: line {damaged} is damaged; write the sidecar again")
            thing = _parse(line)
            if thing is None:
                damaged = number
                continue
            yield thing


def read_cam(frame: dict[str, Any]) -> Heatmap | None:
    """The map of a frame's line: (h, w) float32 in [0, 1], in steps of 1/255; None when there is no explanation."""
    cam = frame["cam"]
    if cam is None:
        return None
    flat = np.frombuffer(base64.b64decode(cam["data"]), np.uint8)
    return (flat.reshape(cam["h"], cam["w"]) / 255).astype(np.float32)


def _json(thing: dict[str, Any]) -> str:
    return json.dumps(thing, ensure_ascii=False, allow_nan=False) + "\n"


def _header(run: RunInfo) -> dict[str, Any]:
    source = run.source
    marked = {"random_weights": True} if run.random_weights else {}
    return {
        "type": "header",
        "version": VERSION,
        "source": source.name,
        "model": run.model,
        "method": run.method,
        "target_layer": run.target_layer,
        "width": source.width,
        "height": source.height,
        "time_base": f"{source.time_base.numerator}/{source.time_base.denominator}",
        "labels": run.labels,
        **marked,
    }


def _line(annotated: AnnotatedFrame) -> dict[str, Any]:
    explanation = annotated.explanation
    return {
        "type": "frame",
        "index": annotated.frame.index,
        "pts": float(annotated.frame.pts),
        **(seen(explanation) if explanation else _NOTHING),
        "lag": annotated.lag,
        "level": annotated.level,
    }


_NOTHING: dict[str, Any] = {"class_idx": None, "label": None, "top": [], "peak": None, "cam": None}


def seen(explanation: Explanation) -> dict[str, Any]:
    """What an explanation says, as JSON: the class, the best classes, the peak and the map as bytes; of a detector and
    a segmenter also the maps of the objects, and the outline of the region."""
    words = {**said(explanation), **_map(explanation.cam, explanation.peak)}
    for record, one in zip(words.get("objects", ()), explanation.objects, strict=True):
        record.update(_map(one.cam, one.peak))
    if explanation.mask is not None:
        polygons = outlines(explanation.mask, explanation.region)
        words["outline"] = [[[round(float(x), 4), round(float(y), 4)] for x, y in one] for one in polygons]
    return words


def _map(heat: Heatmap, peak: float) -> dict[str, Any]:
    cam = np.clip(np.rint(heat * 255), 0, 255).astype(np.uint8)
    data = base64.b64encode(cam.tobytes()).decode("ascii")
    return {
        "peak": float(f"{float(peak):.{PEAK_DIGITS}g}"),
        "cam": {"h": cam.shape[0], "w": cam.shape[1], "data": data},
    }


def _parse(line: str) -> dict[str, Any] | None:
    try:
        thing = json.loads(line)
    except ValueError:
        return None
    return thing if isinstance(thing, dict) and line.endswith("\n") else None


SINKS.add("sidecar", SidecarSink)
