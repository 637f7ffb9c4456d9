from __future__ import annotations

import base64
import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sink_helpers import annotated, explanation, run

from livecam.errors import ConfigError, SinkError, SourceError, SourceNotFound
from livecam.sinks import SinkOptions, open_sink
from livecam.sinks.sidecar import SidecarSink, read_cam, read_sidecar
from livecam.types import AnnotatedFrame, Prediction


def written(path: Path, count: int = 3) -> Path:
    with open_sink(str(path), SinkOptions(decode_errors=lambda: 2), run()) as sink:
        for number in range(count):
            sink.write(annotated(number))
        sink.finish()
    return path


def test_the_lines_are_the_contracts(tmp_path: Path) -> None:
    header, first, *_, end = (
        json.loads(line) for line in written(tmp_path / "a.jsonl").read_text("utf-8").splitlines()
    )
    assert header == {
        "type": "header",
        "version": 1,
        "source": "clip.mp4",
        "model": "net",
        "method": "gradcam",
        "target_layer": "blocks.6",
        "width": 64,
        "height": 48,
        "time_base": "1/12800",
        "labels": 1000,
    }
    cam = first.pop("cam")
    assert first == {
        "type": "frame",
        "index": 0,
        "pts": 0.0,
        "class_idx": 7,
        "label": "Dösenöffner",
        "top": [
            {"class_idx": 7, "label": "Dösenöffner", "score": 0.75},
            {"class_idx": 3, "label": "dog", "score": 0.125},
        ],
        "peak": 12.3457,
        "lag": 0,
        "level": 0,
    }
    assert (cam["h"], cam["w"]) == (3, 4)
    assert list(base64.b64decode(cam["data"])) == [round(value * 255) for value in np.linspace(0, 1, 12)]
    assert end == {"type": "end", "frames": 3, "decode_errors": 2}


def changed(one: AnnotatedFrame, **changes: Any) -> AnnotatedFrame:
    fields = {name: getattr(one, name) for name in ("frame", "image", "explanation", "lag", "level")}
    return AnnotatedFrame(**fields | changes)


def test_the_same_run_writes_the_same_bytes(tmp_path: Path) -> None:
    one, two = written(tmp_path / "a.jsonl"), written(tmp_path / "b.jsonl")
    assert one.read_bytes() == two.read_bytes()
    assert "Dösenöffner".encode() in one.read_bytes()


def test_noise_below_the_digits_does_not_show(tmp_path: Path) -> None:
    exact = annotated(0)
    top = tuple(replace(one, score=one.score + 1e-9) for one in explanation().top)
    noisy = changed(exact, explanation=replace(explanation(), top=top, peak=12.3456788))
    for name, frame in (("a", exact), ("b", noisy)):
        with SidecarSink(tmp_path / f"{name}.jsonl", run()) as sink:
            sink.write(frame)
    assert (tmp_path / "a.jsonl").read_bytes() == (tmp_path / "b.jsonl").read_bytes()


def test_a_frame_that_is_not_explained_yet(tmp_path: Path) -> None:
    with SidecarSink(tmp_path / "a.jsonl", run()) as sink:
        sink.write(changed(annotated(0), explanation=None, lag=None))
    _, frame, _ = read_sidecar(tmp_path / "a.jsonl")
    assert (frame["class_idx"], frame["label"], frame["top"], frame["cam"], frame["lag"]) == (
        None,
        None,
        [],
        None,
        None,
    )
    assert read_cam(frame) is None


def test_a_chosen_class_that_is_not_among_the_best_has_its_label(tmp_path: Path) -> None:
    chosen = replace(explanation(), class_idx=99, target=Prediction(99, "cat", 0.01))
    with SidecarSink(tmp_path / "a.jsonl", run()) as sink:
        sink.write(changed(annotated(0), explanation=chosen))
        sink.write(changed(annotated(1), explanation=replace(chosen, target=None)))
    _, named, unnamed, _ = read_sidecar(tmp_path / "a.jsonl")
    assert (named["class_idx"], named["label"]) == (99, "cat")
    assert (unnamed["class_idx"], unnamed["label"]) == (99, None)


def test_read_back(tmp_path: Path) -> None:
    header, *frames, end = read_sidecar(written(tmp_path / "a.jsonl"))
    assert Fraction(header["time_base"]) == Fraction(1, 12800)
    assert [frame["index"] for frame in frames] == [0, 1, 2]
    assert end["type"] == "end"
    cam = read_cam(frames[0])
    assert cam is not None and cam.dtype == np.float32
    assert np.abs(cam - explanation().cam).max() <= 0.5 / 255 + 1e-6


@pytest.mark.parametrize("kept", [0.5, 0.99])
def test_a_damaged_last_line_is_left_out(kept: float, tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl")
    lines = path.read_bytes().splitlines(keepends=True)[:3]
    path.write_bytes(b"".join(lines[:2]) + lines[2][: int(len(lines[2]) * kept)])
    assert [line["type"] for line in read_sidecar(path)] == ["header", "frame"]


def test_damage_in_the_middle_is_told(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl")
    lines = path.read_text("utf-8").splitlines(keepends=True)
    path.write_text("".join([lines[0], "{broken\n", *lines[2:]]), "utf-8")
    with pytest.raises(SourceError, match="line 2 is damaged"):
        list(read_sidecar(path))


@pytest.mark.parametrize("text", ["", "{}\n", '{"type": "header", "version": 2}\n', "\udcff\udcfe\n", "[1]\n"])
def test_other_files_are_no_sidecars(text: str, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(text, "utf-8", errors="surrogateescape")
    with pytest.raises(SourceError, match="not a sidecar"):
        next(read_sidecar(path))


def test_no_file() -> None:
    with pytest.raises(SourceNotFound):
        next(read_sidecar("nowhere.jsonl"))


def test_live_it_is_flushed_line_by_line(tmp_path: Path) -> None:
    sink = SidecarSink(tmp_path / "a.jsonl", run(), SinkOptions(live=True))
    for number in range(3):
        sink.write(annotated(number))
        assert len((tmp_path / "a.jsonl").read_text("utf-8").splitlines()) == number + 2
    sink.close()


def test_it_needs_the_run(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="RunInfo"):
        open_sink(str(tmp_path / "a.jsonl"))


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    monkeypatch.setattr("livecam.sinks._files.hidden", lambda path: path.with_name("work"))
    (tmp_path / "work").symlink_to("/dev/full")
    with (
        pytest.raises(SinkError, match="No space left"),
        SidecarSink(tmp_path / "a.jsonl", run(), SinkOptions(force=True)) as sink,
    ):
        for number in range(100):
            sink.write(annotated(number))
    assert not list(tmp_path.iterdir())
