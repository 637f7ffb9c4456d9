"""A whole recording, wall time of the whole process: ``livecam annotate``, what bounds it, and the usual script.

The bound is a process that decodes and encodes with the same settings and does nothing else.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from livecam._av import av
from livecam.bench.peers import ROOT
from livecam.bench.subjects import Subject, handed_over
from livecam.errors import ModelError, SourceError
from livecam.sinks import SinkOptions
from livecam.sinks._codecs import choose, configure
from livecam.threads import cores

HERE = Path(__file__).parent
ANNOTATE, BOUND, USUAL = "livecam annotate", "decode and encode alone", "usual script with pytorch-grad-cam"
WARMUP_FRAMES = 5

Run = Callable[[Sequence[str]], str]
"""Runs a command; what it prints on stdout. Raises ModelError when it fails."""


@dataclass(frozen=True, slots=True)
class Job:
    """command: of the whole process. output: what it writes, removed before each run."""

    name: str
    command: tuple[str, ...]
    output: Path
    warmup: tuple[str, ...] | None = None


def run(command: Sequence[str]) -> str:
    done = subprocess.run(list(command), capture_output=True, text=True, errors="replace")
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["without a word"])[-1]
        raise ModelError(f"{Path(command[0]).name} ... failed with {done.returncode}: {last}")
    return done.stdout


def measure_transcode(
    jobs: Sequence[Job], runs: int, *, start: Run = run, now: Callable[[], float] = time.perf_counter
) -> list[dict[str, Any]]:
    """Rows: ``{name, p50_s, runs_s, frames, fps, of_bound, faster, peak_rss_mb}``. Every run starts a process; A B C A
    B C. Raises ModelError when a process fails or writes another number of frames than the others."""
    for job in jobs:
        if job.warmup:  # a cache of compiled networks is filled here; the recording is in the system's cache
            start(job.warmup)
    seconds: dict[str, list[float]] = {job.name: [] for job in jobs}
    said: dict[str, str] = {}
    for _ in range(runs):
        for job in jobs:
            job.output.unlink(missing_ok=True)
            began = now()
            said[job.name] = start(job.command)
            seconds[job.name].append(now() - began)
    frames = {job.name: count_frames(job.output) for job in jobs}
    if len(set(frames.values())) != 1:
        raise ModelError(f"they wrote different numbers of frames: {frames}; nothing is measured of that")
    return [_row(job.name, seconds, frames[job.name], said[job.name]) for job in jobs]


def _row(name: str, seconds: dict[str, list[float]], frames: int, said: str) -> dict[str, Any]:
    p50 = {key: float(np.median(values)) for key, values in seconds.items()}
    row: dict[str, Any] = {
        "name": name,
        "p50_s": round(p50[name], 3),
        "runs_s": [round(value, 3) for value in seconds[name]],
        "frames": frames,
        "fps": round(frames / p50[name], 1),
    }
    if name == ANNOTATE:
        row["of_bound"] = round(p50[BOUND] / p50[name], 3)
        row["faster"] = {USUAL: round(p50[USUAL] / p50[name], 2)} if USUAL in p50 else {}
        report = json.loads(said)
        row |= {key: report[key] for key in ("backend", "precision", "peak_rss_mb", "stages")}
    return row


def jobs(
    clip: Path,
    subject: Subject,
    flags: Sequence[str],
    options: SinkOptions,
    folder: Path,
    peers: Path | None,
    *,
    layer: str | None = None,
) -> list[Job]:
    """flags: of ``livecam annotate`` that say how to explain. options: of its encoder.

    Raises ConfigError, SourceError.
    """
    info = _info(clip)
    explained, bare, usual = (folder / f"{name}.mp4" for name in ("explained", "bare", "usual"))
    main = (sys.executable, "-m", "livecam", "annotate", str(clip), *flags, "--force")
    target = ("-o", str(explained), "--json")
    found = [
        Job(ANNOTATE, (*main, *target), explained, (*main, *target, "--max-frames", str(WARMUP_FRAMES))),
        Job(
            BOUND,
            (sys.executable, str(HERE / "_decode_encode.py"), str(clip), str(bare), json.dumps(_coding(info, options))),
            bare,
        ),
    ]
    if peers is not None:
        script = (str(peers), "-P", str(HERE / "_usual_script.py"), str(clip), str(usual), str(ROOT))
        network = handed_over(subject, folder, layer) | {"threads": cores()}
        found.append(Job(USUAL, (*script, json.dumps(network)), usual))
    return found


def count_frames(path: Path) -> int:
    """Frames of a recording, counted without decoding. Raises ModelError when there is none."""
    try:
        with av.open(str(path)) as container:
            count = sum(1 for packet in container.demux(video=0) if packet.size)
    except (OSError, av.FFmpegError, IndexError):
        count = 0
    if not count:
        raise ModelError(f"{path.name}: no frame was written; nothing is measured of that")
    return count


def _info(clip: Path) -> tuple[int, int, Fraction]:
    """(height, width, rate)."""
    try:
        with av.open(str(clip)) as container:
            stream = container.streams.video[0]
            return stream.height, stream.width, stream.average_rate or Fraction(30)
    except (OSError, av.FFmpegError, IndexError) as error:
        raise SourceError(f"{clip}: cannot be opened as a recording; check the path") from error


def _coding(info: tuple[int, int, Fraction], options: SinkOptions) -> dict[str, Any]:
    """The encoder of ``livecam annotate`` with its settings, as plain values."""
    coding = choose(".mp4", options)
    context = av.VideoCodecContext.create(coding.encoder, "w")
    assert isinstance(context, av.VideoCodecContext)
    configure(context, coding, options, size=info[:2], rate=info[2])
    return {"encoder": coding.encoder, "options": dict(context.options), "gop_size": context.gop_size}
