"""The labels as text: cues that do not flicker, a track in each container, chapters."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from sink_helpers import annotated, audio, explanation, make_media, picture, pictures, run, times

from livecam._av import av
from livecam.sinks import SinkOptions, open_sink
from livecam.sinks._labels import Chapter, Cue, Cues, chapters
from livecam.sinks.video import VideoSink
from livecam.types import AnnotatedFrame, Prediction

TENTHS = Fraction(1, 10)


def cues(labels: str, **how: float) -> list[Cue]:
    """One picture each tenth of a second; a dash is no explanation."""
    kept = Cues(TENTHS, **how)
    made = [cue for tick, label in enumerate(labels) for cue in kept.add(None if label == "-" else label, tick)]
    return made + kept.finish(len(labels))


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ("aaaaaaaa", [(0, 8, "a")]),
        ("aaaabaaacaaaaa", [(0, 14, "a")]),  # too short to be read
        ("aaaabcbcaaaa", [(0, 12, "a")]),
        ("aaaaabbbbbbb", [(0, 5, "a"), (5, 12, "b")]),  # from its first picture on
        ("aaaaaaaaab", [(0, 10, "a")]),
        ("----aaaaaa", [(4, 10, "a")]),
        ("aaaaa------aaaaa", [(0, 5, "a"), (11, 16, "a")]),
        ("----", []),
        ("", []),
    ],
)
def test_cues(labels: str, expected: list[tuple[int, int, str]]) -> None:
    assert cues(labels) == expected


@pytest.mark.parametrize("labels", ["aaaaaaaabbbbbbbbbbbbbcccccccccccccc", "abababaaaaaaaaabbbbaaaaabbbbbbbbccccc"])
def test_pieces_are_the_same_cues(labels: str) -> None:
    joined: list[Cue] = []
    for cue in cues(labels, piece_s=0.3):
        if joined and (joined[-1].label, joined[-1].end) == (cue.label, cue.start):
            joined[-1] = Cue(joined[-1].start, cue.end, cue.label)
        else:
            joined.append(cue)
    assert joined == cues(labels)


def test_a_label_is_one_line() -> None:
    kept = Cues(TENTHS)
    kept.add("two\n\n00:00 --> lines", 0)
    assert kept.finish(9) == [Cue(0, 9, "two 00:00 --> lines")]


@pytest.mark.parametrize(
    ("cuts", "expected"),
    [
        ([], [(0, 50, "a"), (50, 100, "b")]),
        ([48], [(0, 48, "a"), (48, 100, "b")]),  # the scene, not the class a moment later
        ([20, 60], [(0, 20, "a"), (20, 50, "a"), (50, 100, "b")]),
        ([5, 95, 100, 200], [(0, 50, "a"), (50, 100, "b")]),
    ],
)
def test_chapters(cuts: list[int], expected: list[tuple[int, int, str]]) -> None:
    assert chapters([Cue(0, 50, "a"), Cue(50, 100, "b")], cuts, TENTHS) == [Chapter(*one) for one in expected]
    assert chapters([], cuts, TENTHS) == []


def seen(number: int, label: str | None, image: np.ndarray | None = None) -> AnnotatedFrame:
    image = picture() if image is None else image
    frame = annotated(number, image=image).frame
    told = replace(explanation(number), class_idx=1, top=(Prediction(1, label, 0.8),)) if label else None
    return AnnotatedFrame(frame, image, told, 0)


def film(path: Path, count: int = 250, media: Path | None = None, **options: object) -> Path:
    """25 pictures a second: cat, a flicker, dog from 4.0 s on, nothing from 8.0 s to 8.8 s, then cup; a cut at 6 s."""
    of_run = run(media=str(media)) if media else run()
    with open_sink(str(path), SinkOptions(subtitles=True, **options), of_run) as sink:  # type: ignore[arg-type]
        for number in range(count):
            label = "cat" if number < 100 else "dög & <i>" if number < 200 else None if number < 220 else "cup"
            label = "flicker" if 50 <= number < 55 else label
            sink.write(seen(number, label, picture() if number < 150 else 255 - picture()))
        sink.finish()
    return path


def track(path: Path) -> list[tuple[float, float, str]]:
    """Texts of the subtitle packets with their times, neighbours of one text joined, gaps left out."""
    found: list[tuple[float, float, str]] = []
    with av.open(str(path)) as container:
        stream = container.streams.subtitles[0]
        name = stream.codec_context.name
        for packet in container.demux(stream):
            data = bytes(packet)[2 if name == "mov_text" else 0 :]
            if packet.pts is None or not data:
                continue
            begin = float(packet.pts * packet.time_base)
            end = begin + float(packet.duration * packet.time_base)
            if found and found[-1][1:] == (pytest.approx(begin), data.decode()):
                found[-1] = found[-1][0], end, data.decode()
            else:
                found.append((begin, end, data.decode()))
    return found


@pytest.mark.parametrize(
    ("name", "codec", "dog"),
    [
        ("a.mp4", "mov_text", "dög & <i>"),
        ("a.mov", "mov_text", "dög & <i>"),
        ("a.mkv", "srt", "dög & <i>"),
        ("a.webm", "webvtt", "dög &amp; &lt;i&gt;"),
    ],
)
@pytest.mark.parametrize("live", [False, True])
def test_a_track_and_chapters(name: str, codec: str, dog: str, live: bool, tmp_path: Path) -> None:
    path = film(tmp_path / name, live=live, codec="vp9" if name.endswith("webm") else "h264")
    assert track(path) == [
        (pytest.approx(0), pytest.approx(4), "cat"),
        (pytest.approx(4), pytest.approx(8), dog),
        (pytest.approx(8.8), pytest.approx(10), "cup"),
    ]
    with av.open(str(path)) as container:
        assert container.streams.subtitles[0].codec_context.name == codec
        found = [
            (round(float(one["start"] * one["time_base"]), 3), one["metadata"]["title"]) for one in container.chapters()
        ]
    assert found == [(0, "cat"), (4, "dög & <i>"), (6, "dög & <i>")]
    assert len(pictures(path)) == 250


def test_pictures_and_sound_are_as_without(tmp_path: Path) -> None:
    media = make_media(tmp_path / "in.mp4", seconds=3)
    with_text = film(tmp_path / "a.mp4", 75, media)
    with VideoSink(tmp_path / "b.mp4", SinkOptions(), run(media=str(media))) as sink:
        for number in range(75):
            sink.write(seen(number, None))
        sink.finish()
    assert times(with_text) == times(tmp_path / "b.mp4")
    assert audio(with_text) == audio(tmp_path / "b.mp4")


def test_the_description_of_the_track_is_whole(tmp_path: Path) -> None:
    """3GPP TS 26.245: what follows the box's name is at least 8 + 38 bytes."""
    with av.open(str(film(tmp_path / "a.mp4", 30))) as container:
        assert len(container.streams.subtitles[0].codec_context.extradata or b"") >= 38


def test_webvtt_beside(tmp_path: Path) -> None:
    assert film(tmp_path / "a.vtt").read_text("utf-8") == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:04.000\ncat\n"
        "\n00:00:04.000 --> 00:00:08.000\ndög &amp; &lt;i&gt;\n"
        "\n00:00:08.800 --> 00:00:10.000\ncup\n"
    )


def test_it_has_the_times_of_a_part(tmp_path: Path) -> None:
    with open_sink(str(tmp_path / "a.vtt"), SinkOptions(), run(start_s=60.0)) as sink:
        for number in range(1500, 1525):
            sink.write(seen(number, "cat"))
    assert "00:00:00.000 --> 00:00:01.000\ncat" in (tmp_path / "a.vtt").read_text()
