"""``livecam explain``: stills."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from livecam.cli._console import console, emit, fail, say
from livecam.cli._options import LOOK, MODEL, PART, REPORT, STREAM, flags, settings
from livecam.errors import LivecamError
from livecam.jobs import plan

if TYPE_CHECKING:
    from livecam.config import Settings
    from livecam.explainer import Explainer


@click.command()
@click.argument("images", metavar="IMAGE...", nargs=-1, required=True)
@click.option("-o", "--output", metavar="OUT", help="A .png or .jpg; for several images a folder.  [recordings/]")
@click.option("--force", is_flag=True, help="Overwrite what exists.")
@flags(MODEL, LOOK, STREAM, PART, REPORT)  # common flags are common, also where a still has no use for them
def command(
    images: tuple[str, ...], output: str | None, force: bool, config_file: Path | None, as_json: bool, **given: Any
) -> int:
    """Explain each IMAGE (a file, a folder, a pattern): the overlay as PNG, the figures as JSON beside it."""
    console()
    chosen = settings(config_file, given)

    from livecam.assembly import make_explainer
    from livecam.sources.images import image_paths

    jobs = plan([str(path) for spec in images for path in image_paths(spec)], output, ".explained.png")
    reports: list[dict[str, Any]] = []
    code = 0
    with make_explainer(chosen) as explainer:
        for spec, target in jobs:
            try:
                reports.append(explain_still(spec, target, chosen, explainer, force=force))
            except LivecamError as error:
                if len(jobs) == 1:
                    raise
                failed = fail(error)
                code = code or failed
                reports.append({"input": spec, "error": str(error), "exit_code": error.exit_code})
    if as_json:
        emit({"files": reports} if len(jobs) > 1 else reports[0])
    return code


def explain_still(spec: str, target: Path, chosen: Settings, explainer: Explainer, *, force: bool) -> dict[str, Any]:
    """The first picture of ``spec``, explained into ``target``; returns what the JSON file says."""
    from livecam.assembly import class_of, make_painter, run_info, sink_options
    from livecam.errors import SourceError
    from livecam.sinks.still import StillSink
    from livecam.sources import open_source
    from livecam.types import AnnotatedFrame

    with open_source(spec) as source:
        frame = source.read()
        run = run_info(source.info, explainer)
    if frame is None:
        raise SourceError(f"{spec}: there is no picture in it")
    with StillSink(target, run, sink_options(chosen, live=False, force=force)) as sink:
        explanation = explainer.explain(frame.image, class_of(chosen, explainer))
        painted = make_painter(chosen, explainer).paint(
            frame.image, explanation, quality=chosen.quality or 0, status=explainer.title
        )
        annotated = AnnotatedFrame(frame, painted, explanation, 0, chosen.quality or 0)
        sink.write(annotated)
        record = sink.record(annotated)
    best = explanation.top[0]
    say(f"{target}: {best.label} {best.score:.0%}")
    return record
