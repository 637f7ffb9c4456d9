"""A state, as JSON goes → Prometheus' text format, version 0.0.4."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
PREFIX = "livecam"


def plain(thing: Any) -> Any:
    """``thing`` as JSON can say it: NaN and infinities become None, tuples lists, what is unknown its text."""
    if isinstance(thing, dict):
        return {str(name): plain(value) for name, value in thing.items()}
    if isinstance(thing, list | tuple):
        return [plain(value) for value in thing]
    if isinstance(thing, float):
        return float(thing) if math.isfinite(thing) else None
    return thing if thing is None or isinstance(thing, bool | int | str) else str(thing)


def prometheus(state: dict[str, Any]) -> str:
    """Every number of a nested dict is a gauge, named by its path; the texts of the first level are labels of one.

    Dicts in a list go by their number; other lists, and nothing, are left out. Of two paths that come to the same name
    the first counts.

    >>> print(prometheus({"model": "net", "fps": 29.5, "stages": {"decode": {"p50 ms": 1}}}), end="")
    # TYPE livecam_info gauge
    livecam_info{model="net"} 1
    # TYPE livecam_fps gauge
    livecam_fps 29.5
    # TYPE livecam_stages_decode_p50_ms gauge
    livecam_stages_decode_p50_ms 1
    """
    lines: dict[str, str] = {}
    labels = {_name(name): value for name, value in reversed(state.items()) if isinstance(value, str)}
    if labels:
        said = ",".join(f'{name}="{_escaped(labels[name])}"' for name in reversed(labels))
        lines[f"{PREFIX}_info"] = f"{PREFIX}_info{{{said}}} 1"
    for path, number in _numbers(state):
        name = "_".join((PREFIX, *map(_name, path)))
        lines.setdefault(name, f"{name} {_number(number)}")
    return "".join(f"# TYPE {name} gauge\n{line}\n" for name, line in lines.items())


def _numbers(state: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], float]]:
    for name, value in state.items():
        if isinstance(value, list):
            value = {str(number): one for number, one in enumerate(value) if isinstance(one, dict)}
        if isinstance(value, dict):
            yield from _numbers(value, (*path, str(name)))
        elif isinstance(value, int | float):
            yield (*path, str(name)), value


def _name(text: str) -> str:
    """Letters, digits and underscores, a label's name as well: no digit first, no two underscores first."""
    name = re.sub(r"[^a-zA-Z0-9_]", "_", text)
    return re.sub(r"^(?=\d)|^_+|^$", "x_", name) if not re.match(r"[a-zA-Z]", name) else name


def _number(value: float) -> str:
    if isinstance(value, bool | int):
        return str(int(value))
    if math.isfinite(value):
        return repr(float(value))
    return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
