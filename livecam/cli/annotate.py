"""``livecam annotate``: every frame of recordings."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

from livecam.cli._console import console, emit, fail, say
from livecam.cli._interrupt import INTERRUPTED, Interrupt
from livecam.cli._jobs import expand, plan
from livecam.cli._options import BESIDE, LOOK, MODEL, PART, REPORT, STREAM, flags, settings
from livecam.errors import ConfigError, LivecamError
from livecam.masking import masked


@click.command()
@click.argument("inputs", metavar="INPUT...", nargs=-1, required=True)
@click.option(
    "-o", "--output", metavar="OUT", help="A file; for several inputs a folder.  [recordings/STEM.explained.mp4]"
)
@click.option("--force", is_flag=True, help="Overwrite what exists.")
@click.option("--audio/--no-audio", default=None, help="Copy the sound.  [audio]")
@click.option("--sidecar/--no-sidecar", default=None, help="Write OUT.jsonl: a line a frame.  [sidecar]")
@flags(MODEL, LOOK, STREAM, BESIDE, PART, REPORT)
def command(
    inputs: tuple[str, ...], output: str | None, force: bool, config_file: Path | None, as_json: bool, **given: Any
) -> int:
    """Explain every frame of each INPUT (file, URL, folder of images) into a recording.

    Every frame, its time and the sound are kept. An interrupted run leaves a playable file.
    """
    console()  # warnings are shown from here on
    chosen = settings(config_file, given)
    one_file = chosen.heatmap_video or chosen.maps
    jobs = plan([spec for pattern in inputs for spec in expand(pattern)], output, ".explained.mp4")

    if one_file and len(jobs) > 1:
        raise ConfigError(f"{one_file}: {len(jobs)} inputs cannot become one file; annotate them one by one")

    from livecam.cli._convert import check_outputs, convert
    from livecam.cli._parts import make_explainer, source_options
    from livecam.explainer import Explainer
    from livecam.sources import open_source

    explainer: Explainer | None = None
    reports: list[dict[str, Any]] = []
    code = 0
    with Interrupt() as interrupt, ExitStack() as stack:
        for spec, target in jobs:
            try:
                # What is wrong with the input or the output is said before a model is loaded for it.
                check_outputs(target, chosen, force)
                with open_source(spec, source_options(chosen)) as source:
                    explainer = explainer or stack.enter_context(make_explainer(chosen, "every"))
                    report = convert(source, target, chosen, explainer, interrupt, force=force)
            except LivecamError as error:
                if len(jobs) == 1:
                    raise
                failed = fail(error)
                code = code or failed
                report = {
                    "input": masked(spec),
                    "output": str(target),
                    "error": masked(str(error)),
                    "exit_code": error.exit_code,
                }
            else:
                tell(report)
            reports.append(report)
            if interrupt.requested:
                break
    if as_json:
        emit({"files": reports} if len(jobs) > 1 else reports[0])
    return INTERRUPTED if interrupt.requested else code


def tell(report: dict[str, Any]) -> None:
    damaged = f", {report['decode_errors']} damaged parts skipped" if report["decode_errors"] else ""
    cut = " (interrupted)" if report["interrupted"] else ""
    where = report["output"] or "nothing written"
    say(f"{where}: {report['frames_out']} frames in {report['elapsed_s']:.1f} s{damaged}{cut}")
