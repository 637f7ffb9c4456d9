"""Live recordings whose process is sent a signal at a random moment, and what is left of their files."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from livecam._av import av
from livecam.channel import Full
from livecam.cli._interrupt import INTERRUPTED, Interrupt
from livecam.errors import SourceError
from livecam.overlay import Painter, Style
from livecam.pipeline import Pipeline, Policy
from livecam.sinks import SinkOptions, open_sink
from livecam.sinks.sidecar import read_sidecar
from livecam.sinks.threaded import ThreadedSink
from livecam.sources import open_source
from livecam.sources.synthetic import read_frame_number
from livecam.types import Explanation, RunInfo

FPS = 30


class NoNetwork:
    """Finds nothing in a picture, so that its number stays readable."""

    title = ""

    def explain(self, *_: Any, **__: Any) -> Explanation:
        return Explanation(0, 0, (), np.zeros((7, 7), np.float32), 0.0, "none", "none", 0.0)


def record(path: Path, segment_s: float | None) -> int:
    """The process that dies. Says the number and the time of capture of each picture before it is written. Returns
    the exit code of ``livecam live``."""
    source = open_source(f"test://?size=320x240&fps={FPS}")
    run = RunInfo(source.info, "none", "none", "none", 0)
    options = SinkOptions(live=True, segment_s=segment_s, preset="ultrafast")
    with (
        Interrupt() as interrupt,
        ThreadedSink(open_sink(str(path), options, run), 30, full=Full.LATEST) as sink,
        Pipeline(
            source, NoNetwork(), policy=Policy.LIVE, painter=Painter(Style(hud=False)), quality=0, sync=True,
            stop_requested=interrupt,
        ) as pipeline,
    ):  # fmt: skip
        for annotated in pipeline:
            os.write(1, f"{annotated.frame.index} {annotated.frame.captured_at}\n".encode())
            sink.write(annotated)
        return INTERRUPTED if interrupt.requested else 0


def one(
    number: int, sent: str, container: str, *, segment_s: float | None, seed: int, steady_s: float
) -> dict[str, Any]:
    """A recording of its own, and what came of it. sent: KILL, TERM or INT, within ``steady_s`` seconds after the first
    file has appeared."""
    draw = random.Random(f"{seed}-{number}")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"out.{container}"
        command = [sys.executable, __file__, str(path)]
        command += [str(segment_s)] if segment_s else []
        with subprocess.Popen(command, stdout=subprocess.PIPE) as worker:
            while not files(path) and worker.poll() is None:
                time.sleep(0.001)
            time.sleep(draw.uniform(0, steady_s))
            at = time.monotonic()
            worker.send_signal(getattr(signal, f"SIG{sent}"))
            said = worker.communicate()[0].decode().splitlines()
            ended_s = time.monotonic() - at
        captured = {int(index): float(seconds) for index, seconds in (line.split() for line in said if " " in line)}
        heard = sent != "KILL"
        found = [numbers(file) for file in files(path)]
        last = max((index for one in found for index in one or ()), default=None)
        return {
            "try": number,
            "exit_code": worker.returncode,
            "ended_s": round(ended_s, 3),
            "files": len(found),
            "playable": bool(found) and all(found) and not (heard and unfinished(path)),
            "pictures": sum(len(one or ()) for one in found),
            "recorded_s": round(at - min(captured.values()), 3),
            "missing_s": None if last is None else round(max(at - captured[last], 0.0), 3),
            "missing_pictures": None if last is None else sum(index > last for index in captured),
        }


def files(path: Path) -> list[Path]:
    return sorted(file for file in path.parent.glob(f"{path.stem}*{path.suffix}") if not file.name.startswith("."))


def numbers(path: Path) -> list[int] | None:
    """The numbers of all its pictures; None when it does not play from the first to the last without an error."""
    try:
        with av.open(str(path)) as container:
            return [read_frame_number(frame.to_ndarray(format="rgb24")) for frame in container.decode(video=0)]
    except (av.FFmpegError, OSError):
        return None


def unfinished(path: Path) -> bool:
    """After a signal that can be heard: is there a sidecar without an end, or anything half-written?"""
    try:
        ends = [list(read_sidecar(one))[-1]["type"] for one in path.parent.glob("*.jsonl")]
    except SourceError:
        return True
    return any(end != "end" for end in ends) or bool(list(path.parent.glob(".*.part")))


if __name__ == "__main__":
    sys.exit(record(Path(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else None))
