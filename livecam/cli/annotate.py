"""``livecam annotate``: every frame of recordings."""

from __future__ import annotations

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
@click.option("--force", is_flag=True, help="Begin anew, and overwrite what exists.")
@click.option(
    "--jobs",
    metavar="N",
    type=click.IntRange(1, 4096),
    help="Processes among which inputs, and parts of long ones, are shared.  [1; ray: all that find room]",
)
@click.option(
    "--engine",
    type=click.Choice(("local", "ray")),
    default="local",
    help="Where they are: here, or on the Ray cluster of RAY_ADDRESS; without one it is started here.  [local]",
)
@click.option("--audio/--no-audio", default=None, help="Copy the sound.  [audio]")
@click.option("--sidecar/--no-sidecar", default=None, help="Write OUT.jsonl: a line a frame.  [sidecar]")
@flags(MODEL, LOOK, STREAM, BESIDE, PART, REPORT)
def command(
    inputs: tuple[str, ...],
    output: str | None,
    force: bool,
    jobs: int | None,
    engine: str,
    config_file: Path | None,
    as_json: bool,
    **given: Any,
) -> int:
    """Explain every frame of each INPUT (file, URL, folder of images) into a recording.

    Every frame, its time and the sound are kept. An interrupted run leaves a playable file; the same command goes on
    where it stopped, and of several inputs leaves out those that are done.
    """
    console()  # warnings are shown from here on
    chosen = settings(config_file, given)
    one_file = chosen.heatmap_video or chosen.maps
    work = plan([spec for pattern in inputs for spec in expand(pattern)], output, ".explained.mp4")
    if one_file and len(work) > 1:
        raise ConfigError(f"{one_file}: {len(work)} inputs cannot become one file; annotate them one by one")

    from livecam.cli._annotating import annotate_all
    from livecam.cli._crew import crew

    reports: dict[Path, dict[str, Any]] = {}
    code = 0
    with Interrupt() as interrupt, crew(engine, jobs, chosen) as workers:
        for spec, target, result in annotate_all(work, chosen, interrupt, force=force, workers=workers):
            if not isinstance(result, LivecamError):
                tell(result)
                reports[target] = result
                continue
            if len(work) == 1:
                raise result
            failed = fail(result)
            code = code or failed
            reports[target] = {
                "input": masked(spec),
                "output": str(target),
                "error": masked(str(result)),
                "exit_code": result.exit_code,
            }
    if as_json:
        each = [reports[target] for _, target in work if target in reports]
        emit(each[0] if len(work) == len(each) == 1 else {"files": each})
    return INTERRUPTED if interrupt.requested else code


def tell(report: dict[str, Any]) -> None:
    if "skipped" in report:
        say(f"{report['output']}: {report['skipped']}")
        return
    kept = f", {report['parts_kept']} of {report['parts']} parts were there" if report.get("parts_kept") else ""
    damaged = f", {report['decode_errors']} damaged parts skipped" if report["decode_errors"] else ""
    cut = " (interrupted)" if report["interrupted"] else ""
    where = report["output"] or "nothing written"
    say(f"{where}: {report['frames_out']} frames in {report['elapsed_s']:.1f} s{kept}{damaged}{cut}")
