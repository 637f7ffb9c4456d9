from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from sink_helpers import annotated, picture, run

from livecam.errors import ConfigError, SinkError
from livecam.sinks import SinkOptions, open_sink


def test_a_picture_and_its_figures(tmp_path: Path) -> None:
    with open_sink(str(tmp_path / "a.png"), SinkOptions(), run()) as sink:
        sink.write(annotated(0))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json", "a.png"]
    assert np.array_equal(cv2.imread(str(tmp_path / "a.png"), cv2.IMREAD_COLOR_RGB), picture(0))
    record = json.loads((tmp_path / "a.json").read_text("utf-8"))
    assert record["input"] == "clip.mp4"
    assert (record["width"], record["height"]) == (64, 48)
    assert record["top"][0] == {"class_idx": 7, "label": "Dösenöffner", "score": 0.75}


def test_a_second_picture_is_refused(tmp_path: Path) -> None:
    sink = open_sink(str(tmp_path / "a.png"), SinkOptions(), run())
    sink.write(annotated(0))
    with pytest.raises(SinkError, match="takes one picture"):
        sink.write(annotated(1))


@pytest.mark.parametrize("name", ["a.png", "a.json"])
def test_what_exists_is_kept_unless_forced(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"dear to me")
    with pytest.raises(SinkError, match="--force"):
        open_sink(str(tmp_path / "a.png"), SinkOptions(), run())
    with open_sink(str(tmp_path / "a.png"), SinkOptions(force=True), run()) as sink:
        sink.write(annotated(0))
    assert (tmp_path / name).read_bytes() != b"dear to me"


def test_it_needs_the_run(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="RunInfo"):
        open_sink(str(tmp_path / "a.png"))
