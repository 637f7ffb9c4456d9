"""``livecam.annotate``: results as they finish, failures in them, and nothing left of it once it is closed."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from long_recording import Quick, make_clip, times

from livecam import ConfigError, SourceNotFound, annotate
from livecam.annotating import _files

QUICKLY = {"preset": "ultrafast", "backend": "torch", "max_frames": 3}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(_files, "make_explainer", lambda *_: nullcontext(Quick()))
    make_clip(tmp_path / "a.mp4")
    yield tmp_path


def test_what_fails_is_a_result(here: Path) -> None:
    with annotate([Path("none.mp4"), "*.mp4"], "out/", **QUICKLY) as results:
        none, made = results
        assert results.count == 2
    assert isinstance(none.error, SourceNotFound)
    assert (none.number, none.input, none.report["exit_code"]) == (0, "none.mp4", 3)
    assert (made.number, made.output, made.error) == (1, "out/a.explained.mp4", None)
    assert made.report["frames_out"] == len(times(here / "out" / "a.explained.mp4")) == 3


def test_nothing_begins_before_it_is_asked_for(here: Path) -> None:
    results = annotate("a.mp4", "b.mp4", **QUICKLY)
    results.close()
    results.close()
    assert list(results) == []
    assert not (here / "b.mp4").exists()


def test_it_can_be_stopped(here: Path) -> None:
    (one,) = annotate("a.mp4", "b.mp4", stop=lambda: True, **QUICKLY)
    assert one.report["interrupted"] and one.report["output"] is None


def test_closed_its_processes_are_gone() -> None:
    with annotate([f"none-{number}.mp4" for number in range(4)], "out/", jobs=2, **QUICKLY) as results:
        assert isinstance(next(results).error, SourceNotFound)
        assert multiprocessing.active_children()
    assert not multiprocessing.active_children()
    assert not [thread.name for thread in threading.enumerate() if thread.name == "livecam-lane"]


def test_what_makes_no_sense_is_said_at_once() -> None:
    with pytest.raises(ConfigError, match=r"--methd.*no such setting"):
        annotate("a.mp4", methd="gradcam")
    with pytest.raises(ConfigError, match="jobs 0"):
        annotate("a.mp4", jobs=0)
    with pytest.raises(ConfigError, match=r"no\.toml"):
        annotate("a.mp4", config="no.toml")
    with pytest.raises(ConfigError, match="cannot become one file"):
        annotate(["a.mp4", "b.mp4"], "out.mp4")
    with pytest.raises(ConfigError, match="there are local and ray"):
        annotate("a.mp4", engine="cloud")  # type: ignore[arg-type]


def test_a_name_that_is_no_recording_leaves_no_folder(here: Path) -> None:
    (one,) = annotate("a.mp4", "new/b.xyz", **QUICKLY)
    assert isinstance(one.error, ConfigError)
    assert not (here / "new").exists()


def test_of_other_references_it_is_another_recording(here: Path) -> None:
    """Also where they are called as before."""
    cup = here / "cup.png"
    cup.write_bytes(b"one")
    inputs = {"inputs": ["a.mp4", "none.mp4"], "out": "out/", "like": [str(cup)]} | QUICKLY
    assert [one.error is None for one in annotate(**inputs)] == [True, False]
    assert ["skipped" in one.report for one in annotate(**inputs)] == [True, False]
    cup.write_bytes(b"two")
    made, _ = annotate(**inputs)
    assert "exists already" in str(made.error)


def test_what_is_done_is_known_in_any_folder() -> None:
    for skipped in (False, True):
        made, _ = annotate(["a.mp4", "none.mp4"], "memory://100%/", **QUICKLY)
        assert ("skipped" in made.report) == skipped


@pytest.mark.parametrize(
    "names",
    [
        {"inputs": "a.mp4", "out": "memory://two/a.mp4", "heatmap_video": "memory://two/a.mp4"},
        {"inputs": "memory://two/b.mp4", "out": "memory://two/a.mp4", "heatmap_video": "memory://two/b.mp4"},
    ],
)
def test_two_that_are_one_at_an_address_are_refused(names: dict[str, Any]) -> None:
    (one,) = annotate(**names, force=True, **QUICKLY)
    assert isinstance(one.error, ConfigError)
    assert "named twice" in str(one.error)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("maps", "name a .npz file"),
        ("heatmap_video", "heat is recorded without loss: name a .mkv, .mp4, .mov file"),
    ],
)
def test_what_is_wrong_with_a_name_is_said_of_that_name(name: str, says: str) -> None:
    (one,) = annotate("a.mp4", "memory://wrong/a.mp4", **{name: "memory://wrong/b.txt"}, **QUICKLY)
    assert str(one.error) == f"--{name.replace('_', '-')} b.txt: {says}"
