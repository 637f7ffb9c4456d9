"""The heat as a recording: every byte is what the explanation said."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sink_helpers import annotated, explanation, picture, pictures, run, times

from livecam.errors import ConfigError, SinkError
from livecam.sinks import SinkOptions, open_sink
from livecam.types import AnnotatedFrame, Explanation


def told(number: int) -> Explanation:
    cam = np.random.default_rng(number).random((3, 4), np.float32)
    return replace(explanation(number), cam=cam, region=(0.25, 0.0, 1.0, 0.5), upsampling="guided")


def written(path: Path, count: int = 30, **options: bool) -> Path:
    with open_sink(f"heatmap://{path}", SinkOptions(**options), run()) as sink:
        for number in range(count):
            one = annotated(number)
            sink.write(AnnotatedFrame(one.frame, one.image, told(number) if number else None, 0))
    return path


@pytest.mark.parametrize("live", [False, True])
@pytest.mark.parametrize("name", ["a.mkv", "a.mp4", "a.mov"])
def test_read_back_it_is_the_heat(name: str, live: bool, tmp_path: Path) -> None:
    read = pictures(written(tmp_path / name, live=live))
    assert len(read) == 30
    assert not read[0].luma.any()  # nothing explained yet
    for number in range(1, 30):
        heat = told(number).heatmap((48, 64), picture(number))
        assert np.array_equal(read[number].luma, np.rint(heat * 255).astype(np.uint8))
        assert read[number].luma.max() > 100


def test_times_are_the_sources(tmp_path: Path) -> None:
    ticks = [1000, 1001, 5000, 70000]
    with open_sink(f"heatmap://{tmp_path / 'a.mp4'}", SinkOptions(), run()) as sink:
        for number, tick in enumerate(ticks):
            sink.write(annotated(number, ticks=tick))
    assert [time * 12800 for time in times(tmp_path / "a.mp4")] == ticks


def test_odd_sizes_are_kept(tmp_path: Path) -> None:
    with open_sink(f"heatmap://{tmp_path / 'a.mkv'}", SinkOptions(), run()) as sink:
        sink.write(annotated(0, image=picture(0, (33, 51))))
        with pytest.raises(SinkError, match="another size"):
            sink.write(annotated(1))
    assert list(tmp_path.iterdir()) == []


def test_what_would_lose_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="without loss"):
        open_sink(f"heatmap://{tmp_path / 'a.webm'}")
