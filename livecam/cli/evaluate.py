"""``livecam evaluate``: how good the maps are."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from livecam.cli._console import console, emit, say, table
from livecam.cli._options import MODEL, REPORT, flags, settings
from livecam.errors import ConfigError

if TYPE_CHECKING:
    from livecam.config import Settings
    from livecam.evaluation.run import Request

DETAILS = "plain,live,best"
MEASURES = "localisation,faithfulness"
FPS = 25.0
DEPENDS = (
    *("weights", "labels", "mean", "std", "budget", "layer", "backend", "device", "precision", "input", "input_size"),
    *("scales", "scale_weights", "fuse", "upsample", "relu", "normalise", "smooth"),
)
"""Settings without which a figure would be another one."""
PATH = click.Path(path_type=Path)
LISTS = [
    click.option("--models", metavar="LIST", help="Names with commas between.  [--model]"),
    click.option("--methods", metavar="LIST", help="Likewise.  [--method]"),
    click.option("--details", metavar="LIST", help=f"Likewise.  [--detail, else {DETAILS}]"),
]


@click.command()
@click.argument("dataset", type=PATH)
@click.option("-o", "--output", metavar="OUT", type=PATH, help="Folder.  [recordings/DATASET.evaluation]")
@click.option("--restart", is_flag=True, help="Measure again what OUT holds.")
@click.option("--measures", metavar="LIST", default=MEASURES, show_default=True, help="See below.")
@flags(LISTS)
@click.option("--limit", metavar="N", type=click.IntRange(1), help="Only so many pictures, or frames of each video.")
@click.option("--every", metavar="N", type=click.IntRange(1), default=1, help="Every N-th frame of a video.  [1]")
@click.option(
    "--box-below", metavar="SHARE", type=float, help="Only pictures with one box, smaller than this share of them."
)
@click.option("--fps", type=float, default=FPS, show_default=True, help="Rate of the frames of videos.")
@click.option("--smooth", metavar="SECONDS", help="Time constant of the smoothing, of temporal.  [0.25]")
@click.option("--peers", metavar="PYTHON", type=PATH, help="Measure the peers beside, by what scripts/peers makes.")
@click.option("--plots", is_flag=True, help="Draw curves and bars into OUT (pip install 'livecam[evaluate]').")
@flags(MODEL, REPORT)
def command(
    dataset: Path, output: Path | None, plots: bool, as_json: bool, config_file: Path | None, **given: Any
) -> None:
    """Measure how good the maps are on DATASET, beside a centre Gaussian and a random map.

    DATASET is a JSON list of {file, class, boxes}, a folder with images/ and masks/ of the same names, or one with
    frames/VIDEO/ and masks/VIDEO/. Figures come with 95 % intervals, and differences from the first subject are paired.
    What is measured is kept in OUT line by line: killed anywhere, the same command continues. Subjects, pictures and
    peers may be added later.

    \b
    --measures     figures                                                 cost of a picture and subject
    localisation   pointing, energy, IoU, MaxBoxAcc                        an explanation
    faithfulness   deletion, insertion, average drop, increase             44 forward passes
    road           ROAD, ARCC                                              9 and 8 sparse linear systems: seconds
    conciseness    complexity, coherency, ADCC, concentration              2 explanations
    stability      correlation and max-sensitivity under noise             9 explanations
    temporal       flicker, lag, label changes, of videos, raw and shown   an explanation of every frame
    """
    console()
    what = {name: given.pop(name) for name in WHAT}
    chosen = settings(config_file, given)
    if plots:
        from livecam.evaluation.plots import check_installed

        check_installed()
    request = make_request(dataset, output, what, chosen)

    from livecam.cli._progress import counted
    from livecam.evaluation import report as view
    from livecam.evaluation.run import evaluate

    with counted(f"{request.dataset.path.name}") as tell:
        report = evaluate(request, tell)
    view.write(report, request.out)
    if plots:
        from livecam.evaluation.plots import draw

        draw(report, request.out)
    for grid in view.tables(report):
        say(f"\n{grid.title}: {grid.note}")
        table(grid.columns, grid.rows)
    say(f"\n{view.about(report)}\n{request.out}")
    if as_json:
        emit(report)


WHAT = ("restart", "measures", "models", "methods", "details", "limit", "every", "box_below", "fps", "peers")


def make_request(path: Path, output: Path | None, what: dict[str, Any], chosen: Settings) -> Request:
    """what: the flags of this command alone. Raises ConfigError, SourceNotFound."""
    from livecam.assembly import make_explainer
    from livecam.evaluation.datasets import open_dataset
    from livecam.evaluation.run import Request
    from livecam.models import IMAGENET_MEAN, ModelSpec, get_card

    models = _split(what["models"]) or (chosen.model,)
    if chosen.weights and len(models) > 1:
        raise ConfigError(f"--weights {chosen.weights}: fits one of {', '.join(models)}; name one model")
    if chosen.like or chosen.like_text:
        raise ConfigError(
            f"--like{'' if chosen.like else '-text'}: only classifiers are measured, and what is like a reference is "
            "no class; leave it out"
        )
    details = _split(what["details"]) or ((chosen.detail,) if chosen.detail else _split(DETAILS))
    return Request(
        dataset=open_dataset(path),
        every=what["every"],
        limit=what["limit"],
        box_below=what["box_below"],
        models=models,
        methods=_split(what["methods"]) or (chosen.method,),
        details=details,
        measures=_split(what["measures"]),
        fps=what["fps"],
        smooth=chosen.smooth,
        peers=what["peers"],
        explainer=lambda model, method, detail: make_explainer(
            chosen.model_copy(update={"model": model, "method": method, "detail": detail})
        ),
        spec=lambda model: ModelSpec(model, chosen.weights, chosen.labels, chosen.mean, chosen.std),
        mean=lambda model: chosen.mean or (IMAGENET_MEAN if model.endswith(".onnx") else get_card(model).mean),
        settings=chosen.model_dump(mode="json", include=set(DEPENDS)) | {"fps": what["fps"]},
        out=output or Path("recordings") / f"{path.stem}.evaluation",
        restart=what["restart"],
        command=shlex.join(["livecam", *sys.argv[1:]]),
    )


def _split(text: str | None) -> tuple[str, ...]:
    return tuple(part.strip() for part in (text or "").split(",") if part.strip())
