"""``livecam live``: a camera, explained as it comes."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

from livecam.cli._console import console, emit, say
from livecam.cli._interrupt import INTERRUPTED, Interrupt
from livecam.cli._options import BESIDE, CAMERA, FAULTS, LOOK, MODEL, PART, RECORD, REPORT, STREAM, flags, settings


@click.command()
@click.argument("sources", metavar="[SOURCE]...", nargs=-1)
@click.option(
    "-o",
    "--output",
    "outputs",
    metavar="SINK",
    multiple=True,
    help="display, http://127.0.0.1:8080, out.mp4, frames/%05d.png, out.jsonl, rtmp://HOST/APP/KEY or rtsp://HOST/PATH "
    "of a media server, null; repeatable.  [display]",
)
@click.option(
    "--sync/--no-sync",
    default=None,
    help="Show a picture only with its own explanation; else the newest, its map moved along.  [no-sync]",
)
@click.option(
    "--check/--no-check",
    default=None,
    help="Hide the hottest part about once a second and say how far the confidence falls.  [check]",
)
@click.option("--force", is_flag=True, help="Overwrite what exists.")
@flags(MODEL, LOOK, STREAM, BESIDE, RECORD, PART, CAMERA, FAULTS, REPORT)
def command(
    sources: tuple[str, ...],
    outputs: tuple[str, ...],
    force: bool,
    config_file: Path | None,
    as_json: bool,
    **given: Any,
) -> int:
    """Explain SOURCE in real time: a camera (0, /dev/video0, part of its name), a file, rtsp://, test://,
    or browser: for the camera of a page that is served with -o http://127.0.0.1:8080.

    Several sources share the network and are shown side by side; a click or e enlarges one, w shows all again. One that
    is lost, or not there yet, is waited for.

    The newest picture is shown with the newest explanation. q, Esc or closing the window ends it, f is full screen.
    A recording whose disk is full ends, the show goes on.
    """
    console()
    chosen = settings(config_file, given)

    from livecam.assembly import check_apart, check_several, make_explainer, masks, source_options, subtitles_of
    from livecam.cli._live import paired, run_live
    from livecam.sources.reconnecting import open_live

    specs, outputs = paired(sources or ("0",), outputs)
    check_several(specs, chosen)
    subtitles = [found for spec in outputs if chosen.subtitles and (found := subtitles_of(spec))]
    outputs = (*outputs, *subtitles, *masks(chosen).values())
    check_apart(outputs)
    wait = len(specs) > 1 and chosen.reconnect is not False
    with Interrupt() as interrupt, ExitStack() as stack:
        opened = [stack.enter_context(open_live(spec, source_options(chosen), wait=wait)) for spec in specs]
        for source in opened:
            say(f"{source.info.name}: {source.info.detail or f'{source.info.width}x{source.info.height}'}")
        explainer = stack.enter_context(make_explainer(chosen, "live"))
        report = run_live(opened, list(outputs), chosen, explainer, interrupt, force=force)
    late = report["dropped"].get("encoder too slow", 0)
    say(
        f"{report['frames_out']} frames shown at {report['fps']:.1f} fps, {report['explained']} explained"
        + "".join(f", {path} written" for path in report["output"] if Path(path).exists())
        + (f"; {late} frames were not recorded: the encoder or the disk is too slow" if late else "")
    )
    if as_json:
        emit(report)
    return report.get("exit_code") or (INTERRUPTED if interrupt.requested else 0)
