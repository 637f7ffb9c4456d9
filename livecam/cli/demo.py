"""``livecam demo``: annotate the clip that ships with livecam."""

from __future__ import annotations

from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import click

from livecam.cli._console import console, emit, say
from livecam.cli._interrupt import INTERRUPTED, Interrupt
from livecam.cli._options import BESIDE, LOOK, MODEL, PART, REPORT, STREAM, flags, settings
from livecam.errors import SourceNotFound

OUTPUT = Path("recordings/sample.explained.mp4")


@click.command()
@flags(MODEL, LOOK, STREAM, BESIDE, PART, REPORT)
def command(config_file: Path | None, as_json: bool, **given: Any) -> int:
    """Annotate the clip that ships with livecam into recordings/ and say where it is."""
    console()
    chosen = settings(config_file, given)

    from livecam.annotating._convert import convert
    from livecam.assembly import make_explainer, source_options
    from livecam.cli._progress import Bar
    from livecam.sources import open_source

    with (
        Interrupt() as interrupt,
        open_source(str(sample()), source_options(chosen)) as source,
        make_explainer(chosen, "every") as explainer,
    ):
        # Its own earlier result is the only file that may be there, so it is overwritten.
        report = convert(source, OUTPUT, chosen, explainer, interrupt, force=True, make_bar=Bar)
    say(f"{report['frames_out']} frames explained in {report['elapsed_s']:.1f} s. Open {OUTPUT.resolve()}")
    if as_json:
        emit(report)
    return INTERRUPTED if interrupt.requested else 0


def sample() -> Path:
    """The clip: inside an installed package, or in the recordings folder of a clone."""
    with as_file(files("livecam")) as package:
        for path in (package / "data" / "sample.mp4", package.parent / "recordings" / "sample.mp4"):
            if path.is_file():
                return path
    raise SourceNotFound("the sample clip is missing from this installation; reinstall livecam")
