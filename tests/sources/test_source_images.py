from __future__ import annotations

import logging
import struct
from pathlib import Path

import cv2
import numpy as np
import pytest
from source_helpers import corners, quarter_names, read_all

from livecam.errors import SourceError, SourceNotFound
from livecam.sources import SourceOptions, open_source
from livecam.types import Image


def save(path: Path, image: Image) -> Path:
    cv2.imwrite(str(path), image[:, :, ::-1])
    return path


def flat(level: int, width: int = 40, height: int = 30) -> Image:
    return np.full((height, width, 3), level, np.uint8)


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "bmp", "tiff"])
def test_one_image(tmp_path: Path, suffix: str) -> None:
    path = save(tmp_path / f"a.{suffix}", corners())
    with open_source(str(path)) as source:
        assert (source.info.width, source.info.height, source.info.frames, source.info.fps) == (96, 64, 1, 25)
        frames = read_all(source)
    assert len(frames) == 1
    assert quarter_names(frames[0].image) == ["red", "green", "blue", "grey"]


def test_a_folder_in_natural_order(tmp_path: Path) -> None:
    for number in (10, 9, 1, 100):
        save(tmp_path / f"shot{number}.png", flat(number))
    (tmp_path / "notes.txt").write_text("not a picture")
    save(tmp_path / ".hidden.png", flat(255))
    with open_source(str(tmp_path), SourceOptions(fps=10)) as source:
        frames = read_all(source)
        assert source.info.frames == 4
    assert [int(f.image[0, 0, 0]) for f in frames] == [1, 9, 10, 100]
    assert [(f.ticks, f.duration) for f in frames] == [(i, 1) for i in range(4)]
    assert [f.pts for f in frames] == pytest.approx([0, 0.1, 0.2, 0.3])


def test_a_pattern_and_a_part(tmp_path: Path) -> None:
    for number in range(8):
        save(tmp_path / f"{number}.png", flat(number))
    save(tmp_path / "x.jpg", flat(200))
    options = SourceOptions(fps=2, start_s=1, duration_s=2)
    frames = read_all(open_source(str(tmp_path / "*.png"), options))
    assert [int(f.image[0, 0, 0]) for f in frames] == [2, 3, 4, 5]


def test_other_sizes_are_fitted_onto_black(tmp_path: Path) -> None:
    save(tmp_path / "1.png", flat(100, 40, 30))
    save(tmp_path / "2.png", flat(200, 30, 30))
    second = read_all(open_source(str(tmp_path)))[1].image
    assert second.shape == (30, 40, 3)
    assert (second[:, 5:35] == 200).all()
    assert (second[:, :5] == 0).all()
    assert (second[:, 35:] == 0).all()


def with_orientation(path: Path, orientation: int) -> Path:
    """Put an EXIF block with one entry into a JPEG."""
    tiff = b"II*\0" + struct.pack("<IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0)
    body = b"Exif\0\0" + tiff
    content = path.read_bytes()
    path.write_bytes(content[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + content[2:])
    return path


@pytest.mark.parametrize(
    ("orientation", "expected"),
    [
        (1, ["red", "green", "blue", "grey"]),
        (2, ["green", "red", "grey", "blue"]),
        (3, ["grey", "blue", "green", "red"]),
        (6, ["blue", "red", "grey", "green"]),
        (8, ["green", "grey", "red", "blue"]),
    ],
)
def test_exif_orientation(tmp_path: Path, orientation: int, expected: list[str]) -> None:
    path = with_orientation(save(tmp_path / "a.jpg", corners()), orientation)
    image = read_all(open_source(str(path)))[0].image
    assert image.shape == ((96, 64, 3) if orientation > 4 else (64, 96, 3))
    assert quarter_names(image) == expected


def test_unreadable_images_are_skipped(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    save(tmp_path / "1.png", flat(1))
    (tmp_path / "2.png").write_bytes(b"broken")
    (tmp_path / "3.jpg").write_bytes(b"")
    save(tmp_path / "4.png", flat(4))
    with caplog.at_level(logging.WARNING, "livecam"):
        frames = read_all(source := open_source(str(tmp_path)))
    assert [int(f.image[0, 0, 0]) for f in frames] == [1, 4]
    assert [f.index for f in frames] == [0, 1]
    assert source.decode_errors == 2
    assert [r.getMessage().split(":")[0] for r in caplog.records] == [str(tmp_path / n) for n in ("2.png", "3.jpg")]


def test_nothing_to_read(tmp_path: Path) -> None:
    with pytest.raises(SourceNotFound, match="no such file"):
        open_source(str(tmp_path / "absent.png"))
    with pytest.raises(SourceNotFound, match="no images there"):
        open_source(str(tmp_path))
    with pytest.raises(SourceNotFound, match="no images there"):
        open_source(str(tmp_path / "*.png"))
    (tmp_path / "1.png").write_bytes(b"broken")
    with pytest.raises(SourceError, match="cannot be read"):
        open_source(str(tmp_path))
    save(tmp_path / "2.png", flat(2))
    with pytest.raises(SourceError, match="start earlier"):
        open_source(str(tmp_path), SourceOptions(start_s=60))
