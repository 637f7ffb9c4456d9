"""Snapshots: three files that belong together, whole, and never over others."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import cv2
import numpy as np
import pytest
from sink_helpers import annotated, explanation, picture, run

from livecam.errors import SinkError
from livecam.sinks.snapshot import write_snapshot
from livecam.types import AnnotatedFrame, Faithfulness, Frame, Prediction, Vote

NOW = datetime(2026, 7, 22, 14, 15, 30, 123456)


def frame() -> AnnotatedFrame:
    shown = np.full((48, 64, 3), 9, np.uint8)
    asked = replace(
        explanation(4),
        against=Prediction(3, "dog", 0.125),
        spot=(0.25, 0.75),
        votes=(Vote(7, "Dösenöffner", 0.5, True), Vote(3, "dog", -0.25, True)),
        faithfulness=Faithfulness(3, 7, 0.75, 0.125, 0.7, 0.25),
    )
    return AnnotatedFrame(Frame(picture(4), 4, 0.16, 100.0), shown, asked, 1)


def read(path: Path) -> np.ndarray:
    return cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)


def test_the_picture_what_was_shown_and_what_was_seen(tmp_path: Path) -> None:
    path = write_snapshot(frame(), run(), tmp_path / "new" / "folder", NOW)
    assert path == tmp_path / "new" / "folder" / "20260722-141530-123.png"
    assert sorted(one.name for one in path.parent.iterdir()) == [
        "20260722-141530-123.json",
        "20260722-141530-123.overlay.png",
        "20260722-141530-123.png",
    ]
    assert (read(path) == picture(4)).all()
    assert (read(path.with_suffix(".overlay.png")) == 9).all()
    said = json.loads(path.with_suffix(".json").read_text())
    assert (said["index"], said["class_idx"], said["label"], said["lag"]) == (4, 7, "Dösenöffner", 1)
    assert said["against"] == {"class_idx": 3, "label": "dog"}
    assert said["spot"] == {"x": 0.25, "y": 0.75}
    assert [vote["contribution"] for vote in said["votes"]] == [0.5, -0.25]
    assert said["faithfulness"] == {"index": 3, "before": 0.75, "after": 0.125, "control": 0.7, "share": 0.25}
    assert said["time"] == "2026-07-22T14:15:30.123"


def test_snapshots_of_one_moment_stand_beside_each_other(tmp_path: Path) -> None:
    first = write_snapshot(annotated(1), run(), tmp_path, NOW)
    second = write_snapshot(annotated(2), run(), tmp_path, NOW)
    assert second.name == "20260722-141530-123-2.png"
    assert (read(first) == picture(1)).all()
    assert (read(second) == picture(2)).all()
    assert len(list(tmp_path.iterdir())) == 6


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    other = tmp_path / "20260722-141530-123.json"
    other.write_text("mine")
    with pytest.raises(SinkError, match=r"20260722-141530-123\.json: cannot be written \(File exists\)"):
        write_snapshot(annotated(), run(), tmp_path, NOW)
    assert other.read_text() == "mine"


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SinkError, match="cannot be written"):
        write_snapshot(annotated(), run(), tmp_path / "file" / "snapshots", NOW)


def test_without_an_explanation(tmp_path: Path) -> None:
    bare = AnnotatedFrame(Frame(picture(), 0, 0.0, 0.0), picture(), None, None)
    path = write_snapshot(bare, run(), tmp_path, NOW)
    assert json.loads(path.with_suffix(".json").read_text())["method"] == "gradcam"
