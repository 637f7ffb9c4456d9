"""``livecam bench``: how fast it is on this machine."""

from __future__ import annotations

import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from livecam.cli._console import console, emit, say, table
from livecam.cli._options import MODEL, REPORT, flags, settings
from livecam.errors import ConfigError

if TYPE_CHECKING:
    from livecam.bench.run import Request
    from livecam.bench.subjects import Subject
    from livecam.config import Settings

SECTIONS = "backends,overlay,stages"
ROUNDS, RUNS, FRAMES = 30, 3, 120
LISTS = [
    click.option("--sections", metavar="LIST", help=f"Of these and methods.  [{SECTIONS}; with --transcode none]"),
    click.option("--models", metavar="LIST", help="Names with commas between.  [--model]"),
    click.option("--methods", metavar="LIST", help="Likewise, or all.  [--method]"),
    click.option("--sizes", metavar="LIST", help="Sides of the square input in pixels.  [--input-size]"),
    click.option("--backends", metavar="LIST", help="torch,openvino,...  [--backend, or all that are here]"),
    click.option("--precisions", metavar="LIST", help="float32,bfloat16,...  [--precision]"),
]
ENCODER = [
    click.option("--codec", metavar="NAME", help="Of the recordings: h264, h265, av1, vp9 or nvenc.  [h264]"),
    click.option("--crf", metavar="N", help="Constant quality of the encoder; lower is better."),
    click.option("--preset", metavar="NAME", help="Speed of the encoder, in its own words."),
]
PATH = click.Path(path_type=Path)


@click.command()
@flags(LISTS)
@click.option("--rounds", type=click.IntRange(1), default=ROUNDS, show_default=True, help="Turns of everyone.")
@click.option("--clip", metavar="FILE", help="Pictures and stages come from it.  [the sample clip]")
@click.option(
    "--frames", type=click.IntRange(1), default=FRAMES, show_default=True, help="Of the clip, for the stages."
)
@click.option("--transcode", metavar="CLIP", type=PATH, help="Annotate all of CLIP, as a process.")
@click.option("--runs", type=click.IntRange(1), default=RUNS, show_default=True, help="Of --transcode.")
@click.option("--peers", metavar="PYTHON", type=PATH, help="Measure the peers beside, by what scripts/peers makes.")
@click.option("--markdown", is_flag=True, help="The tables as Markdown on stdout.")
@flags(MODEL, ENCODER, REPORT)
def command(markdown: bool, as_json: bool, config_file: Path | None, **given: Any) -> None:
    """Measure speed on this machine: networks with and without explanation, overlay, stages, whole recordings.

    Whoever is compared takes turns in one run, after a warm-up. Figures are medians.
    """
    console()
    if markdown and as_json:
        raise ConfigError("--markdown and --json both want stdout; choose one")
    what = {name: given.pop(name) for name in WHAT}
    request = make_request(what, settings(config_file, given), given, config_file)

    from livecam.bench import report as view
    from livecam.bench.run import measure

    report = measure(request)
    say(view.about(report))
    for part in view.tables(report):
        say(f"\n{part.title}: {part.note}")
        table(part.columns, part.rows)
    for note in report["notes"]:
        say(note)
    if as_json:
        emit(report)
    if markdown:
        sys.stdout.write(view.markdown(report))


WHAT = (
    *("sections", "models", "methods", "sizes", "backends", "precisions"),
    *("rounds", "clip", "frames", "transcode", "runs", "peers"),
)


def make_request(what: dict[str, Any], chosen: Settings, given: dict[str, Any], config_file: Path | None) -> Request:
    """what: the flags of this command alone. given: the others, as they were given. Raises ConfigError."""
    from livecam.assembly import make_explainer, make_painter, sink_options
    from livecam.bench.backends import Plan
    from livecam.bench.run import Request
    from livecam.cli.demo import sample
    from livecam.geometry import INPUT_SIZE
    from livecam.methods import methods as all_methods

    models = _split(what["models"]) or (chosen.model,)
    backends = _split(what["backends"]) or ((chosen.backend,) if chosen.backend != "auto" else None)
    precisions = _split(what["precisions"]) or (chosen.precision,)
    methods = tuple(all_methods()) if what["methods"] == "all" else _split(what["methods"]) or (chosen.method,)
    sections = "" if what["transcode"] else SECTIONS
    return Request(
        command=shlex.join(["livecam", *sys.argv[1:]]),
        sections=_split(sections if what["sections"] is None else what["sections"]),
        models=models,
        sizes=tuple(_size(text) for text in _split(what["sizes"])) or (chosen.input_size or INPUT_SIZE,),
        plan=Plan(backends, precisions, methods, what["rounds"], chosen.layer, chosen.device),
        clip=what["clip"] or str(sample()),
        frames=what["frames"],
        runs=what["runs"],
        transcode=what["transcode"],
        peers=what["peers"],
        weights=chosen.weights,
        mean=chosen.mean,
        std=chosen.std,
        explainer=lambda subject: make_explainer(
            # Pictures of recordings are measured, so in their detail.
            chosen.model_copy(
                update={
                    "model": subject.spec.name,
                    "weights": subject.spec.weights,
                    "detail": chosen.detail or "plain",
                }
            )
        ),
        painter=lambda explainer: make_painter(chosen, explainer),
        encoder=replace(sink_options(chosen, live=False, force=True), audio=False),
        flags=lambda subject: annotate_flags(given, subject, config_file),
    )


def annotate_flags(given: dict[str, Any], subject: Subject, config_file: Path | None) -> list[str]:
    """What was given here, for ``livecam annotate``."""
    named = {name.rstrip("_").replace("_", "-"): value for name, value in given.items() if value is not None}
    named |= {"model": subject.spec.name}
    if subject.spec.weights is not None:
        named["weights"] = subject.spec.weights
    if config_file is not None:
        named["config"] = config_file
    each = [(name, one) for name, value in named.items() for one in (value if isinstance(value, tuple) else [value])]
    return [text for name, one in each for text in (f"--{name}", str(one))]


def _split(text: str | None) -> tuple[str, ...]:
    return tuple(part.strip() for part in (text or "").split(",") if part.strip())


def _size(text: str) -> int:
    if not text.isdecimal() or int(text) < 32:
        raise ConfigError(f"--sizes {text}: give sides in pixels, at least 32, as in 224,320")
    return int(text)
