"""A sidecar as columns, checked line by line: it may be damaged, cut off, or made to do harm."""

from __future__ import annotations

import base64
import binascii
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from livecam.errors import SourceError, SourceNotFound
from livecam.sinks.sidecar import read_sidecar
from livecam.types import Detected, Heatmap, Prediction

LARGEST = 1 << 20  # cells of a map
FARTHEST = 1e10  # seconds, frames, peaks: what lies beyond is no measurement
LONGEST = 120  # characters of a label that are kept
KEPT = 20  # of the best classes
NONE = -1
COLUMNS = ("index", "pts", "label", "score", "best", "second", "rival", "border", "x", "y")


class Guess(NamedTuple):
    """One of the best classes: score in [0, 1]."""

    label: str
    score: float


class Check(NamedTuple):
    """A faithfulness check of the picture of row ``row``, or of one that is not shown, near it; probabilities."""

    row: int
    before: float
    after: float
    control: float


@dataclass(frozen=True, slots=True)
class Line:
    """One frame of a sidecar. cam: (h, w) float32 in [0, 1]. label: None where nothing was explained. objects: of a
    detector, without their own maps."""

    index: int
    pts: float
    label: str | None
    score: float
    top: tuple[Guess, ...]
    cam: Heatmap | None
    check: tuple[int, float, float, float] | None
    objects: tuple[Detected, ...] = ()


@dataclass(frozen=True, slots=True)
class Recording:
    """A sidecar without its maps. Arrays have a row for each frame.

    index, pts: int64, seconds as float64. label: into ``labels``, NONE where nothing was explained. score: of the
    explained class; best, second: the two best scores; NaN where unknown. rival: label of the second. border: heat on
    the border of the map over what an even map has there. x, y: centre of the heat as fractions of the map.
    complete: there was an end line. more: what that line says.
    """

    path: Path
    header: dict[str, Any]
    labels: list[str]
    index: NDArray[np.int64]
    pts: NDArray[np.float64]
    label: NDArray[np.int64]
    score: NDArray[np.float64]
    best: NDArray[np.float64]
    second: NDArray[np.float64]
    rival: NDArray[np.int64]
    border: NDArray[np.float64]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    checks: list[Check] = field(default_factory=list)
    complete: bool = False
    more: dict[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.index)

    @property
    def ascending(self) -> bool:
        return len(self) < 2 or bool((np.diff(self.pts) > 0).all())

    @property
    def times(self) -> NDArray[np.float64]:
        """Seconds from the first frame; of a source that jumps back in time, numbers of frames."""
        return self.pts - self.pts[0] if self.ascending and len(self) else np.arange(len(self), dtype=np.float64)

    @property
    def settings(self) -> dict[str, Any]:
        found = self.more.get("settings")
        return found if isinstance(found, dict) else {}

    def name_of(self, label: int) -> str:
        return self.labels[label] if label != NONE else "not explained"


def load(path: Path) -> Recording:
    """Raises SourceNotFound, SourceError."""
    names: dict[str, int] = {}
    rows: list[tuple[Any, ...]] = []
    checks: list[Check] = []
    checked = None
    known: dict[int, int] = {}
    header, more = {}, None
    for number, thing in _lines(path):
        if number == 1:
            header = _header(path, thing)
        elif thing.get("type") == "end":
            more = thing
        elif thing.get("type") == "frame":
            line = _line(path, number, thing)
            if line.check and line.check[0] != checked:
                checked = line.check[0]
                checks.append(Check(known.get(checked, len(rows)), *line.check[1:]))
            known[line.index] = len(rows)
            rows.append(_row(line, names))
    columns = list(zip(*rows, strict=True)) if rows else [()] * 10
    whole, floats = (np.int64, np.float64)
    kinds = (whole, floats, whole, floats, floats, floats, whole, floats, floats, floats)
    arrays = (np.array(column, kind) for column, kind in zip(columns, kinds, strict=True))
    values: dict[str, Any] = dict(zip(COLUMNS, arrays, strict=True))
    return Recording(path, header, list(names), **values, checks=checks, complete=more is not None, more=more or {})


def frames(path: Path, rows: NDArray[np.int64] | list[int] | None = None) -> Iterator[tuple[int, Line]]:
    """Each frame again with its map, and its row; ``rows``: only these. Raises as ``load``."""
    wanted = None if rows is None else {int(row) for row in rows}
    row = 0
    for number, thing in _lines(path):
        if thing.get("type") == "frame":
            if wanted is None or row in wanted:
                yield row, _line(path, number, thing)
            row += 1


@dataclass(frozen=True, slots=True)
class Still:
    """What ``livecam explain`` writes beside a picture. input, output: names of pictures."""

    path: Path
    input: str
    output: str
    header: dict[str, Any]
    line: Line


def load_still(path: Path) -> Still | None:
    """None: another kind of JSON. Raises SourceError when it is damaged."""
    try:
        thing = json.loads(path.read_text("utf-8", "replace"))
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(thing, dict) or not {"input", "class_idx", "cam", "top"} <= set(thing):
        return None
    line = _line(path, 1, {"index": 0, "pts": 0.0} | thing)
    return Still(path, _text(thing["input"]), _text(thing.get("output")), _header(path, thing), line)


def load_run(path: Path) -> dict[str, Any]:
    """The report of a run, as ``--json`` prints it. Raises SourceNotFound, SourceError."""
    try:
        thing = json.loads(path.read_text("utf-8"))
    except OSError as exc:
        raise SourceNotFound(f"{path}: cannot be read ({exc.strerror}); name what --json has printed") from exc
    except (ValueError, RecursionError) as exc:
        raise SourceError(f"{path}: is no JSON; name what --json has printed") from exc
    if not isinstance(thing, dict):
        raise SourceError(f"{path}: is no report of a run; name what --json has printed")
    return thing


