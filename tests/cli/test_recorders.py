"""A recording that cannot go on ends by itself: its file plays, the show goes on, and everybody is told."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import nullcontext
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from livecam import cli
from livecam._av import av
from livecam.annotating._convert import check_names
from livecam.assembly import masks
from livecam.cli._recorders import Recorders
from livecam.config import Settings
from livecam.controls import Controls
from livecam.errors import ConfigError, SinkError
from livecam.sinks import BaseSink, SinkOptions, open_sink
from livecam.sinks._files import cannot_write
from livecam.sinks.sidecar import read_sidecar
from livecam.stats import Stats
from livecam.types import AnnotatedFrame, Explanation, Frame, RunInfo, SourceInfo

NOISE = np.random.default_rng(0).integers(0, 255, (96, 128, 3), np.uint8)
RUN = RunInfo(SourceInfo("camera", 128, 96, 30.0, Fraction(1, 30), live=True), "net", "gradcam", "layer", 1000)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """2 MB of disk."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "none", str(folder)], capture_output=True).returncode:
        pytest.skip("a small disk is mounted by root only")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def shown(number: int) -> AnnotatedFrame:
    picture = np.roll(NOISE, number, 1)
    return AnnotatedFrame(Frame(picture, number, number / 30, 100 + number / 30), picture, None, None)


def frames(path: Path) -> int:
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


class NoNetwork:
    """Finds nothing, at once."""

    title = model = method = target_layer = backend = precision = "none"
    device, methods, labels = "cpu", ("none",), ("thing",)
    random_weights = False

    def explain(self, *_: Any, **__: Any) -> Explanation:
        return Explanation(0, 0, (), np.zeros((7, 7), np.float32), 0.0, "none", "none", 0.0)


class Failing(BaseSink):
    """Fails with its third picture; ``failed`` is set then."""

    def __init__(self, error: OSError) -> None:
        self.error, self.taken = error, 0
        self.failed = threading.Event()

    def write(self, annotated: AnnotatedFrame) -> bool:
        self.taken += 1
        if self.taken < 3:
            return True
        self.failed.set()
        raise cannot_write(Path("a.mp4"), self.error) from self.error


class Counting(BaseSink):
    taken = 0

    def write(self, annotated: AnnotatedFrame) -> bool:
        self.taken += 1
        return True


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.mov", "a.webm", "a.jsonl"])
def test_a_full_disk_leaves_a_file_that_plays(name: str, small_disk: Path) -> None:
    options = SinkOptions(live=True, crf=1, codec="vp9" if name.endswith("webm") else "h264")
    sink = open_sink(str(small_disk / name), options, RUN)
    # Lines of the sidecar are short: a file beside it takes the room.
    (small_disk / "other").write_bytes(bytes(1_990_000 if name == "a.jsonl" else 1_200_000))
    written = 0
    with pytest.raises(SinkError, match="No space left"):
        for written in range(3000):
            sink.write(shown(written))
    sink.close()
    if name == "a.jsonl":
        lines = list(read_sidecar(small_disk / name))
        assert [line["index"] for line in lines if line["type"] == "frame"][:10] == list(range(10))
        return
    assert frames(small_disk / name) >= written - 3 > 3


@pytest.mark.parametrize(
    ("number", "says"),
    [
        (errno.ENOSPC, "no space left on device"),
        (errno.ENOENT, "no such file or directory"),
        (errno.EROFS, "read-only file system"),
        (errno.EIO, "input/output error"),
    ],
)
def test_the_others_go_on(number: int, says: str) -> None:
    bad, good, controls, stats = Failing(OSError(number, "made up")), Counting(), Controls(), Stats()
    sinks = {"a.mp4": bad, "b.mp4": good}
    with Recorders(list(sinks), sinks.__getitem__, controls, stats, others=False) as recorders:
        for count in range(3):
            recorders.write(shown(count))
        assert bad.failed.wait(30)
        while not recorders.state()["recordings_stopped"]:
            recorders.write(shown(3))
        assert recorders.state()["recordings"] == {"a.mp4": f"stopped: {says}", "b.mp4": "recording"}
        assert controls.news == f"recording stopped: {says}"
    assert good.taken > 3
    assert bad.closed and good.closed
    assert recorders.state()["recordings"]["b.mp4"] == "complete"
    assert recorders.failure is not None and recorders.failure.exit_code == 5


def test_without_anything_else_it_is_the_end() -> None:
    sink = Failing(OSError(errno.ENOSPC, "made up"))
    with (
        pytest.raises(SinkError, match="No space left"),
        Recorders(["a.mp4"], lambda _: sink, Controls(), Stats(), others=False) as recorders,
    ):
        while True:
            recorders.write(shown(0))


def test_what_fails_at_the_end_is_told_too() -> None:
    class Last(Counting):
        def close(self) -> None:
            raise SinkError("a.mp4: cannot be written")

    controls = Controls()
    with Recorders(["a.mp4"], lambda _: Last(), controls, Stats(), others=True) as recorders:
        recorders.write(shown(0))
    assert recorders.failure is not None
    assert controls.alarms


def test_what_a_slow_disk_does_not_take_is_counted_at_once() -> None:
    """The sink stands still with its first picture; 30 wait, the rest is dropped."""
    taken, go = threading.Event(), threading.Event()

    class Slow(Counting):
        def write(self, annotated: AnnotatedFrame) -> bool:
            taken.set()
            assert go.wait(60)
            return super().write(annotated)

    sink, stats = Slow(), Stats()
    with Recorders(["a.mp4"], lambda _: sink, Controls(), stats, others=True) as recorders:
        recorders.write(shown(0))
        assert taken.wait(30)
        for number in range(1, 51):
            recorders.write(shown(number))
        assert stats.dropped == {"encoder too slow": 20}
        go.set()
    assert sink.taken == 31


def test_the_command_says_so(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli._console, "_console", None)
    (small_disk / "other").write_bytes(bytes(1_900_000))
    source = "test://?size=320x240&fps=30&frames=60"
    command = ["live", source, "-o", "null", "-o", str(small_disk / "a.mp4"), "--crf", "1", "--json"]
    monkeypatch.setattr(sys, "argv", ["livecam", *command])
    monkeypatch.setattr("livecam.assembly.make_explainer", lambda *_: nullcontext(NoNetwork()))
    with pytest.raises(SystemExit) as ended:
        cli.main()
    out, err = capsys.readouterr()
    report = json.loads(out)
    assert ended.value.code == report["exit_code"] == 5
    assert "No space left" in err and "No space left" in report["error"]
    assert report["recordings"] == {str(small_disk / "a.mp4"): "stopped: no space left on device"}
    assert report["frames_in"] == 60
    assert 0 < frames(small_disk / "a.mp4") < report["frames_out"]


def test_one_file_is_not_named_twice(tmp_path):
    out = tmp_path / "out.mp4"
    with pytest.raises(ConfigError, match="named twice"):
        check_names(out, Settings(heatmap_video=out))


def test_live_writes_maps_and_heat_to_files():
    """Not into a folder that is called ``s3:``."""
    for name, value in (("heatmap_video", "s3://bucket/heat.mkv"), ("maps", "s3://bucket/maps.npz")):
        with pytest.raises(ConfigError, match=r"s3://bucket.*name a "):
            masks(Settings(**{name: value}))
