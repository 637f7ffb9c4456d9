#!/usr/bin/env python3
"""Is a recording that was annotated in parts on a Ray cluster the one that a single run makes?

python scripts/prove_cluster.py --minutes 10 --workers 4 -o proof.json

Makes a clip of the sample's scenes, annotates it by itself, on ``workers`` Ray workers, and once more with one of them
killed in the middle; then compares times, sound, sidecars and pictures. Prints a table. Exit code 1 when the times, the
sound or the explained classes differ, or a map by more than a step of 1/255.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from livecam._av import av
from livecam.cli.demo import sample
from livecam.sinks.sidecar import read_cam, read_sidecar

SIZE = 320, 180


def make_clip(path: Path, seconds: float, fps: int) -> None:
    """The sample over and over, with its sound, ``fps`` of its pictures a second, a key picture every other second."""
    with av.open(str(sample())) as source, av.open(str(path), "w") as out:
        stream, sound = source.streams.video[0], source.streams.audio[0]
        step = round((stream.average_rate or 30) / fps)
        video = out.add_stream("libx264", rate=fps, options={"preset": "veryfast", "g": str(2 * fps)})
        video.width, video.height = SIZE
        video.pix_fmt = "yuv420p"
        audio = out.add_stream_from_template(sound)
        shown = itertools.islice(source.decode(stream), 0, None, step)
        once = [frame.reformat(*SIZE, format="yuv420p") for frame in shown]
        source.seek(0)
        packets = [(packet.pts, packet.duration or 0, bytes(packet)) for packet in source.demux(sound) if packet.size]
        length, base = Fraction(len(once), fps), sound.time_base or Fraction(1)
        sounded = -1
        for turn in range(round(seconds / length)):
            for number, frame in enumerate(once):
                frame.pts, frame.time_base = turn * len(once) + number, Fraction(1, fps)
                frame.pict_type = 0  # the encoder chooses
                out.mux(video.encode(frame))
            for pts, duration, data in packets:
                at = pts + round(turn * length / base)
                if pts * base < length and at > sounded:
                    packet, sounded = av.Packet(data), at
                    packet.pts = packet.dts = at
                    packet.duration, packet.time_base, packet.stream = duration, base, audio
                    out.mux(packet)
        out.mux(video.encode(None))


def annotate(clip: Path, output: Path, *more: str, kill_after_s: float | None = None) -> dict[str, Any]:
    """The report of the run, with ``killed``: the number of workers that were killed in it."""
    command = [sys.executable, "-m", "livecam", "annotate", str(clip), "-o", str(output)]
    environment = os.environ | {"RAY_ADDRESS": "local"}
    with subprocess.Popen([*command, *more, "--json"], stdout=subprocess.PIPE, text=True, env=environment) as run:
        killed = 0
        if kill_after_s is not None:
            time.sleep(kill_after_s)
            for worker in working(run.pid)[:1]:
                os.kill(worker, signal.SIGKILL)
                killed += 1
        said = run.communicate()[0]
    if run.returncode:
        raise SystemExit(f"livecam annotate ended with {run.returncode}")
    return {"parts": 1} | json.loads(said) | {"killed": killed}


def working(root: int) -> list[int]:
    """Workers of livecam among the descendants of the process ``root``."""
    parents: dict[int, int] = {}
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                if (entry / "cmdline").read_text().startswith("ray::_Worker"):
                    found.append(int(entry.name))
            except OSError:
                continue

    def descends(pid: int) -> bool:
        while pid and pid != root:
            pid = parents.get(pid, 0)
        return pid == root

    return [pid for pid in found if descends(pid)]


def packets(path: Path, kind: str) -> list[tuple[int | None, bytes]]:
    with av.open(str(path)) as container:
        stream = getattr(container.streams, kind)[0]
        return [(packet.pts, bytes(packet)) for packet in container.demux(stream) if packet.size]


def compare(one: Path, other: Path) -> dict[str, Any]:
    """What differs between two annotated recordings."""
    pictures = times = 0
    worst = np.inf
    with av.open(str(one)) as first, av.open(str(other)) as second:
        for a, b in itertools.zip_longest(first.decode(video=0), second.decode(video=0)):
            pictures += 1
            if a is None or b is None or a.pts * a.time_base != b.pts * b.time_base:
                times += 1
                continue
            error = np.square(np.subtract(a.to_ndarray(), b.to_ndarray(), dtype=np.float32)).mean()
            worst = min(worst, 10 * np.log10(255**2 / max(error, 1e-9)))
    lines = classes = steps = 0
    fields: set[str] = set()
    for a, b in itertools.zip_longest(read_sidecar(f"{one}.jsonl"), read_sidecar(f"{other}.jsonl")):
        for line in (a, b):
            if line and line.get("settings") == {"threads": 1}:  # the last line says that each worker's engine has one
                del line["settings"]
        if a == b:
            continue
        lines += 1
        if a is None or b is None or a["type"] != "frame" or b["type"] != "frame" or a["class_idx"] != b["class_idx"]:
            classes += 1
            continue
        fields |= {name for name in a if a[name] != b.get(name)}
        steps = max(steps, round(float(np.abs(read_cam(a) - read_cam(b)).max()) * 255))
    return {
        "pictures": pictures,
        "times_that_differ": times,
        "sound_is_the_same": packets(one, "audio") == packets(other, "audio"),
        "lines_that_differ": lines,
        "fields_that_differ": sorted(fields),
        "classes_that_differ": classes,
        "largest_step_of_a_map": steps,
        "lowest_psnr_db": round(float(worst), 1),
    }


say = sys.stdout.write


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--fps", type=int, default=10)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("-o", "--output", type=Path, help="the figures as JSON")
    asked = parser.parse_args()
    share = ("--engine", "ray", "--jobs", str(asked.workers))
    with tempfile.TemporaryDirectory() as folder:
        clip, single = Path(folder) / "clip.mp4", Path(folder) / "single.mp4"
        make_clip(clip, 60 * asked.minutes, asked.fps)
        alone = annotate(clip, single)
        runs: dict[str, dict[str, Any]] = {"one process": alone}
        for name in ("ray", "a worker killed"):
            output = Path(folder) / f"{name}.mp4"
            middle = None if name == "ray" else runs["ray"]["elapsed_s"] / 2
            runs[name] = annotate(clip, output, *share, kill_after_s=middle) | compare(single, output)
            if runs[name]["parts"] == 1:
                raise SystemExit(
                    f"{asked.minutes:g} minutes were not cut for --workers {asked.workers}: --minutes 2 --workers 2 are"
                )
    say("| run | parts | workers killed | frames | s | times that differ | sound | lines of the sidecar that differ |")
    say(" largest difference of a map | lowest PSNR, dB |\n|" + " --- |" * 10 + "\n")
    good = True
    for name, run in runs.items():
        row = [name, run["parts"], run["killed"], run["frames_out"], f"{run['elapsed_s']:.0f}"]
        if name != "one process":
            good = good and not run["times_that_differ"] and run["sound_is_the_same"] and not run["classes_that_differ"]
            good = good and run["largest_step_of_a_map"] <= 1 and run["pictures"] == alone["frames_out"]
            sound = "the same" if run["sound_is_the_same"] else "differs"
            lines = " ".join(map(str, (run["lines_that_differ"], *run["fields_that_differ"])))
            row += [run["times_that_differ"], sound, lines, f"{run['largest_step_of_a_map']}/255"]
            row += [run["lowest_psnr_db"]]
        say("| " + " | ".join(map(str, row)) + " |\n")
    good = good and runs["a worker killed"]["killed"] == 1
    if asked.output:
        asked.output.write_text(json.dumps({"load": os.getloadavg(), "runs": runs}, indent=1) + "\n")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
