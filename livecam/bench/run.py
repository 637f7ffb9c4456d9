"""One run of ``livecam bench``: the sections one after the other, one report."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livecam.bench.backends import Plan, Row, measure_backends
from livecam.bench.machine import Elsewhere, machine, versions
from livecam.bench.methods import measure_methods
from livecam.bench.overlay import measure_overlay
from livecam.bench.peers import Peers, check_python
from livecam.bench.stages import measure_stages
from livecam.bench.subjects import Subject, clip_pictures, squares, subject
from livecam.bench.transcode import jobs, measure_transcode
from livecam.errors import ConfigError
from livecam.explainer import Explainer
from livecam.models import Colour
from livecam.overlay import Painter
from livecam.sinks import SinkOptions
from livecam.threads import cores
from livecam.types import Image

SECTIONS = ("backends", "methods", "overlay", "stages")
BUSY = 0.1
"""Share of the cores that others may take before the report warns: threads that wait for each other suffer most."""
METHOD = (
    "medians after a warm-up; whoever is compared takes turns (A B C A B C ...) in one run, with the same threads; a "
    "turn is one call that is not counted and three that are; the device is synchronised before and after each"
)


@dataclass(frozen=True, slots=True)
class Request:
    """What to measure, and the parts of livecam as the other flags want them.

    sections: of SECTIONS. models, sizes: every pair is measured; sizes are sides of the square input in pixels.
    clip: where pictures come from. frames: of it, for the stages. runs: of ``transcode``, a recording or None. peers:
    the python of their environment or None. explainer, flags: for a subject, in this process and for ``annotate``.
    """

    command: str
    sections: tuple[str, ...]
    models: tuple[str, ...]
    sizes: tuple[int, ...]
    plan: Plan
    clip: str
    frames: int
    runs: int
    transcode: Path | None
    peers: Path | None
    weights: Path | None
    mean: Colour | None
    std: Colour | None
    explainer: Callable[[Subject], Explainer]
    painter: Callable[[Explainer], Painter]
    encoder: SinkOptions
    flags: Callable[[Subject], list[str]]


def measure(request: Request) -> dict[str, Any]:
    """The report: command, machine, versions, how it was measured, and the rows of each section.

    Raises ConfigError before anything is measured, and the errors of what is measured.
    """
    _check(request)
    _same_threads()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="livecam-bench-")))
        report: dict[str, Any] = {
            "command": request.command,
            "machine": machine(),
            "versions": versions(),
            "measured": METHOD,
            "elsewhere_cores": {},
            "notes": [],
        }
        peers = stack.enter_context(Peers(request.peers, cores())) if request.peers else None
        if peers:
            report["peers"] = peers.versions
        pictures = clip_pictures(request.clip)
        subjects = [
            subject(name, folder, pictures, weights=request.weights, mean=request.mean, std=request.std)
            for name in request.models
        ]
        for name, section in _sections(request, report, subjects, pictures, folder, peers):
            elsewhere = Elsewhere(peers.pid if peers else None)
            report[name] = section()
            _note_others(report, name, elsewhere.cores())
        if peers:
            peers.close()  # its threads are of no use to whole processes
        if request.transcode:
            elsewhere = Elsewhere()
            report["transcode"] = _transcode(request, request.transcode, subjects[0], folder)
            _note_others(report, "transcode", elsewhere.cores())
    return report


def _sections(
    request: Request,
    report: dict[str, Any],
    subjects: list[Subject],
    pictures: list[Image],
    folder: Path,
    peers: Peers | None,
) -> Iterator[tuple[str, Callable[[], list[dict[str, Any]]]]]:
    """(name, what gives its rows) of the sections that were asked for."""

    def networks(rows_of: Callable[[Subject, NDArray[np.uint8]], tuple[list[Row], list[str]]]) -> list[Row]:
        found: list[Row] = []
        for each in subjects:
            for size in request.sizes:
                rows, notes = rows_of(each, squares(pictures, size))
                found += rows
                report["notes"] += [note for note in notes if note not in report["notes"]]
        return found

    def backends() -> list[Row]:
        return networks(lambda each, squares: measure_backends(each, squares, request.plan, folder, peers))

    def methods() -> list[Row]:
        return networks(lambda each, squares: measure_methods(each, squares, request.plan))

    def stages() -> list[dict[str, Any]]:
        found = []
        for each in subjects:
            with request.explainer(each) as explainer:
                clip, frames, painter = request.clip, request.frames, request.painter(explainer)
                found.append(measure_stages(clip, frames, explainer, painter, request.encoder, folder))
        return found

    def overlay() -> list[dict[str, Any]]:
        return measure_overlay(pictures[0], request.plan.rounds, folder, peers)

    known = {"backends": backends, "methods": methods, "overlay": overlay, "stages": stages}
    return ((name, known[name]) for name in SECTIONS if name in request.sections)


def _transcode(request: Request, clip: Path, each: Subject, folder: Path) -> list[dict[str, Any]]:
    flags, layer = request.flags(each), request.plan.layer
    return measure_transcode(jobs(clip, each, flags, request.encoder, folder, request.peers, layer=layer), request.runs)


def _note_others(report: dict[str, Any], section: str, others: float | None) -> None:
    report["elsewhere_cores"][section] = others
    if others is not None and others > BUSY * cores():
        report["notes"].append(
            f"{section}: other processes kept {others:.1f} of {cores()} cores busy; measure again when they have ended"
        )


def _check(request: Request) -> None:
    unknown = [name for name in request.sections if name not in SECTIONS]
    if unknown:
        raise ConfigError(f"--sections {unknown[0]}: not one of {', '.join(SECTIONS)}")
    if request.weights and len(request.models) > 1:
        raise ConfigError(f"--weights {request.weights}: fits one of {', '.join(request.models)}; name one model")
    if not (request.sections or request.transcode):
        raise ConfigError("there is nothing to measure; name --sections or --transcode CLIP")
    if request.peers:
        check_python(request.peers)


def _same_threads() -> None:
    import torch

    torch.set_num_threads(cores())
