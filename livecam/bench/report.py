"""Figures as tables: the same rows for the terminal and for README."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Report = dict[str, Any]

INSIDE = {
    "backends": (
        "batch 1, interleaved. plain: uint8 picture in, logits out, nothing tapped. gradcam: the same, and the map of "
        "the best class out. of plain: its throughput over plain's. The peers get a normalised float tensor; "
        "pytorch-grad-cam's map comes upsampled to the input's size. tuned: all frozen before the target layer."
    ),
    "methods": (
        "batch 1, interleaved, on the first engine that has what the method needs; a call is a forward pass of the "
        "network on a uint8 picture and the map of its best class. × plain: beside the bare network of that engine."
    ),
    "overlay": (
        "1280×720 uint8 picture and 7×12 map in, uint8 picture out, no inference, no words. from float: the picture's "
        "conversion to float32 in [0, 1], which show_cam_on_image asks for, made beforehand."
    ),
    "stages": "each stage alone, one after the other in one thread; p50 and mean of a frame, in ms.",
    "transcode": (
        "median wall time of the whole process, from its start to its end, interleaved; annotate with sound, sidecar "
        "and words, its network in the cache; decode and encode alone with the same encoder settings, without sound."
    ),
}
"""What is in each figure."""


@dataclass(frozen=True, slots=True)
class Table:
    """title, columns, rows: text; note: what is inside the figures."""

    title: str
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]]
    note: str


def tables(report: Report) -> list[Table]:
    """Those of the sections that were measured, in order."""
    makers = {
        "backends": _backends,
        "methods": _methods,
        "overlay": _overlay,
        "stages": _stages,
        "transcode": _transcode,
    }
    return [make(report[name]) for name, make in makers.items() if report.get(name)]


def about(report: Report) -> str:
    """Machine and versions, in one line."""
    machine = report["machine"]
    gpu = f", {machine['gpu']}" if "gpu" in machine else ""
    busy = f", load {machine['load_1min']} at the begin" if machine.get("load_1min") is not None else ""
    versions = ", ".join(f"{name} {version}" for name, version in report["versions"].items())
    return f"{machine['cpu']}, {machine['cores']} cores, {machine['threads']} threads{gpu}{busy}; {versions}"


def markdown(report: Report) -> str:
    """The tables that README shows, with machine and command."""
    parts = [markdown_table(table) for table in tables(report)]
    notes = [f"- {note}" for note in report.get("notes", [])]
    return (
        "\n\n".join([*parts, *(["\n".join(notes)] if notes else []), f"{about(report)}.", f"`{report['command']}`"])
        + "\n"
    )


def markdown_table(table: Table) -> str:
    """Title, note, and the table as Markdown."""
    lines = [table.columns, tuple("---" for _ in table.columns), *table.rows]
    body = "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
    return f"**{table.title}**: {table.note}\n\n{body}"


def _backends(rows: Sequence[dict[str, Any]]) -> Table:
    peers = list(dict.fromkeys(row["engine"] for row in rows if row.get("peer")))
    columns = ("model", "input", "engine", "what", "p50 ms", "p95 ms", "fps", "of plain", *(f"× {p}" for p in peers))
    body = [
        (
            f"{row['model']} ({row['weights']})",
            f"{row['size']}²",
            row["engine"] if row.get("peer") else f"{row['engine']} {row['precision']}",
            row["task"],
            _ms(row["p50_ms"]),
            _ms(row["p95_ms"]),
            f"{row['fps']:.0f}",
            f"{row['of_plain']:.3f}" if "of_plain" in row else "",
            *_faster(row, peers),
        )
        for row in rows
    ]
    return Table("Backends", columns, body, INSIDE["backends"])


def _methods(rows: Sequence[dict[str, Any]]) -> Table:
    subjects = {(row["model"], row["weights"], row["size"]) for row in rows}
    columns = (*(("model", "input") if len(subjects) > 1 else ()), "method", "engine", "beside a forward pass")
    body = [
        (
            *((f"{row['model']} ({row['weights']})", f"{row['size']}²") if len(subjects) > 1 else ()),
            row["task"],
            f"{row['engine']} {row['precision']}",
            row.get("passes", "") + (f"; budget {row['budget']}" if row.get("budget") else ""),
            _ms(row["p50_ms"]),
            f"{row['times_plain']:.2f}",
        )
        for row in rows
    ]
    of = "; ".join(f"{model} ({weights}), {size}²" for model, weights, size in sorted(subjects))
    return Table("Methods", (*columns, "p50 ms", "× plain"), body, f"{of}; {INSIDE['methods']}")


def _overlay(rows: Sequence[dict[str, Any]]) -> Table:
    peers = list(dict.fromkeys(row["engine"] for row in rows if row["peer"]))
    columns = ("engine", "map", "p50 ms", "p95 ms", *(f"× {p}" for p in peers))
    body = [(row["engine"], row["map"], _ms(row["p50_ms"]), _ms(row["p95_ms"]), *_faster(row, peers)) for row in rows]
    return Table("Overlay", columns, body, INSIDE["overlay"])


def _stages(found: Sequence[dict[str, Any]]) -> Table:
    names = list(found[0]["stages"])
    columns = ("model", "engine", "clip", *(f"{name} p50 / mean" for name in names))
    body = [
        (
            entry["model"],
            f"{entry['backend']} {entry['precision']}",
            f"{entry['clip']}, {entry['width']}×{entry['height']}, {entry['frames']} frames",
            *(f"{_ms(stage['p50_ms'])} / {_ms(stage['mean_ms'])}" for stage in entry["stages"].values()),
        )
        for entry in found
    ]
    return Table("Stages", columns, body, INSIDE["stages"])


def _transcode(rows: Sequence[dict[str, Any]]) -> Table:
    columns = ("process", "wall s", "frames", "fps", "of decode and encode", "× usual script", "peak MB")
    body = [
        (
            " ".join([row["name"], *(row[key] for key in ("backend", "precision") if key in row)]),
            f"{row['p50_s']:.2f}",
            str(row["frames"]),
            f"{row['fps']:.0f}",
            f"{row['of_bound']:.2f}" if "of_bound" in row else "",
            *([f"{value:.1f}" for value in row.get("faster", {}).values()] or [""]),
            f"{row['peak_rss_mb']:.0f}" if "peak_rss_mb" in row else "",
        )
        for row in rows
    ]
    return Table("A whole recording", columns, body, INSIDE["transcode"])


def _faster(row: dict[str, Any], peers: Sequence[str]) -> list[str]:
    faster = row.get("faster", {})
    return [f"{faster[peer]:.1f}" if peer in faster else "" for peer in peers]


def _ms(value: float) -> str:
    return f"{value:.2f}"
