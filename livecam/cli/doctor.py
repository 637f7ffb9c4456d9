"""``livecam doctor``: what is wrong with this machine."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from importlib import metadata
from typing import NamedTuple

import click

from livecam.cli._console import console, emit, table
from livecam.errors import LivecamError, ModelError, SinkError

LOW_DISK_GB = 1.0


class Finding(NamedTuple):
    """state: ``ok``, ``note`` (something is not there that not everybody needs) or ``bad``."""

    subject: str
    state: str
    text: str
    exit_code: int = 0


@click.command()
@click.option("--json", "as_json", is_flag=True, help="As one JSON object on stdout.")
def command(as_json: bool) -> int:
    """Check libraries, weights, display, cameras, encoders and disk, and say what to do."""
    console()
    findings = [finding for check in CHECKS for finding in check()]
    if as_json:
        emit({"findings": [f._asdict() for f in findings], "ok": all(f.state != "bad" for f in findings)})
    else:
        signs = {"ok": "✓", "note": "–", "bad": "✗"}
        table(("", "subject", "finding"), [(signs[f.state], f.subject, f.text) for f in findings])
    return max(f.exit_code for f in findings)


def _versions() -> Iterator[Finding]:
    for name in ("livecam", "torch", "torchvision", "timm", "numpy", "av"):
        try:
            yield Finding(name, "ok", metadata.version(name))
        except metadata.PackageNotFoundError:
            yield Finding(name, "bad", f"not installed; pip install {name}", ModelError.exit_code)


def _opencv() -> Iterator[Finding]:
    names = ("opencv-python", "opencv-python-headless", "opencv-contrib-python", "opencv-contrib-python-headless")
    wheels = sorted({dist.name for dist in metadata.distributions() if dist.name in names})
    if len(wheels) != 1:
        remedy = "keep one: pip uninstall -y " + " ".join(names) + " && pip install opencv-python"
        yield Finding("OpenCV", "bad", f"{' and '.join(wheels) or 'no wheel'} installed; {remedy}", SinkError.exit_code)
        return
    yield Finding("OpenCV", "ok", f"{wheels[0]} {metadata.version(wheels[0])}")


def _weights() -> Iterator[Finding]:
    from livecam.explainer import Explainer

    try:
        with Explainer() as explainer:
            yield Finding("model", "ok", f"{explainer.model} on {explainer.device}, {explainer.precision}")
    except LivecamError as error:
        yield Finding("model", "bad", str(error), error.exit_code)


def _display() -> Iterator[Finding]:
    from livecam.sinks.window import check_display

    try:
        check_display()
    except SinkError as error:
        yield Finding("display", "note", str(error))
    else:
        yield Finding("display", "ok", "a window can be opened")


def _cameras() -> Iterator[Finding]:
    from livecam.sources.camera import list_cameras

    found = list_cameras()
    if not found:
        yield Finding("cameras", "note", "none found; plug one in, or use a file or an address")
    for camera in found:
        yield Finding(camera.device, "ok" if camera.usable else "note", f"{camera.name} {camera.reason}".strip())


def _encoders() -> Iterator[Finding]:
    from livecam.sinks.video import encoders_here

    here = encoders_here()
    missing = ", ".join(name for name, there in here.items() if not there)
    if not here["h264"]:
        yield Finding(
            "encoders", "bad", "no H.264 encoder; reinstall: pip install --force-reinstall av", SinkError.exit_code
        )
        return
    yield Finding("encoders", "ok", ", ".join(name for name, there in here.items() if there))
    if missing:
        yield Finding("encoders", "note", f"not in this build of PyAV: {missing}")


def _disk() -> Iterator[Finding]:
    free = shutil.disk_usage(".").free / 1e9
    low = free < LOW_DISK_GB
    yield Finding(
        "disk", "note" if low else "ok", f"{free:.1f} GB free here" + (": recordings may not fit" if low else "")
    )


CHECKS: tuple[Callable[[], Iterator[Finding]], ...] = (
    _versions,
    _opencv,
    _weights,
    _display,
    _cameras,
    _encoders,
    _disk,
)
