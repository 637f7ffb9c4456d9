"""Where a recording cannot be written: the view goes on, what there is plays, and the user is told."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import SkipTest
from unittest.mock import patch

from fault_kinds import QUICK, Outcome, annotated, fault, numbers, run, written

from livecam.sinks.video import VideoSink

FPS, SHOWN = 60, 90
MIDDLE = 30  # the picture at which a folder is gone
LATE_S = 0.1  # that a slow disk takes for each


@contextmanager
def disk(folder: Path, options: str) -> Iterator[Path]:
    """A disk of its own."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", options, "none", str(folder)]
    if sys.platform != "linux" or os.geteuid() or subprocess.run(mount, capture_output=True).returncode:
        raise SkipTest("missing tool: a disk is mounted by root only")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@contextmanager
def each(before: Callable[[int], object]) -> Iterator[list[int]]:
    """``before`` each picture that a video is given; the numbers of those that it has taken."""
    usual, taken = VideoSink.write, list[int]()

    def write(self: VideoSink, annotated: Any) -> bool:
        before(len(taken))
        wanted = usual(self, annotated)
        taken.append(len(taken))
        return wanted

    with patch.object(VideoSink, "write", write):
        yield taken


def recorded(
    target: Path, code: int, words: str, before: Callable[[int], object] = id, flags: tuple[str, ...] = ()
) -> tuple[Outcome, dict[str, Any], int]:
    """``livecam live`` into ``target`` and to viewers: the outcome without what was kept, its report, and how many
    pictures the recording had taken."""
    source = f"test://?size=192x128&fps={FPS}&frames={SHOWN}"
    with each(before) as taken:
        args = (source, "-o", str(target), "-o", "null", *QUICK, *flags, "--json")
        got, err, report, seconds = run("live", *args)
    told = next((line for line in err.splitlines() if words in line), "")
    well = got == code and "Traceback" not in err and bool(told)
    went_on = report.get("frames_in") == SHOWN
    return Outcome(well and went_on, told, got, 0, seconds), report, len(taken)


@fault("disk full, live")
def full_disk(folder: Path, seed: int) -> Outcome:
    """All but the last second before it is in the file."""
    with disk(folder / "disk", "size=256k") as small:
        (small / "other").write_bytes(bytes(4096 * (20 + seed % 20)))
        outcome, _, taken = recorded(small / "out.mp4", 5, "No space left", flags=("--crf", "1"))
        lost = max(taken - numbers(small / "out.mp4") - FPS, 0)
    return replace(outcome, survived=outcome.survived and taken < SHOWN, lost=lost)


@fault("disk full, annotate")
def full_disk_of_a_file(folder: Path, seed: int) -> Outcome:
    clip = written(folder / "a.mp4")
    with disk(folder / "disk", "size=64k") as small:
        (small / "other").write_bytes(bytes(4096 * (8 + seed % 4)))
        return annotated(clip, small, "--crf", "1", code=5, words="No space left")


@fault("folder that is read only")
def read_only(folder: Path, seed: int) -> Outcome:
    clip = written(folder / "a.mp4")
    with disk(folder / "disk", "ro") as still:
        return annotated(clip, still, code=5, words="Read-only")


@fault("folder gone in the middle, live")
def gone(folder: Path, seed: int) -> Outcome:
    target = folder / "gone" / "out.mp4"

    def before(number: int) -> None:
        if number == MIDDLE + seed % 10:
            shutil.rmtree(target.parent)

    outcome, _, taken = recorded(target, 5, "No such file", before)
    return replace(outcome, survived=outcome.survived and taken < SHOWN)


@fault("slow disk, live")
def slow_disk(folder: Path, seed: int) -> Outcome:
    """The view does not wait; what the disk did not take is counted, and the rest plays."""
    target = folder / "out.mp4"
    outcome, report, taken = recorded(target, 0, "were not recorded", lambda _: time.sleep(LATE_S))
    counted = report["dropped"].get("encoder too slow", 0) > 0 and taken < SHOWN
    return replace(outcome, survived=outcome.survived and counted, lost=max(taken - numbers(target), 0))
