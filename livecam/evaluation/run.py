"""One run of ``livecam evaluate``: every subject on every picture and video that was not measured before."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from livecam.bench.machine import versions
from livecam.bench.peers import check_python
from livecam.errors import ConfigError
from livecam.evaluation.datasets import Dataset, Item
from livecam.evaluation.measures import MEASURES, ROAD, TEMPORAL
from livecam.evaluation.measuring import Probe, in_time
from livecam.evaluation.records import Figures, Records
from livecam.evaluation.report import make_report
from livecam.evaluation.subjects import BASELINES, PEERS, Explained, Subject, baselines, open_peers
from livecam.explainer import Explainer
from livecam.models import Colour, ModelSpec, get_card, is_own
from livecam.tasks import CLASSIFICATION

Tell = Callable[[int, int], None]
"""How many measurements there are, and how many are to be."""

PROBE = ("gradcam", "plain")
"""Method and detail of the explainer that answers what measures ask of the network: it only classifies."""


@dataclass(frozen=True, slots=True)
class Request:
    """What to measure. Subjects are all models, methods and details with each other; the first of each model is the
    reference of its differences.

    every, limit, box_below: of the data set (``Dataset.part``); the temporal measures take all frames up to ``limit``.
    measures: of ``MEASURES``. fps: of videos. smooth: seconds, of their maps as they are shown. peers: the python of
    their environment, or None. explainer: opens one, of a model, method and detail. spec, mean: the network of that
    name, for the peers, and the mean of its input, RGB in [0, 1]. settings: what else figures depend on, as JSON goes.
    out: folder of the records. restart: forget what it holds. command: as it was called.
    """

    dataset: Dataset
    every: int
    limit: int | None
    box_below: float | None
    models: tuple[str, ...]
    methods: tuple[str, ...]
    details: tuple[str, ...]
    measures: tuple[str, ...]
    fps: float
    smooth: float
    peers: Path | None
    explainer: Callable[[str, str, str], Explainer]
    spec: Callable[[str], ModelSpec]
    mean: Callable[[str], Colour]
    settings: dict[str, Any]
    out: Path
    restart: bool = False
    command: str = ""


def evaluate(request: Request, tell: Tell = lambda _done, _total: None) -> dict[str, Any]:
    """Measure what is missing in ``request.out``, and report all: see ``report.make_report``.

    Raises ConfigError and MissingExtra before anything is measured, and the errors of what is measured.
    """
    _check(request)
    settings = {
        "dataset": str(request.dataset.path.resolve()),
        **request.settings,
        "measures": sorted(request.measures),
        "versions": versions(),
    }
    with Records(request.out, settings, restart=request.restart) as records:
        names = [name for model in request.models for name in _names(request, model)]
        jobs = _jobs(request)
        total, done = len(jobs) * len(names), 0
        for model in request.models:
            own = _names(request, model)
            missing = [job for job in jobs if any(records.get(job.key, name) is None for name in own)]
            done += len(own) * (len(jobs) - len(missing))
            tell(done, total)
            if not missing:
                continue
            with ExitStack() as stack:
                subjects, probe = _open(request, model, stack)
                for job in missing:
                    for name, figures in _measured(job, subjects, probe, request, records):
                        records.add(job.key, name, _finite(figures))
                    done += len(own)
                    tell(done, total)
        found = {name: _found(records, jobs, name) for name in names}
    dataset = {"path": str(request.dataset.path), "kind": request.dataset.kind, "name": _described(request, jobs)}
    facts = {"command": request.command, "dataset": dataset, "settings": settings}
    models = {model: _names(request, model) for model in request.models}
    return make_report(facts, request.measures, found, models)


def _finite(figures: Figures) -> Figures:
    """Without what is nan or infinite: there is no such figure of this picture, and no such number in JSON."""
    return {name: value for name, value in figures.items() if isinstance(value, list) or math.isfinite(value)}


@dataclass(frozen=True, slots=True)
class _Job:
    """What is measured at once, and kept as a line: a picture, or, for the temporal measures, a whole video."""

    key: str
    group: str
    items: tuple[Item, ...]
    video: bool = False


def _jobs(request: Request) -> list[_Job]:
    jobs, dataset = [], request.dataset
    if any(name != TEMPORAL for name in request.measures):
        pictures = dataset.part(every=request.every, limit=request.limit, box_below=request.box_below)
        jobs += [_Job(item.key, item.video, (item,)) for item in pictures.items]
    if TEMPORAL in request.measures:
        videos = dataset.part(limit=request.limit).videos()
        jobs += [_Job(f"{name}, {len(items)} frames", name, items, True) for name, items in videos.items()]
    return jobs


def _found(records: Records, jobs: list[_Job], subject: str) -> dict[str, list[Figures]]:
    found: dict[str, list[Figures]] = {}
    for job in jobs:
        figures = records.get(job.key, subject)
        assert figures is not None
        found.setdefault(job.group, []).append(figures)
    return found


def _described(request: Request, jobs: list[_Job]) -> str:
    """The data set in words."""
    pictures, videos = sum(not job.video for job in jobs), len({job.group for job in jobs} - {""})
    parts = [f"{pictures} pictures"] if pictures else []
    if videos:
        parts += [f"{videos} videos", *([f"every {request.every}. frame"] if request.every > 1 and pictures else [])]
    if request.box_below is not None:
        parts.append(f"with one box below {request.box_below:g} of the picture")
    return f"{request.dataset.path.name}: {', '.join(parts)}"


def _names(request: Request, model: str) -> list[str]:
    """Of the subjects, in the order of the report."""
    ours = [f"{method} {detail}" for method in request.methods for detail in request.details]
    return [f"{model} {name}" for name in (*ours, *(PEERS if request.peers else ()), *BASELINES)]


def _open(request: Request, model: str, stack: ExitStack) -> tuple[list[Subject], Probe]:
    subjects: list[Subject] = []
    for method in request.methods:
        for detail in request.details:
            explainer = stack.enter_context(request.explainer(model, method, detail))
            subjects.append(Explained(f"{model} {method} {detail}", explainer))
    spec = request.spec(model)
    if request.peers:
        subjects += stack.enter_context(open_peers(request.peers, spec, request.settings.get("layer")))
    probe = stack.enter_context(request.explainer(model, *PROBE))
    return [*subjects, *baselines(model)], Probe(probe, request.mean(model))


def _measured(
    job: _Job, subjects: list[Subject], probe: Probe, request: Request, records: Records
) -> Iterator[tuple[str, Figures]]:
    """(subject, figures) of those that are not in the records."""
    wanted = [subject for subject in subjects if records.get(job.key, subject.name) is None]
    if job.video:
        for subject in wanted:
            yield subject.name, in_time(job.items, subject, request.fps, request.smooth)
        return
    (item,) = job.items
    image = item.picture()
    ask = cache(lambda: probe.ask(image))  # at most once for all subjects, and not where nobody asks
    for subject in wanted:
        figures: Figures = {}
        for name in request.measures:
            measure = MEASURES[name].picture
            if measure:
                figures |= measure(item, image, subject, ask)
        yield subject.name, figures


def _check(request: Request) -> None:
    for model in request.models:
        task = get_card(model).task if is_own(model) else request.spec(model).task
        if task is not CLASSIFICATION:
            raise ConfigError(
                f"{model} does {task.name}: only classifiers of pictures are measured; choose another model"
            )
    for name in request.measures:
        if name not in MEASURES:
            raise ConfigError(f"--measures {name}: not one of {', '.join(MEASURES)}")
    if not request.measures:
        raise ConfigError(f"there is nothing to measure; name some --measures of {', '.join(MEASURES)}")
    if TEMPORAL in request.measures and request.dataset.kind != "videos":
        raise ConfigError(
            f"--measures {TEMPORAL}: {request.dataset.path} has no videos; give frames/ and masks/ of some"
        )
    if ROAD in request.measures:
        importlib.import_module("livecam.evaluation.road")  # MissingExtra
    if request.peers:
        check_python(request.peers)
