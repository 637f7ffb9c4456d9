from __future__ import annotations

import threading
from pathlib import Path

import cv2
import numpy as np
import pytest
from source_helpers import read_all, write_video

from livecam.errors import ConfigError, SourceLost
from livecam.sources import SourceOptions, open_source
from livecam.sources.synthetic import read_frame_number


def test_same_address_same_pictures() -> None:
    a, b, c = (read_all(open_source(f"test://?size=160x120&fps=29.97&frames=5&seed={seed}")) for seed in (3, 3, 4))
    assert all(np.array_equal(x.image, y.image) for x, y in zip(a, b, strict=True))
    assert not np.array_equal(a[0].image, c[0].image)
    assert not np.array_equal(a[0].image[30:], a[4].image[30:]), "it moves"
    assert [f.pts for f in a] == pytest.approx([i / 29.97 for i in range(5)])


def test_info() -> None:
    with open_source("test://?size=320x240&fps=25&frames=50") as source:
        info = source.info
    assert (info.width, info.height, info.fps, info.frames, info.duration_s, info.live) == (320, 240, 25, 50, 2, False)
    with open_source("test://") as source:
        assert (source.info.width, source.info.height, source.info.fps, source.info.frames) == (640, 480, 30, 0)


def test_a_part() -> None:
    with open_source("test://?size=64x48&fps=10&frames=30", SourceOptions(start_s=1, duration_s=0.5)) as source:
        assert [(f.index, f.ticks, read_frame_number(f.image)) for f in read_all(source)] == [
            (i, 10 + i, 10 + i) for i in range(5)
        ]


@pytest.mark.parametrize("size", ["64x48", "320x180", "1280x720"])
def test_the_number_survives_compression(tmp_path: Path, size: str) -> None:
    frames = read_all(open_source(f"test://?size={size}&frames=12", SourceOptions()))
    path = write_video(tmp_path / "a.mp4", [f.image for f in frames], options={"crf": "30"})
    assert [read_frame_number(f.image) for f in read_all(open_source(str(path)))] == list(range(12))


def test_the_number_survives_scaling_and_is_large() -> None:
    options = SourceOptions(start_s=400_000, duration_s=1)
    with open_source("test://?size=640x360&fps=30", options) as source:
        frame = source.read()
    assert frame is not None
    assert read_frame_number(cv2.resize(frame.image, (200, 150))) == 12_000_000


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("test://?colour=red", "known: size, fps, frames, seed, faults"),
        ("test://?size=640", "for example size=640x480"),
        ("test://?size=4x4", "pixels"),
        ("test://?fps=0", "above 0"),
        ("test://?fps=fast", "fps=fast"),
        ("test://?frames=-1", "frames=-1"),
        ("test://?seed=", "seed="),
        ("test://?faults=yes", "for example faults=1"),
        ("test://size=640x480", "follow a '\\?'"),
    ],
)
def test_what_makes_no_sense(address: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        open_source(address)


def test_a_fault_of_the_seed_and_the_pictures_after_it() -> None:
    """Seed 3 begins with a loss before picture 55; opened again there, that picture comes."""
    with open_source("test://?size=64x48&faults=3") as source:
        assert [read_frame_number(source.read().image) for _ in range(55)] == list(range(55))
        with pytest.raises(SourceLost, match="picture 55"):
            source.read()
    with open_source("test://?size=64x48&faults=3", SourceOptions(start_s=55 / 30)) as source:
        assert read_frame_number(source.read().image) == 55


def test_a_read_that_does_not_return_before_it_is_closed() -> None:
    """Seed 6 begins with one, before picture 346."""
    with open_source("test://?size=64x48&faults=6") as source:
        for _ in range(346):
            source.read()
        reader = threading.Thread(target=source.read)
        reader.start()
        reader.join(0.2)
        assert reader.is_alive()
        source.close()
        reader.join(20)
        assert not reader.is_alive()
