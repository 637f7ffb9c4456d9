"""Maps as numbers: what is read back is what the explainer said, bit for bit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sink_helpers import annotated, explanation

from livecam.errors import SinkError, SourceError, SourceNotFound
from livecam.sinks import open_sink
from livecam.sinks.maps import CHUNK, read_maps
from livecam.types import AnnotatedFrame, Explanation


def told(number: int) -> Explanation:
    size = (3, 4) if number < CHUNK + 40 else (6, 8)  # a governor that asks for more on the way
    cam = np.random.default_rng(number).random(size, np.float32)
    return replace(explanation(number), cam=cam, peak=number / 3, class_idx=number % 5)


def written(path: Path, count: int = CHUNK + 60) -> Path:
    with open_sink(str(path)) as sink:
        for number in range(count):
            one = annotated(number)
            sink.write(AnnotatedFrame(one.frame, one.image, told(number) if number % 7 else None, 0))
    return path


def test_read_back_bit_for_bit(tmp_path: Path) -> None:
    rows = list(read_maps(written(tmp_path / "a.npz")))
    assert [row.index for row in rows] == [number for number in range(CHUNK + 60) if number % 7]
    for row in rows:
        one = told(row.index)
        assert np.array_equal(row.cam, one.cam)
        assert row.cam.dtype == np.float32
        assert (row.pts, row.class_idx, row.peak) == (annotated(row.index).frame.pts, one.class_idx, one.peak)


def test_numpy_alone_reads_it(tmp_path: Path) -> None:
    with np.load(written(tmp_path / "a.npz", 20), allow_pickle=False) as archive:
        assert archive["cam_00000000"].shape == (17, 3, 4)
        assert archive["region"].tolist() == [[0, 0, 1, 1]] * 17


def test_maps_leave_the_memory_as_they_come(tmp_path: Path) -> None:
    sink = open_sink(str(tmp_path / "a.npz"))
    cam = np.zeros((64, 64), np.float32)
    for number in range(4 * CHUNK + 1):
        one = annotated(number)
        sink.write(AnnotatedFrame(one.frame, one.image, replace(explanation(number), cam=cam), 0))
    (work,) = tmp_path.iterdir()
    assert work.stat().st_size > 3 * CHUNK * cam.nbytes
    sink.abort()
    assert list(tmp_path.iterdir()) == []


def test_the_same_run_writes_the_same_bytes(tmp_path: Path) -> None:
    assert written(tmp_path / "a.npz").read_bytes() == written(tmp_path / "b.npz").read_bytes()


def test_a_run_without_an_explanation_is_an_empty_archive(tmp_path: Path) -> None:
    with open_sink(str(tmp_path / "a.npz")):
        pass
    assert list(read_maps(tmp_path / "a.npz")) == []


def test_what_is_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(SourceNotFound):
        list(read_maps(tmp_path / "nowhere.npz"))
    path = written(tmp_path / "a.npz")
    np.savez(tmp_path / "other.npz", x=1)
    (tmp_path / "cut.npz").write_bytes(path.read_bytes()[:4000])
    (tmp_path / "text.npz").write_text("hello")
    for name in ("other", "cut", "text"):
        with pytest.raises(SourceError, match="--maps"):
            list(read_maps(tmp_path / f"{name}.npz"))


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    work = tmp_path / ".a.npz"
    work.symlink_to("/dev/full")
    monkeypatch.setattr("livecam.sinks._files.hidden", lambda _path: work)
    with pytest.raises(SinkError, match="No space left"), open_sink(str(tmp_path / "a.npz")) as sink:
        for number in range(CHUNK * 20):
            sink.write(annotated(number))
