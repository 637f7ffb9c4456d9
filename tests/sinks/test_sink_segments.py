"""Segments: together they are the recording, and of the folder only they are ever deleted."""

from __future__ import annotations

import errno
import json
import random
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from sink_helpers import annotated, picture, run, times

from livecam.errors import ConfigError, SinkError
from livecam.sinks import SinkOptions, open_sink
from livecam.sinks.segments import SegmentsSink, Shelf, sidecar_of
from livecam.sinks.sidecar import read_sidecar
from livecam.sinks.video import VideoSink

CLOCK = Fraction(1, 90000)


def live(segment_s: float = 2.0, **more: object) -> SinkOptions:
    return SinkOptions(live=True, segment_s=segment_s, preset="ultrafast", **more)  # type: ignore[arg-type]


def record(path: Path, captured: list[float], options: SinkOptions) -> None:
    with open_sink(str(path), options, run()) as sink:
        for number, at in enumerate(captured):
            sink.write(annotated(number, captured_at=at))


def segments(folder: Path) -> list[Path]:
    return sorted(folder.glob("out-*.mp4"))


def indices(path: Path) -> list[int]:
    lines = list(read_sidecar(sidecar_of(path)))
    assert lines[-1]["type"] == "end"
    return [line["index"] for line in lines if line["type"] == "frame"]


@pytest.mark.parametrize("seed", range(4))
def test_together_they_are_the_recording(seed: int, tmp_path: Path) -> None:
    draw = random.Random(seed)
    length = draw.choice([1.0, 2.5])
    captured = [100.0]
    for _ in range(120):
        captured.append(captured[-1] + draw.choice([1 / 30, 1 / 24, 0.4]))
    record(tmp_path / "out.mp4", captured, live(length))
    cuts = [0]
    for number, at in enumerate(captured):
        if at - captured[cuts[-1]] >= length:
            cuts.append(number)
    want = [list(range(a, b)) for a, b in zip(cuts, [*cuts[1:], len(captured)], strict=True)]
    found = segments(tmp_path)
    assert [path.name for path in found] == [f"out-{number + 1:05d}.mp4" for number in range(len(want))]
    assert [indices(path) for path in found] == want
    for path, numbers in zip(found, want, strict=True):
        begin = captured[numbers[0]]
        assert times(path) == [round((captured[number] - begin) * 90000) * CLOCK for number in numbers]


def test_a_picture_of_another_size_begins_a_new_one(tmp_path: Path) -> None:
    with open_sink(str(tmp_path / "out.mp4"), live(), run()) as sink:
        for number in range(6):
            size = (48, 64) if number < 3 else (64, 96)
            sink.write(annotated(number, image=picture(number, size)))
    assert [len(times(path)) for path in segments(tmp_path)] == [3, 3]


def test_numbers_go_on_in_the_next_run(tmp_path: Path) -> None:
    for _ in range(2):
        record(tmp_path / "out.mp4", [0.0, 1.5, 3.0], live())
    assert [path.name for path in segments(tmp_path)] == [f"out-0000{number}.mp4" for number in (1, 2, 3, 4)]


def test_without_a_picture_nothing_is_left(tmp_path: Path) -> None:
    record(tmp_path / "out.mp4", [], live())
    assert [path.name for path in tmp_path.iterdir()] == [".out.mp4.segments"]


