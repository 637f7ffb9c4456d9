"""``livecam devices``: what livecam can see, compute and encode with."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from livecam.cli._console import console, emit, say, table


@click.command()
@click.option("--json", "as_json", is_flag=True, help="As one JSON object on stdout.")
def command(as_json: bool) -> None:
    """List cameras, compute devices and video encoders of this machine."""
    console()
    seen, devices, codecs = cameras(), compute(), encoders()
    if as_json:
        emit({"cameras": seen, "compute": devices, "encoders": codecs})
        return
    rows = [(c["device"], c["name"], "ready" if c["usable"] else c["reason"]) for c in seen]
    table(("camera", "name", "state"), rows or [("none", "", "plug one in, or name a file or an address")])
    table(("compute", "name"), [(device["device"], device["name"]) for device in devices])
    say(f"encoders: {', '.join(name for name, there in codecs.items() if there)}")


def cameras() -> list[dict[str, Any]]:
    from livecam.sources.camera import list_cameras

    return [asdict(camera) for camera in list_cameras()]


def compute() -> list[dict[str, str]]:
    import platform

    import torch

    found = [
        {"device": "cpu", "name": f"{platform.processor() or platform.machine()}, {torch.get_num_threads()} threads"}
    ]
    for number in range(torch.cuda.device_count()):
        found.append({"device": f"cuda:{number}", "name": torch.cuda.get_device_name(number)})
    if torch.backends.mps.is_available():
        found.append({"device": "mps", "name": "Apple GPU"})
    return found


def encoders() -> dict[str, bool]:
    """Name of ``--codec`` → is its encoder in this build of FFmpeg?"""
    from livecam.sinks.video import encoders_here

    return encoders_here()
