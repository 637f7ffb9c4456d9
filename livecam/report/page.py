"""From sidecars to the page."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined

from livecam.errors import ConfigError, SourceError, SourceNotFound
from livecam.report.command import command
from livecam.report.compare import Comparison, compare, strips
from livecam.report.findings import Kind, changes, key_rows, worth_a_look
from livecam.report.pictures import Patience, Shown, local, pictures, show, show_still
from livecam.report.recording import (
    NONE,
    Guess,
    Line,
    Recording,
    Still,
    frames,
    load,
    load_run,
    load_still,
)
from livecam.report.timeline import BINS, Timeline, clock, places, timeline
from livecam.sources.images import read_image

KEYS, FINDS, DIFFERENCES = 24, 4, 8  # pictures of one recording: of the contact sheet, of each kind, of two runs
PICTURES = 240  # of the whole page, about
STILLS = 120
PATIENCE_S = 25.0
MOST_RUNS = 200
RANDOM = "RANDOM WEIGHTS: this network was never trained; nothing of this means anything."
STATES = ("dropped", "stages", "measures")


@dataclass(frozen=True, slots=True)
class Card:
    """One frame on the page. name: of its anchor. place: on the timeline, in [0, 1]."""

    name: str
    place: float
    time: str
    index: int
    label: str
    score: float | None
    top: tuple[Guess, ...]
    shown: Shown
    words: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """One recording on the page."""

    name: str
    title: str
    run: Recording
    facts: list[tuple[str, str]]
    notes: list[str]
    timeline: Timeline | None
    looks: list[tuple[Kind, list[Card]]]
    keys: list[Card]
    speed: dict[str, Any]
    command: str
    all_settings: bool
    comparison: dict[str, Any] | None = None


def make_report(path: Path | str, *, other: Path | str | None = None, run: Path | str | None = None) -> str:
    """The page of a sidecar, or of a folder of sidecars and of what ``livecam explain`` writes, as HTML.

    other: a second sidecar over the same frames, shown side by side. run: the report that ``--json`` has printed, for
    the timings. The page needs nothing else: no network, no scripts. Pictures come from the source that the sidecar
    names, if it is a file of this machine, or from the annotated recording beside it.
    Raises SourceNotFound, SourceError, ConfigError.
    """
    path, patience = Path(path), Patience(PATIENCE_S)
    if path.is_dir():
        if other or run:
            raise ConfigError(f"{path}: is a folder; compare one sidecar with another, or give a run to one sidecar")
        return _folder(path, patience)
    section = _section(load(path), 0, load_run(Path(run)) if run else {}, patience, 1.0, Path(other) if other else None)
    return _render([section], [], [], section.title)


def _folder(folder: Path, patience: Patience) -> str:
    paths = sorted(folder.glob("*.jsonl"))
    runs, bad = [], []
    for path in paths[:MOST_RUNS]:
        try:
            runs.append(load(path))
        except SourceError as error:
            bad.append(f"{path.name}: {str(error).removeprefix(f'{path}: ')}")
    if len(paths) > MOST_RUNS:
        bad.append(f"{len(paths) - MOST_RUNS} more sidecars are not shown")
    stills, reports = _json_files(folder, bad)
    if not runs and not stills:
        raise SourceNotFound("; ".join([f"{folder}: no sidecar (.jsonl) and no still (.json) in it", *bad[:1]]))
    scale = min(1.0, PICTURES / max(len(runs) * (KEYS + 4 * FINDS), 1))
    sections = [
        _section(run, number, reports.get(run.path.name, {}), patience, scale) for number, run in enumerate(runs)
    ]
    cards = [_still(still, number) for number, still in enumerate(stills[:STILLS])]
    return _render(sections, cards, bad, folder.resolve().name or str(folder))


def _json_files(folder: Path, bad: list[str]) -> tuple[list[Still], dict[str, dict[str, Any]]]:
    stills, reports = [], {}
    for path in sorted(folder.glob("*.json")):
        try:
            still = load_still(path)
            if still:
                stills.append(still)
                continue
            report = load_run(path)
        except SourceError as error:
            bad.append(f"{path.name}: {str(error).removeprefix(f'{path}: ')}")
            continue
        several = report.get("files")
        for one in several if isinstance(several, list) else [report]:
            if isinstance(one, dict) and isinstance(one.get("sidecar"), str):
                reports[Path(one["sidecar"]).name] = one
    return stills, reports


def _section(
    run: Recording, number: int, report: dict[str, Any], patience: Patience, scale: float, other: Path | None = None
) -> Section:
    most = max(round(KEYS * scale), 3), max(round(FINDS * scale), 1)
    second = load(other) if other else None
    comparison = compare(run, second) if second else None
    kinds = worth_a_look(run, most[1]) if len(run) else []
    keys = key_rows(run, most[0]) if len(run) else []
    apart = comparison.apart(DIFFERENCES) if comparison else []
    rows = sorted({*keys, *(find.row for kind in kinds for find in kind.finds), *(row for row, _ in apart)})
    images, origin = pictures(run, rows, patience) if rows else ({}, "map")
    lines = dict(frames(run.path, rows))
    at = places(run.times)

    def card(row: int, kind: str, words: str = "") -> Card:
        shown = show(run, images.get(row), lines[row], origin)
        return _card(f"r{number}-{kind}{row}", float(at[row]), run, row, lines[row], shown, words)

    line, whole = command(run)
    return Section(
        name=f"r{number}",
        title=Path(run.header["source"]).name or run.path.name,
        run=run,
        facts=_facts(run),
        notes=_notes(run, origin, len(images), len(rows)),
        timeline=timeline(run) if len(run) else None,
        looks=[
            (kind, [card(find.row, f"k{place}-", find.words) for find in kind.finds])
            for place, kind in enumerate(kinds)
        ],
        keys=[card(row, "f") for row in keys],
        speed=_speed(report or run.more.get("state")),
        command=line,
        all_settings=whole,
        comparison=_compared(run, second, comparison, apart, images, number) if second and comparison else None,
    )


def _card(name: str, place: float, run: Recording, row: int, line: Line, shown: Shown, words: str = "") -> Card:
    return Card(
        name=name,
        place=place,
        time=clock(line.pts) if run.ascending else f"frame {line.index}",
        index=line.index,
        label=line.label or "not explained",
        score=None if math.isnan(line.score) else line.score,
        top=line.top[:5],
        shown=shown,
        words=words,
    )


def _compared(
    run: Recording,
    second: Recording,
    found: Comparison,
    apart: list[tuple[int, int]],
    images: dict[int, Any],
    number: int,
) -> dict[str, Any]:
    lines = dict(frames(run.path, [row for row, _ in apart]))
    others = dict(frames(second.path, [row for _, row in apart]))
    at = places(run.times)
    pairs = []
    for mine, theirs in apart:
        image = images.get(mine)
        cards = []
        for of, row, line in ((run, mine, lines[mine]), (second, theirs, others[theirs])):
            shown = show(of, image, line, "source" if image is not None else "map")
            cards.append(_card(f"r{number}-d{mine}", float(at[mine]), of, row, line, shown))
        pairs.append(cards)
    agree, mean, band = strips(run, found)
    return {
        "names": [_who(one) for one in (run, second)],
        "paths": [one.path.name for one in (run, second)],
        "frames": len(found.rows),
        "agreement": found.agreement,
        "likeness": found.likeness_mean,
        "facts": [dict(_facts(one)) for one in (run, second)],
        "agree": agree,
        "mean": mean,
        "band": band,
        "pairs": pairs,
    }


def _still(still: Still, number: int) -> Card:
    source, output = local(still.input, still.path), local(still.output, still.path)
    image = read_image(source) if source else None
    painted = read_image(output) if image is None and output else None
    shown = show_still(still, image, painted)
    line, score = still.line, still.line.score
    words = [Path(still.input).name, *(["RANDOM WEIGHTS"] if still.header["random_weights"] else [])]
    return Card(
        f"s{number}", 0.0, " · ".join(words), 0, line.label or "not explained",
        None if math.isnan(score) else score, line.top[:5], shown,
    )  # fmt: skip


def _who(run: Recording) -> str:
    marked = "RANDOM WEIGHTS" if run.header["random_weights"] else ""  # beside other runs the notes are far away
    words = (run.header["model"], run.header["method"], run.header["target_layer"], marked)
    return " · ".join(word for word in words if word)


def _facts(run: Recording) -> list[tuple[str, str]]:
    known = run.score[~np.isnan(run.score)]
    span = float(run.times[-1]) if len(run) else 0.0
    facts = [("frames", f"{len(run):,}")]
    if run.ascending and span > 0:
        step = span / (len(run) - 1)
        facts += [("length", clock(span + step)), ("frames a second", f"{1 / step:.4g}")]
    seen = len({label for label in run.label.tolist() if label >= 0})
    facts += [("classes", str(seen)), ("changes of class", f"{len(changes(run)):,}")]
    if len(known):
        facts.append(("mean confidence", f"{known.mean():.0%}"))
    return facts


def _notes(run: Recording, origin: str, found: int, wanted: int) -> list[str]:
    """What the reader must know about this page."""
    notes = [RANDOM] if run.header["random_weights"] else []
    if not run.complete:
        notes.append("The sidecar has no end line: the run was cut off, and this is what it left.")
    if not len(run):
        notes.append("There is no frame in this sidecar.")
    elif (run.label == NONE).all():
        notes.append("None of its frames is explained.")
    if not run.ascending:
        notes.append("Times do not ascend; the timeline counts frames.")
    damaged = run.more.get("decode_errors")
    if isinstance(damaged, int) and damaged:
        notes.append(f"{damaged:,} pictures of the source could not be decoded.")
    if wanted and origin == "map":
        notes.append("Neither the source nor the annotated recording could be read here: the heat is shown alone.")
    elif origin == "annotated":
        notes.append("The source could not be read here: pictures are from the annotated recording.")
    if 0 < found < wanted:
        notes.append(f"{wanted - found} of {wanted} pictures could not be had in time; there the heat is shown alone.")
    return notes


def _speed(report: Any) -> dict[str, Any]:
    """Numbers of a run's report, and nothing else of it."""
    if not isinstance(report, dict):
        return {}
    found: dict[str, Any] = {}
    for name in STATES:
        table = report.get(name)
        if isinstance(table, dict):
            rows = {str(key)[:60]: _numbers(value) for key, value in list(table.items())[:40]}
            found[name] = {key: value for key, value in rows.items() if value}
    words = {
        "fps": "frames a second",
        "elapsed_s": "seconds",
        "peak_rss_mb": "MB of memory",
        "camera_fps": "camera fps",
    }
    found["totals"] = [(words[name], value) for name in words if (value := _number(report.get(name))) is not None]
    found["dropped"] = {name: values[0] for name, values in found.get("dropped", {}).items()}
    return found if found["totals"] or found["dropped"] or found.get("stages") else {}


def _numbers(value: Any) -> list[float]:
    values = list(value.values())[:3] if isinstance(value, dict) else [value]
    numbers = [_number(one) for one in values]
    return [one for one in numbers if one is not None] if None not in numbers else []


def _number(value: Any) -> float | None:
    usable = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e15
    return float(value) if usable else None


def _render(sections: list[Section], stills: list[Card], bad: list[str], title: str) -> str:
    page = _templates().get_template("report.html")
    text = page.render(sections=sections, stills=stills, bad=bad, title=title, bins=BINS, who=_who, style=_style())
    return text.encode("utf-8", "replace").decode()  # half a surrogate pair can be said in JSON, not in UTF-8


@cache
def _templates() -> Environment:
    made = Environment(
        loader=PackageLoader("livecam.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["percent"] = lambda value: "" if value is None else f"{value:.0%}"
    return made


def _style() -> str:
    """The page's own, after the colours that the live page has."""
    colours = (files("livecam.web") / "static" / "colours.css").read_text("utf-8")
    return colours + (files("livecam.report") / "templates" / "report.css").read_text("utf-8")