@pytest.mark.parametrize("seed", range(3))
def test_the_quota_holds_after_every_picture_and_strangers_stay(seed: int, tmp_path: Path) -> None:
    noise = np.random.default_rng(seed)
    strangers = {
        name: bytes(noise.integers(0, 255, 50_000, np.uint8))
        for name in ("out.mp4", "out-00002.mp4", "out-00099.mp4", "out-1.mp4", "out-00001.mp4.jsonl", "notes.txt")
    }
    for name, data in strangers.items():
        (tmp_path / name).write_bytes(data)
    quota, kept = 400_000, 0
    for _ in range(2):
        with open_sink(str(tmp_path / "out.mp4"), live(1.0, quota=quota), run()) as sink:
            for number in range(90):
                image = noise.integers(0, 255, (48, 64, 3), np.uint8)
                sink.write(annotated(number, image=image))
                ours = [p for p in tmp_path.iterdir() if p.name not in strangers and p.suffix in (".mp4", ".jsonl")]
                kept = max(kept, sum(path.stat().st_size for path in ours))
                assert kept <= quota
    assert kept > quota * 0.6
    for name, data in strangers.items():
        assert (tmp_path / name).read_bytes() == data
    ours = [path for path in segments(tmp_path) if path.name not in strangers]
    numbers = [int(path.stem[4:]) for path in ours]
    assert numbers == list(range(numbers[0], numbers[-1] + 1)), "the oldest went first"
    assert numbers[0] > 2
    for path in ours:
        assert len(times(path)) == len(indices(path)) > 0


def test_a_list_that_was_tampered_with_deletes_nothing_else(tmp_path: Path) -> None:
    outside = tmp_path / "outside-00001.mp4"
    folder = tmp_path / "folder"
    folder.mkdir()
    for path in (outside, folder / "keep.mp4", folder / "out-00007.mkv"):
        path.write_bytes(bytes(1000))
    names = [
        "../outside-00001.mp4",
        "/etc/passwd",
        "keep.mp4",
        "out-00007.mkv",
        "out-7.mp4",
        "out-٠٠٠٠١.mp4",
        "\x00",
        "",
        f"out-{'9' * 300}.mp4",
        f"out-{'9' * 5000}.mp4",
    ]
    (folder / ".out.mp4.segments").write_text("\n".join(names), "utf-8")
    shelf = Shelf(folder / "out.mp4", quota=1, free=lambda _: 0, keep_free=1)
    shelf.limit(10**9)
    with pytest.raises(SinkError, match="free"):
        shelf.make_room()
    assert shelf.next().name == "out-00001.mp4"
    assert outside.exists() and (folder / "keep.mp4").exists() and (folder / "out-00007.mkv").exists()


def test_the_oldest_make_room_on_the_disk(tmp_path: Path) -> None:
    def free(folder: Path) -> int:
        return 5000 - sum(path.stat().st_size for path in folder.glob("out-*"))

    shelf = Shelf(tmp_path / "out.mp4", keep_free=3000, free=free)
    paths = [shelf.next() for _ in range(4)]
    for path in paths:
        path.write_bytes(bytes(600))
        sidecar_of(path).write_bytes(bytes(100))
        shelf.put(path)
        shelf.make_room()
    assert [path.exists() for path in paths] == [False, False, True, True]
    assert [sidecar_of(path).exists() for path in paths] == [False, False, True, True]
    assert shelf.next().name == "out-00005.mp4"


def test_a_disk_without_room_ends_it_and_what_there_is_plays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sink = SegmentsSink(tmp_path / "out.mp4", live(keep_free=10**6), run())
    for number in range(10):
        sink.write(annotated(number))
    monkeypatch.setattr(sink._shelf, "_free", lambda _: 0)
    with pytest.raises(SinkError, match=r"less than 0\.001 GB are free"):
        for number in range(10, 50):
            sink.write(annotated(number))
    (path,) = segments(tmp_path)
    assert len(times(path)) == len(indices(path)) >= 10


def test_a_failure_in_the_middle_ends_it_and_what_there_is_plays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "made up")

    sink = SegmentsSink(tmp_path / "out.mp4", live(), run())
    for number in range(10):
        sink.write(annotated(number))
    monkeypatch.setattr(VideoSink, "_mux", fail)
    with pytest.raises(SinkError, match="No space left"):
        sink.write(annotated(10))
    sink.close()
    (path,) = segments(tmp_path)
    assert len(times(path)) >= 9
    assert json.loads(sidecar_of(path).read_text().splitlines()[-1])["type"] == "end"


def test_of_a_conversion_there_are_none(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="live recording"):
        open_sink(str(tmp_path / "out.mp4"), SinkOptions(segment_s=2.0), run())
