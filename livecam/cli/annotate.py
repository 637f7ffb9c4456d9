"""``livecam annotate``: every frame of recordings."""

from __future__ import annotations

import glob
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from livecam.cli._console import console, emit, fail, say
from livecam.cli._interrupt import Interrupt
from livecam.cli._options import LOOK, MODEL, PART, REPORT, STREAM, flags, settings
from livecam.errors import ConfigError, LivecamError

FOLDER = Path("recordings")


@click.command()
@click.argument("inputs", metavar="INPUT...", nargs=-1, required=True)
@click.option(
    "-o", "--output", metavar="OUT", help="A file; for several inputs a folder.  [recordings/STEM.explained.mp4]"
)
@click.option("--force", is_flag=True, help="Overwrite what exists.")
@click.option("--audio/--no-audio", default=None, help="Copy the sound.  [audio]")
@click.option("--sidecar/--no-sidecar", default=None, help="Write OUT.jsonl: a line a frame.  [sidecar]")
@flags(MODEL, LOOK, STREAM, PART, REPORT)
def command(
    inputs: tuple[str, ...], output: str | None, force: bool, config_file: Path | None, as_json: bool, **given: Any
) -> int:
    """Explain every frame of each INPUT (file, URL, folder of images) into a recording.

    Every frame, its time and the sound are kept. An interrupted run leaves a playable file.
    """
    console()  # warnings are shown from here on
    chosen = settings(config_file, given)
    jobs = plan(inputs, output)

    from livecam.cli._convert import check_free, convert
    from livecam.cli._parts import make_explainer
    from livecam.sources import open_source

    if len(jobs) == 1:  # say what is wrong with the only file before a model is loaded
        open_source(jobs[0][0]).close()
        check_free(jobs[0][1], force)
    reports: list[dict[str, Any]] = []
    code = 0
    with Interrupt() as interrupt, make_explainer(chosen) as explainer:
        for spec, target in jobs:
            if interrupt.requested:
                break
            try:
                report = convert(spec, target, chosen, explainer, interrupt, force=force)
            except LivecamError as error:
                if len(jobs) == 1:
                    raise
                code = code or fail(error)
                report = {"input": spec, "output": str(target), "error": str(error), "exit_code": error.exit_code}
            else:
                tell(report)
            reports.append(report)
    if as_json:
        emit({"files": reports} if len(jobs) > 1 else reports[0])
    return 130 if interrupt.requested else code


def tell(report: dict[str, Any]) -> None:
    damaged = f", {report['decode_errors']} damaged parts skipped" if report["decode_errors"] else ""
    cut = " (interrupted)" if report["interrupted"] else ""
    say(f"{report['output']}: {report['frames_out']} frames in {report['elapsed_s']:.1f} s{damaged}{cut}")


def plan(inputs: tuple[str, ...], output: str | None) -> list[tuple[str, Path]]:
    """(input, output) of each job. Raises ConfigError when several inputs are to become one file."""
    specs = [spec for given in inputs for spec in expand(given)]
    one_file = output is not None and not output.endswith("/") and not Path(output).is_dir()
    if one_file and output is not None:
        if len(specs) == 1:
            return [(specs[0], Path(output))]
        if Path(output).suffix:
            raise ConfigError(f"-o {output}: {len(specs)} inputs cannot become one file; name a folder, as in -o out/")
    folder = FOLDER if output is None else Path(output)
    jobs: list[tuple[str, Path]] = []
    for spec in specs:
        stem, number = stem_of(spec), 2
        target = folder / f"{stem}.explained.mp4"
        while target in [taken for _, taken in jobs]:  # two inputs of one name from two folders
            target = folder / f"{stem}-{number}.explained.mp4"
            number += 1
        jobs.append((spec, target))
    return jobs


def expand(spec: str) -> list[str]:
    """A pattern of recordings is as many inputs; a pattern of images is one sequence."""
    from livecam.sources._names import IMAGE_SUFFIXES

    if not glob.has_magic(spec) or "://" in spec or Path(spec).exists():
        return [spec]
    found = sorted(glob.glob(spec, recursive=True))  # noqa: PTH207  Path.glob takes no absolute pattern
    images = [path for path in found if Path(path).suffix.lower() in IMAGE_SUFFIXES]
    return [spec] if not found or len(images) == len(found) else found


def stem_of(spec: str) -> str:
    """A file name for what ``spec`` names, without its suffix.

    >>> [stem_of(s) for s in ("a/clip.mp4", "https://host/film.webm?x=1", "test://?fps=30", "photos/*.jpg")]
    ['clip', 'film', 'test', 'photos']
    """
    if "://" in spec:
        parts = urlsplit(spec)
        return Path(parts.path).stem or parts.hostname or parts.scheme
    path = Path(spec)
    plain = path.parent if glob.has_magic(path.name) else path
    return re.sub(r"[^\w.-]+", "_", plain.stem) or "images"
