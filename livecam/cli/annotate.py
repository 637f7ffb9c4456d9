"""``livecam annotate``: every frame of recordings."""

from __future__ import annotations

import sys
from contextlib import nullcontext, redirect_stdout
from pathlib import Path
from typing import Any, Literal

import click

from livecam.cli._console import console, emit, fail, say
from livecam.cli._interrupt import INTERRUPTED, Interrupt
from livecam.cli._options import BESIDE, LOOK, MODEL, PART, REPORT, STREAM, flags


@click.command()
@click.argument("inputs", metavar="INPUT...", nargs=-1, required=True)
@click.option(
    "-o",
    "--output",
    metavar="OUT",
    help="A file; for several inputs a folder; s3://BUCKET/FOLDER/, too.  [recordings/STEM.explained.mp4]",
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
    engine: Literal["local", "ray"],
    config_file: Path | None,
    as_json: bool,
    **given: Any,
) -> int:
    """Explain every frame of each INPUT (file, URL, folder of images) into a recording.

    Every frame, its time and the sound are kept. An interrupted run leaves a playable file; the same command goes on
    where it stopped, and of several inputs leaves out those that are done.
    """
    console()  # warnings are shown from here on

    from livecam.annotating import annotate
    from livecam.cli._progress import Shown

    reports: dict[int, dict[str, Any]] = {}
    code = 0
    # Ray prints what happens to its workers on stdout, which belongs to the report.
    stdout = redirect_stdout(sys.stderr) if engine == "ray" else nullcontext()
    with (
        stdout,
        Interrupt() as interrupt,
        annotate(
            inputs,
            output,
            engine=engine,
            jobs=jobs,
            force=force,
            config=config_file,
            stop=interrupt,
            shows=Shown(),
            **given,
        ) as results,
    ):
        for one in results:
            reports[one.number] = one.report
            if one.error is None:
                tell(one.report)
            elif results.count == 1:
                raise one.error
            else:
                failed = fail(one.error)
                code = code or failed
    if as_json:
        each = [reports[number] for number in sorted(reports)]
        emit(each[0] if results.count == len(each) == 1 else {"files": each})
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
