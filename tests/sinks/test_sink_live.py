"""Live recordings: true to the time of capture, and playable at any moment."""

from __future__ import annotations

import resource
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from sink_helpers import annotated, pictures, run, times

from livecam._av import av
from livecam.errors import SinkError
from livecam.sinks import SinkOptions
from livecam.sinks.video import VideoSink

LIVE = SinkOptions(live=True)
CLOCK = Fraction(1, 90000)

KILLED = """
import sys
sys.path.insert(0, sys.argv[1])
from sink_helpers import annotated, run
from livecam.sinks import SinkOptions, open_sink
sink = open_sink(sys.argv[2], SinkOptions(live=True, codec=sys.argv[3], subtitles=sys.argv[4] == "labels"), run())
for number in range(100):
    sink.write(annotated(number))
    print(number + 1, flush=True)
sys.stdin.read()
"""


def record(path: Path, captured: list[float], codec: str = "h264", **of_source: object) -> Path:
    with VideoSink(path, SinkOptions(live=True, codec=codec), run(**of_source)) as sink:
        for number, at in enumerate(captured):
            assert sink.write(annotated(number, captured_at=at)) is True
    return path


@pytest.mark.parametrize(
    ("name", "codec", "text"),
    [
        ("a.mp4", "h264", "-"),
        ("a.mov", "h264", "-"),
        ("a.mkv", "h264", "-"),
        ("a.mp4", "h265", "-"),
        ("a.webm", "vp9", "-"),
        ("a.mp4", "av1", "-"),
        ("a.mp4", "h264", "labels"),
        ("a.mkv", "h264", "labels"),
        ("heatmap://a.mkv", "-", "-"),
        ("heatmap://a.mp4", "-", "-"),
    ],
)
def test_what_a_killed_process_leaves_can_be_played(name: str, codec: str, text: str, tmp_path: Path) -> None:
    path = tmp_path / Path(name).name
    spec = name.replace(path.name, str(path))
    command = [sys.executable, "-c", KILLED, str(Path(__file__).parent), spec, codec, text]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        written = 0
        while written < 100:
            written = int(child.stdout.readline())
        child.kill()
        child.wait()
    left = times(path)
    assert len(left) >= 100 - 27  # 25 pictures a second: a second and a little is lost
    assert left == [Fraction(number, 25) for number in range(len(left))]


@pytest.mark.parametrize(("name", "codec"), [("a.mp4", "h264"), ("a.mp4", "av1"), ("a.mp4", "h265"), ("a.mp4", "vp9")])
def test_time_is_the_time_of_capture(name: str, codec: str, tmp_path: Path) -> None:
    captured = [1000.5, 1000.533, 1000.7, 1003.25, 1003.3, 1003.301]
    path = record(tmp_path / name, captured, codec)
    assert times(path) == [round((at - 1000.5) * 90000) * CLOCK for at in captured]


def test_a_picture_that_is_shown_twice_is_written_once(tmp_path: Path) -> None:
    path = record(tmp_path / "a.mp4", [5.0, 5.0, 5.1, 5.1, 5.1, 5.2, 5.15])
    assert times(path) == [Fraction(0), Fraction(1, 10), Fraction(1, 5)]


@pytest.mark.parametrize("fps", [0.0, 5.0, 1000.0])
@pytest.mark.parametrize("codec", ["h264", "h265", "vp9", "av1"])
def test_a_key_picture_at_least_every_second_whatever_the_rate_claims(fps: float, codec: str, tmp_path: Path) -> None:
    path = record(tmp_path / "a.mkv", [number / 7 for number in range(30)], codec, fps=fps)
    with av.open(str(path)) as container:
        keys = [float(packet.pts * packet.time_base) for packet in container.demux(video=0) if packet.is_keyframe]
    assert keys[0] == 0
    assert max(np.diff([*keys, 30 / 7])) <= 1.0 + 1 / 7 + 1e-3


def test_it_ends_as_a_usual_mp4(tmp_path: Path) -> None:
    path = record(tmp_path / "a.mp4", [number / 25 for number in range(60)])
    data = path.read_bytes()
    assert data.find(b"moov") > 0
    assert len(pictures(path)) == 60
    with av.open(str(path)) as container:
        assert container.streams.video[0].frames == 60


def test_a_live_source_has_no_audio_and_its_media_is_not_opened(tmp_path: Path) -> None:
    with VideoSink(tmp_path / "a.mp4", SinkOptions(), run(live=True, media="rtsp://nowhere/stream")) as sink:
        sink.write(annotated(0))
    with av.open(str(tmp_path / "a.mp4")) as container:
        assert not container.streams.audio


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_a_disk_that_is_full_leaves_what_was_recorded(name: str, tmp_path: Path) -> None:
    """A limit of the size of files stands for the full disk: like it, it fails in the middle of a write."""
    path = tmp_path / name
    noise = np.random.default_rng(0)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    sink = VideoSink(path, LIVE, run())
    written = 0
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, hard))
    try:
        with pytest.raises(SinkError, match=r"File too large.*free space"):
            for number in range(1000):
                sink.write(annotated(number, image=noise.integers(0, 255, (48, 64, 3), np.uint8)))
                written += 1
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    with pytest.raises(SinkError, match="after close"):
        sink.write(annotated(written))
    sink.close()
    assert len(pictures(path)) >= written - 52 > 0
