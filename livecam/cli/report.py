"""``livecam report``: one page of what a sidecar, or a folder of them, says."""

from __future__ import annotations

import time
from pathlib import Path

import click

from livecam.cli._console import console, say


@click.command()
@click.argument("path", metavar="SIDECAR|FOLDER", type=click.Path(path_type=Path))
@click.option("-o", "--output", metavar="OUT.html", type=click.Path(path_type=Path), help="[beside it]")
@click.option("--with", "other", metavar="SIDECAR", type=click.Path(path_type=Path), help="Another run, side by side.")
@click.option("--run", metavar="FILE.json", type=click.Path(path_type=Path), help="What --json printed: adds timings.")
@click.option("--force", is_flag=True, help="Overwrite what exists.")
def command(path: Path, output: Path | None, other: Path | None, run: Path | None, force: bool) -> int:
    """Timeline, key frames and what is worth a look, of the sidecar OUT.jsonl of a recording, or of all sidecars and
    stills of a folder: one HTML file, without scripts or network, that also prints."""
    console()

    from livecam.report import make_report
    from livecam.sinks import SinkOptions
    from livecam.sinks._files import check_free, write_whole

    started = time.monotonic()
    output = output or (path / "report.html" if path.is_dir() else path.with_suffix(".report.html"))
    check_free(output, SinkOptions(force=force))
    data = make_report(path, other=other, run=run).encode("utf-8", "backslashreplace")
    write_whole(output, data)
    say(f"{output}: {len(data) / 1e6:.1f} MB in {time.monotonic() - started:.1f} s")
    return 0
