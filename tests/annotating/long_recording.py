"""A recording that is cut into parts, what explains it at once, and when two annotated recordings are the same."""

from __future__ import annotations

import itertools
import os
import signal
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from livecam._av import av
from livecam.cli.demo import sample
from livecam.types import Explanation, Picture, Prediction, rgb

BASE = Fraction(1, 90000)
FRAMES = 72
TIMES = [900 + 3000 * number + (number % 3) * 700 for number in range(FRAMES)]  # uneven, not from 0 on


def make_clip(path: Path) -> None:
    """2.4 s with a key picture every 15 pictures, B pictures between them, and sound."""
    with av.open(str(sample())) as source, av.open(str(path), "w") as out:
        video = out.add_stream("libx264", rate=30, options={"preset": "ultrafast", "bf": "2", "g": "15"})
        video.width, video.height, video.pix_fmt = 160, 90, "yuv420p"
        video.codec_context.time_base = video.time_base = BASE
        audio = out.add_stream_from_template(source.streams.audio[0])
        for number, frame in zip(range(FRAMES), source.decode(video=0), strict=False):
            picture = frame.reformat(160, 90)
            picture.pts, picture.time_base, picture.pict_type = TIMES[number], BASE, 0
            out.mux(video.encode(picture))
        out.mux(video.encode(None))
        source.seek(0)
        for packet in source.demux(audio=0):
            if packet.dts is not None and packet.pts * packet.time_base < 2:
                packet.stream = audio
                out.mux(packet)


def times(path: Path) -> list[Fraction]:
    with av.open(str(path)) as source:
        return [frame.pts * frame.time_base for frame in source.decode(video=0)]


def sound(path: Path) -> list[tuple[Any, bytes]]:
    with av.open(str(path)) as source:
        return [(packet.pts, bytes(packet)) for packet in source.demux(audio=0) if packet.size]


def stored(path: Path) -> tuple[Any, ...]:
    """Order of storing, ascending decoding times, length: as a player looks at them."""
    with av.open(str(path)) as source:
        packets = [(packet.pts, packet.dts) for packet in source.demux(video=0) if packet.size]
        assert all(a[1] < b[1] for a, b in itertools.pairwise(packets))
        assert all(dts <= pts for pts, dts in packets)
        return source.streams.video[0].frames, source.streams.video[0].duration, source.duration


def same(one: Path, other: Path) -> None:
    assert times(one) == times(other) == [ticks * BASE for ticks in TIMES]
    assert sound(one) == sound(other)
    assert stored(one) == stored(other)
    assert Path(f"{one}.jsonl").read_text() == Path(f"{other}.jsonl").read_text()


class Quick:
    """Sees the brightest of twelve places, at once: what is annotated depends on every picture before."""

    title = model = method = target_layer = backend = precision = "quick"
    device, methods, labels = "cpu", ("quick",), ("thing",)
    random_weights = False

    def explain(self, image: Picture, class_idx: None = None, *, choose: Callable[..., int]) -> Explanation:
        places = cv2.resize(rgb(image).mean(2).astype(np.float32), (4, 3), interpolation=cv2.INTER_AREA)
        scores = (places / places.sum()).ravel()
        best = choose(scores)
        top = (Prediction(best, f"place {best}", float(scores[best])),)
        return Explanation(0, best, top, places / places.max(), float(places.max()), "quick", "quick", 0.0)


def stop_at(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """The process is sent a signal while it explains picture ``number`` of this run."""
    explain, count = Quick.explain, iter(range(10**9))

    def interrupted(self: Quick, *args: Any, **kwargs: Any) -> Explanation:
        if next(count) == number:
            os.kill(os.getpid(), signal.SIGINT)
        return explain(self, *args, **kwargs)

    monkeypatch.setattr(Quick, "explain", interrupted)
