"""``livecam export``: a model with its explanation as one file for other programs."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click

from livecam.cli._console import console, emit, say
from livecam.cli._options import NETWORK, REPORT, flags, settings


@click.command()
@click.option("-o", "--output", metavar="FILE", required=True, help="FILE.onnx (ONNX) or FILE.xml (OpenVINO IR).")
@flags(NETWORK)
@click.option("--layer", metavar="NAME", help="Target layer, dotted name; found by itself if not given.")
@click.option("--input-size", metavar="N", help="Square pictures of N pixels.  [224]")
@click.option("--size", metavar="WxH", help="Pictures of this size instead.")
@click.option("--classes", type=int, default=0, metavar="K", help="Maps of the K best classes instead of the best one.")
@click.option("--preprocess", is_flag=True, help="Take uint8 RGB pictures (batch, H, W, 3): normalising is inside.")
@click.option("--precision", default="float32", metavar="NAME", help="float32, float16 or int8.  [float32]")
@click.option("--calibrate", metavar="CLIP", help="Check on (int8: and calibrate on) this clip, not the sample.")
@click.option("--force", is_flag=True, help="Overwrite what exists.")
@flags(REPORT)
def command(
    output: str,
    classes: int,
    preprocess: bool,
    precision: str,
    calibrate: str | None,
    force: bool,
    config_file: Path | None,
    as_json: bool,
    **given: Any,
) -> int:
    """Write a model as one graph with outputs ``scores`` (batch, classes) and ``cam`` (batch, h, w).

    scores are probabilities; cam is Grad-CAM of the best class, in units of its logit. The file is run beside PyTorch
    on pictures of a clip, and kept only if it computes the same.
    """
    console()
    chosen = settings(config_file, given)

    from livecam.cli.demo import sample
    from livecam.export.clip import COUNT, INT8_COUNT, pictures
    from livecam.export.run import Export, check, export
    from livecam.geometry import INPUT_SIZE
    from livecam.models import load_model

    started = time.monotonic()
    width, height = chosen.size or (chosen.input_size or INPUT_SIZE,) * 2
    job = Export(Path(output), (height, width), classes, preprocess, precision, chosen.layer, force)
    check(job)
    frames = pictures(calibrate or str(sample()), job.size, INT8_COUNT if precision == "int8" else COUNT)
    model = load_model(chosen.model, weights=chosen.weights, labels=chosen.labels, mean=chosen.mean, std=chosen.std)
    report = export(model, job, frames) | {"elapsed_s": round(time.monotonic() - started, 3)}
    tell(report)
    if as_json:
        emit(report)
    return 0


def tell(report: dict[str, Any]) -> None:
    parity, size = report["parity"], sum(report["files"].values()) / 1e6
    say(
        f"{report['output']}: {report['format']}, {report['precision']}, {size:.1f} MB, target layer "
        f"{report['target_layer']}"
    )
    say(
        f"beside PyTorch on {parity['frames']} pictures: scores differ by at most {parity['scores']:.1e}, maps by "
        f"{parity['cam']:.1e} of the peak; top-1 agreement {parity['top1']:.1%}, map correlation "
        f"{parity['correlation']:.6f}"
    )
