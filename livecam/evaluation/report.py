"""The report of what was measured: JSON, and tables for the terminal and for Markdown."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from livecam.bench.report import Table as Grid  # a Table is an array here
from livecam.bench.report import markdown_table
from livecam.errors import SinkError
from livecam.evaluation.figures import SHARE, Summary, Table, summarise
from livecam.evaluation.measures import MEASURES, Measure
from livecam.evaluation.records import Figures
from livecam.models import random_seed

ARROWS = {"higher": " ↑", "lower": " ↓", "neither": ""}
PAIRED = "Paired; bold where the interval does not hold 0."

Report = dict[str, Any]
Found = Mapping[str, Mapping[str, Sequence[Figures]]]
"""Subject → group (a video, or "") → what was measured of each picture."""


def make_report(
    facts: Mapping[str, Any], measures: Sequence[str], found: Found, models: Mapping[str, Sequence[str]]
) -> Report:
    """facts: what it begins with (``command``, ``dataset``, ``settings``). models: name → its subjects, the reference
    of the differences first.

    ``{..., "models": {name: [subject]}, "references": [subject], "sections": [{"measure", "about", "units", "of",
    "figures", "subjects", "curves"}]}``; of each subject and figure ``{"value", "low", "high", "difference": {"value",
    "low", "high"}, "units", "videos"}``.
    """
    sections = [_section(MEASURES[name], found, models) for name in MEASURES if name in measures]
    return {
        **facts,
        "models": {model: list(subjects) for model, subjects in models.items()},
        "references": [subjects[0] for subjects in models.values()],
        "sections": sections,
    }


def _section(measure: Measure, found: Found, models: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    rows: dict[str, dict[str, Any]] = {subject: {} for subjects in models.values() for subject in subjects}
    told, units, of = [], 0, ""
    for figure in measure.figures:
        tables = {subject: _tables(figure.field, found[subject]) for subject in rows}
        if not any(tables.values()):
            continue  # not of this kind of data set
        told.append(figure)
        for subjects in models.values():
            for subject in subjects:
                if not tables[subject]:
                    continue  # not of this kind of subject
                reference = None if subject == subjects[0] else tables[subjects[0]]
                summary = summarise(figure, tables[subject], reference)
                rows[subject][figure.name] = _cell(summary)
                units, of = max(units, summary.units), "videos" if summary.groups else "pictures"
    return {
        "measure": measure.name,
        "about": measure.about,
        "units": units,
        "of": of,
        "figures": {one.name: {"title": one.title, "better": one.better} for one in told},
        "subjects": rows,
        "curves": _curves(measure, found),
    }


def _tables(field: str, groups: Mapping[str, Sequence[Figures]]) -> dict[str, Table]:
    """Group → (N, d); pictures of which it was not measured are left out, and groups of none."""
    tables = {
        name: np.array([np.atleast_1d(one[field]) for one in figures if field in one], np.float64)
        for name, figures in groups.items()
    }
    return {name: table for name, table in tables.items() if len(table)}


def _cell(summary: Summary) -> dict[str, Any]:
    cell: dict[str, Any] = asdict(summary.own) | {"units": summary.units}
    if summary.beside:
        cell["difference"] = asdict(summary.beside)
    if summary.groups:
        cell["videos"] = dict(summary.groups)
    return cell


def _curves(measure: Measure, found: Found) -> dict[str, Any]:
    curves = {}
    for curve in measure.curves:
        lines = {}
        for subject, groups in found.items():
            tables = list(_tables(curve.field, groups).values())
            if tables:
                lines[subject] = np.mean([curve.of(table) for table in tables], 0).round(6).tolist()
        if lines:
            curves[curve.name] = {"title": curve.title, "over": curve.over, "x": list(curve.x), "subjects": lines}
    return curves


def write(report: Report, folder: Path) -> None:
    """``evaluation.json`` and ``evaluation.md`` into ``folder``. Raises SinkError."""
    text = json.dumps(report, ensure_ascii=False, indent=2) + "\n"
    try:
        (folder / "evaluation.json").write_text(text, "utf-8")
        (folder / "evaluation.md").write_text(markdown(report), "utf-8")
    except OSError as error:
        raise SinkError(f"{folder}: the report cannot be written ({error.strerror}); give another -o") from error


def tables(report: Report) -> list[Grid]:
    """Of each measure, the figures with their intervals."""
    return [
        Grid(
            section["measure"],
            _columns(section),
            _rows(report, section, _own),
            f"{section['about']} Mean of {section['units']} {section['of']} [{SHARE:g} % interval].",
        )
        for section in report["sections"]
    ]


def differences(report: Report) -> list[Grid]:
    """The same, less the reference's."""
    less = " / ".join(short(report, subject) for subject in report["references"])
    return [
        Grid(f"{section['measure']}, less {less}", _columns(section), _rows(report, section, _beside), PAIRED)
        for section in report["sections"]
    ]


def short(report: Report, subject: str) -> str:
    """Its name, without the model's where there is only one."""
    models: dict[str, list[str]] = report["models"]
    return subject.removeprefix(f"{next(iter(models))} ") if len(models) == 1 else subject


def _columns(section: dict[str, Any]) -> tuple[str, ...]:
    return ("", *(f"{one['title']}{ARROWS[one['better']]}" for one in section["figures"].values()))


def _rows(
    report: Report, section: dict[str, Any], text: Callable[[dict[str, Any] | None, int], str]
) -> list[tuple[str, ...]]:
    rows = [
        (short(report, subject), *(text(cells.get(name), section["units"]) for name in section["figures"]))
        for subject, cells in section["subjects"].items()
    ]
    return [row for row in rows if any(row[1:])]


def _own(cell: dict[str, Any] | None, units: int) -> str:
    if not cell:
        return ""
    fewer = f" of {cell['units']}" if cell["units"] < units else ""
    return f"{cell['value']:.3f} [{cell['low']:.3f}, {cell['high']:.3f}]{fewer}"


def _beside(cell: dict[str, Any] | None, _: int) -> str:
    if not cell or "difference" not in cell:
        return ""
    one = cell["difference"]
    text = f"{one['value']:+.3f} [{one['low']:+.3f}, {one['high']:+.3f}]"
    return f"**{text}**" if one["low"] > 0 or one["high"] < 0 else text


def markdown(report: Report) -> str:
    parts = [markdown_table(grid) for pair in zip(tables(report), differences(report), strict=True) for grid in pair]
    return "\n\n".join([*parts, about(report), f"`{report['command']}`"]) + "\n"


def about(report: Report) -> str:
    """Data set and versions, in one line."""
    versions = ", ".join(f"{name} {version}" for name, version in report["settings"]["versions"].items())
    random = "RANDOM WEIGHTS. " if random_seed(report["settings"].get("weights")) is not None else ""
    return f"{random}{report['dataset']['name']}. Intervals: bootstrap over pictures, or whole videos. {versions}."
