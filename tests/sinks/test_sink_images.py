from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from sink_helpers import annotated, picture

from livecam.errors import ConfigError, SinkError
from livecam.sinks import SinkOptions, open_sink
from livecam.sinks.images import ImagesSink


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".jpeg", ".webp", ".PNG"])
def test_the_picture_comes_back_in_its_colours(suffix: str, tmp_path: Path) -> None:
    red = np.zeros((48, 64, 3), np.uint8)
    red[..., 0] = 200
    with open_sink(str(tmp_path / f"f%03d{suffix}")) as sink:
        sink.write(annotated(7, image=red))
    read = cv2.imread(str(tmp_path / f"f007{suffix}"), cv2.IMREAD_COLOR_RGB)
    assert np.abs(read.astype(int) - red).max() <= (0 if suffix.lower() == ".png" else 3)


@pytest.mark.parametrize(("field", "name"), [("%d", "12"), ("%5d", "   12"), ("%05d", "00012")])
def test_numbered_by_the_index_of_the_frame(field: str, name: str, tmp_path: Path) -> None:
    with open_sink(str(tmp_path / f"a{field}.png")) as sink:
        sink.write(annotated(12))
    assert [path.name for path in tmp_path.iterdir()] == [f"a{name}.png"]


def test_png_is_exact(tmp_path: Path) -> None:
    with open_sink(str(tmp_path / "%d.png")) as sink:
        sink.write(annotated(3))
    assert np.array_equal(cv2.imread(str(tmp_path / "3.png"), cv2.IMREAD_COLOR_RGB), picture(3))


def test_the_first_clash_ends_it(tmp_path: Path) -> None:
    (tmp_path / "1.png").write_bytes(b"mine")
    sink = ImagesSink(str(tmp_path / "%d.png"))
    sink.write(annotated(0))
    with pytest.raises(SinkError, match="--force"):
        sink.write(annotated(1))
    assert (tmp_path / "1.png").read_bytes() == b"mine"


def test_two_fields_are_too_many(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="one number field"):
        open_sink(str(tmp_path / "%d-%d.png"))


def test_a_picture_that_the_format_cannot_hold(tmp_path: Path) -> None:
    wide = np.zeros((1, 20000, 3), np.uint8)
    with (
        pytest.raises(SinkError, match="cannot encode a picture of 20000×1"),
        open_sink(str(tmp_path / "%d.webp")) as sink,
    ):
        sink.write(annotated(0, image=wide))


def test_a_failed_write_leaves_nothing_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, data: bytes) -> int:
        with path.open("wb") as out:
            out.write(data[:10])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    sink = ImagesSink(str(tmp_path / "%d.png"), SinkOptions())
    with pytest.raises(SinkError, match="No space left"):
        sink.write(annotated(0))
    assert list(tmp_path.iterdir()) == []