def _lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        yield from enumerate(read_sidecar(path), 1)
    except RecursionError as exc:
        raise SourceError(f"{path}: is nested too deeply for a sidecar; write it again") from exc


def _header(path: Path, thing: dict[str, Any]) -> dict[str, Any]:
    words = {name: _text(thing.get(name)) for name in ("source", "model", "method", "target_layer")}
    sides = {name: int(_number(path, 1, thing, name)) for name in ("width", "height")}
    if not all(0 < side < 1 << 16 for side in sides.values()):
        raise SourceError(f"{path}: line 1: a picture is not so large; write the sidecar again")
    return words | sides | {"random_weights": thing.get("random_weights") is True}


def _line(path: Path, number: int, thing: dict[str, Any]) -> Line:
    try:
        top = tuple(
            Guess(_label(one), _score(path, number, one, "score")) for one in list(thing.get("top") or ())[:KEPT]
        )
        ids = [one.get("class_idx") for one in list(thing.get("top") or ())[:KEPT]]
    except (TypeError, AttributeError) as exc:
        raise _damaged(path, number, "top") from exc
    class_idx = thing.get("class_idx")
    explained = class_idx is not None
    return Line(
        int(_number(path, number, thing, "index")),
        _number(path, number, thing, "pts"),
        _label(thing) if explained else None,
        top[ids.index(class_idx)].score if explained and class_idx in ids else math.nan,
        top,
        _cam(path, number, thing.get("cam")),
        _check(path, number, thing.get("faithfulness")),
        _objects(path, number, thing.get("objects")),
    )


def _row(line: Line, names: dict[str, int]) -> tuple[Any, ...]:
    def known(label: str | None) -> int:
        return NONE if label is None else names.setdefault(label, len(names))

    best = line.top[0].score if line.top else math.nan
    second = line.top[1] if len(line.top) > 1 else None
    heat = (math.nan,) * 3 if line.cam is None else _heat(line.cam)
    label, rival = known(line.label), known(second.label if second else None)
    return (
        line.index, line.pts, label, line.score, best, second.score if second else math.nan, rival, *heat,
    )  # fmt: skip


def _heat(cam: Heatmap) -> tuple[float, float, float]:
    """Border, x and y of ``Recording``."""
    rows, columns = cam.sum(1), cam.sum(0)
    total = float(rows.sum())
    if total <= 0:
        return math.nan, math.nan, math.nan
    height, width = cam.shape
    inner = float(cam[1:-1, 1:-1].sum())
    share = 1 - max(height - 2, 0) * max(width - 2, 0) / cam.size
    x, y = (float(side @ (np.arange(len(side)) + 0.5)) / total / len(side) for side in (columns, rows))
    return (1 - inner / total) / share, x, y


def _cam(path: Path, number: int, cam: Any) -> Heatmap | None:
    if cam is None:
        return None
    try:
        height, width, data = cam["h"], cam["w"], cam["data"]
        if not (isinstance(height, int) and isinstance(width, int) and 0 < height * width <= LARGEST and height > 0):
            raise _damaged(path, number, "cam")
        flat = np.frombuffer(base64.b64decode(data, validate=True), np.uint8)
        return (flat.reshape(height, width) / 255).astype(np.float32)
    except (TypeError, KeyError, ValueError, binascii.Error) as exc:
        raise _damaged(path, number, "cam") from exc


def _check(path: Path, number: int, thing: Any) -> tuple[int, float, float, float] | None:
    if thing is None:
        return None
    if not isinstance(thing, dict):
        raise _damaged(path, number, "faithfulness")
    before, after, control = (_score(path, number, thing, name) for name in ("before", "after", "control"))
    return int(_number(path, number, thing, "index")), before, after, control


def _objects(path: Path, number: int, things: Any) -> tuple[Detected, ...]:
    try:
        return tuple(_object(path, number, one) for one in list(things or ())[:KEPT])
    except (TypeError, ValueError, KeyError, AttributeError) as exc:
        raise _damaged(path, number, "objects") from exc


def _object(path: Path, number: int, thing: dict[str, Any]) -> Detected:
    y0, x0, y1, x1 = (float(np.clip(side, 0, 1)) for side in thing["box"])
    track = thing.get("track")
    kept = None if track is None else int(_number(path, number, thing, "track"))
    what = Prediction(0, _label(thing), _score(path, number, thing, "score"))
    return Detected((y0, x0, y1, x1), what, np.zeros((1, 1), np.float32), 0.0, kept)


def _number(path: Path, line: int, thing: dict[str, Any], name: str) -> float:
    value = thing.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < FARTHEST:  # NaN neither
        raise _damaged(path, line, name)
    return float(value)


def _score(path: Path, line: int, thing: dict[str, Any], name: str) -> float:
    return min(max(_number(path, line, thing, name), 0.0), 1.0)


def _label(thing: dict[str, Any]) -> str:
    label = thing.get("label")
    return _text(label) if isinstance(label, str) and label else f"class {_text(thing.get('class_idx'))}"


def _text(value: Any) -> str:
    text = " ".join(str("" if value is None else value).split())
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _damaged(path: Path, line: int, name: str) -> SourceError:
    return SourceError(f"{path}: line {line}: {name} is damaged; write the sidecar again")
