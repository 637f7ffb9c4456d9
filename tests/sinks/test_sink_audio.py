"""The audio of the media beside the pictures."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from sink_helpers import annotated, audio, make_media, run, times

from livecam._av import av
from livecam.sinks import SinkOptions
from livecam.sinks.video import VideoSink


def convert(
    media: Path,
    path: Path,
    *,
    finish: bool = True,
    options: SinkOptions | None = None,
    limit: int = 10**9,
    **of_source: object,
) -> Path:
    """What a pipeline does: every picture of ``media`` (of the part asked for) in, the end, close."""
    with av.open(str(media)) as container:
        stream = container.streams.video[0]
        base = stream.time_base
        info = run(media=str(media), time_base=base, fps=25.0, **of_source)
        start, stop = (of_source.get(name) for name in ("start_s", "stop_s"))
        with VideoSink(path, options or SinkOptions(crf=40), info) as sink:
            number = 0
            for packet in container.demux(stream):
                try:
                    frames = packet.decode()
                except av.FFmpegError:
                    continue
                for frame in frames:
                    inside = (start is None or frame.time >= start) and (stop is None or frame.time < stop)
                    if inside and number < limit:
                        image = frame.to_ndarray(format="rgb24")
                        of_frame = {"ticks": frame.pts, "pts": frame.time, "duration": frame.duration}
                        sink.write(annotated(number, image=image, **of_frame))
                        number += 1
            if finish:
                sink.finish()
    return path


@pytest.fixture
def media(tmp_path: Path) -> Path:
    return make_media(tmp_path / "in.mp4", codecs=("aac", "aac"), seconds=3.0)


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_every_track_is_copied_packet_for_packet(suffix: str, media: Path, tmp_path: Path) -> None:
    path = convert(media, tmp_path / f"out{suffix}")
    assert len(audio(path)) == 2
    assert audio(path) == audio(media)
    assert times(path) == times(media)


@pytest.mark.parametrize("codec", ["mp3", "ac3", "flac", "libopus", "alac"])
def test_other_codecs_that_mp4_holds(codec: str, tmp_path: Path) -> None:
    media = make_media(tmp_path / "in.mp4", codecs=(codec,))
    assert audio(convert(media, tmp_path / "out.mp4")) == audio(media)


def test_matroska_keeps_the_time_of_the_pictures(media: Path, tmp_path: Path) -> None:
    """AAC's first packet, before second 0 and never heard, is left out: Matroska would move all to make room for it."""
    path = convert(media, tmp_path / "out.mkv")
    assert times(path) == times(media)
    for given, got in zip(audio(media), audio(path), strict=True):
        heard = [piece for piece in given if piece.time >= 0]
        assert [piece.data for piece in got] == [piece.data for piece in heard]
        assert max(abs(a.time - b.time) for a, b in zip(got, heard, strict=True)) <= Fraction(1, 2000)


def test_a_late_start_is_kept_by_both(tmp_path: Path) -> None:
    media = make_media(tmp_path / "in.mp4", start=10.0)
    assert times(media)[0] == 10
    path = convert(media, tmp_path / "out.mp4")
    assert times(path) == times(media)
    assert audio(path) == audio(media)


def test_a_part_is_cut_and_moved_like_the_pictures(media: Path, tmp_path: Path) -> None:
    path = convert(media, tmp_path / "out.mp4", start_s=1.0, stop_s=2.0)
    assert times(path) == [Fraction(number, 25) for number in range(25)]
    for given, got in zip(audio(media), audio(path), strict=True):
        wanted = [piece for piece in given if 1 <= piece.time < 2]
        assert [piece.data for piece in got] == [piece.data for piece in wanted]
        assert [piece.time for piece in got] == [piece.time - 1 for piece in wanted]


def test_until_the_end_when_no_stop_is_asked_for(media: Path, tmp_path: Path) -> None:
    path = convert(media, tmp_path / "out.mp4", start_s=2.0)
    assert audio(path)[0][-1].data == audio(media)[0][-1].data


def test_interrupted_the_audio_ends_with_the_pictures(media: Path, tmp_path: Path) -> None:
    path = convert(media, tmp_path / "out.mp4", finish=False, limit=30)
    end = Fraction(30, 25)
    for given, got in zip(audio(media), audio(path), strict=True):
        assert got == [piece for piece in given if piece.time < end]


def test_finished_the_audio_goes_on_to_its_end(tmp_path: Path) -> None:
    media = make_media(tmp_path / "in.mp4", seconds=2.0)
    assert audio(convert(media, tmp_path / "out.mp4", limit=10)) == audio(media)


TRANSCODED = [
    (".mp4", "aac", ".webm", "opus"),
    (".mkv", "pcm_s16le", ".mp4", "aac"),
    (".mkv", "pcm_s16le", ".mov", "pcm_s16le"),
    (".mkv", "pcm_s16le", ".mkv", "pcm_s16le"),
]
TRANSCODED_STEREO = [
    (".mkv", "vorbis", ".mp4", "aac"),
    (".mkv", "vorbis", ".webm", "vorbis"),
]  # FFmpeg's Vorbis is stereo


@pytest.mark.parametrize(
    ("given", "codec", "suffix", "kept", "channels"),
    [
        *((*row, "mono") for row in TRANSCODED),
        *((*row, "stereo") for row in TRANSCODED + TRANSCODED_STEREO),
    ],
)
def test_what_the_container_cannot_hold_is_transcoded(
    given: str, codec: str, suffix: str, kept: str, channels: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    media = make_media(tmp_path / f"in{given}", codecs=(codec,), channels=channels)
    options = SinkOptions(codec="vp9" if suffix == ".webm" else "h264")
    path = convert(media, tmp_path / f"out{suffix}", options=options)
    with av.open(str(path)) as container:
        assert container.streams.audio[0].codec_context.codec.canonical_name == kept
        assert container.streams.audio[0].codec_context.layout.nb_channels == (1 if channels == "mono" else 2)
    assert [record.levelname for record in caplog.records] == ([] if codec.endswith(kept) else ["WARNING"])
    assert abs(float(loudest(path)) - float(loudest(media))) < 0.01
    assert times(path) == times(media)


@pytest.mark.parametrize("codec", ["libopus", "vorbis"])
@pytest.mark.parametrize("suffix", [".mkv", ".webm"])
def test_matroska_keeps_the_whole_of_opus_and_vorbis(codec: str, suffix: str, tmp_path: Path) -> None:
    media = make_media(tmp_path / "in.mkv", codecs=(codec,))
    options = SinkOptions(codec="vp9" if suffix == ".webm" else "h264")
    path = convert(media, tmp_path / f"out{suffix}", options=options)
    assert [piece[::2] for piece in audio(path)[0]] == [piece[::2] for piece in audio(media)[0]]
    assert times(path) == times(media)


def loudest(path: Path) -> float:
    """Media seconds at which the tone is first heard: over a tenth of its height."""
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            wave = frame.to_ndarray()
            high = np.iinfo(wave.dtype).max if wave.dtype.kind == "i" else 1.0
            heard = np.flatnonzero(np.abs(wave.astype(float) / high).max(axis=0) > 0.025)
            if heard.size and frame.time is not None:
                return frame.time + heard[0] / frame.sample_rate
    raise AssertionError("silence")


def test_no_audio_wanted(media: Path, tmp_path: Path) -> None:
    assert audio(convert(media, tmp_path / "out.mp4", options=SinkOptions(audio=False))) == []


def test_media_without_audio_is_no_news(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    media = make_media(tmp_path / "in.mp4", codecs=())
    assert audio(convert(media, tmp_path / "out.mp4")) == []
    assert caplog.records == []


@pytest.mark.parametrize("kind", ["gone", "fifo", "text"])
def test_media_that_cannot_be_opened_once_more(kind: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    media = tmp_path / "in.mp4"
    if kind == "fifo":
        os.mkfifo(media)
    if kind == "text":
        media.write_text("no media")
    with VideoSink(tmp_path / "out.mp4", SinkOptions(), run(media=str(media))) as sink:
        sink.write(annotated(0))
    assert audio(tmp_path / "out.mp4") == []
    assert [record.getMessage() for record in caplog.records] == [
        f"{media}: cannot be opened once more for its audio; the recording has none"
    ]
    assert caplog.records[0].name == "livecam"


def test_damaged_media_give_what_can_be_read(media: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    data = bytearray(media.read_bytes())
    at = data.find(b"mdat") + 2000
    data[at : at + 6000] = bytes(6000)
    damaged = tmp_path / "damaged.mp4"
    damaged.write_bytes(data)
    path = convert(damaged, tmp_path / "out.mkv")
    assert times(path) == times(damaged)
    assert len(audio(path)[0]) > 100


def test_a_transcoder_leaves_out_what_does_not_decode(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    media = make_media(tmp_path / "in.mkv", codecs=("ac3",))
    data = bytearray(media.read_bytes())
    for piece in audio(media)[0][10:13]:
        at = data.find(piece.data)
        data[at : at + len(piece.data)] = b"\x01" * len(piece.data)
    media.write_bytes(data)
    path = convert(media, tmp_path / "out.webm", options=SinkOptions(codec="vp9"))
    assert "3 damaged packets of audio left out" in caplog.text
    assert times(path) == times(media)
    assert audio(path)[0][-1].time > 1.9


def test_the_language_of_a_track_is_kept(tmp_path: Path) -> None:
    media = make_media(tmp_path / "in.mp4")
    with av.open(str(media)) as given, av.open(str(tmp_path / "named.mp4"), "w") as named:
        streams = {stream.index: named.add_stream_from_template(stream) for stream in given.streams}
        streams[1].metadata["language"] = "gsw"
        for packet in given.demux():
            if packet.dts is not None:
                packet.stream = streams[packet.stream_index]
                named.mux(packet)
    with av.open(str(convert(tmp_path / "named.mp4", tmp_path / "out.mp4"))) as container:
        assert container.streams.audio[0].language == "gsw"


def test_pictures_and_audio_are_interleaved(tmp_path: Path) -> None:
    """A player must not look far ahead: in the file no picture is more than a second away from its sound."""
    media = make_media(tmp_path / "in.mp4", seconds=8.0)
    with av.open(str(convert(media, tmp_path / "out.mp4"))) as container:
        index = {stream.type: stream.index for stream in container.streams}
        latest = dict.fromkeys(index.values(), 0.0)
        for packet in sorted(
            (one for one in container.demux() if one.pos is not None and one.size), key=lambda one: one.pos
        ):
            latest[packet.stream_index] = float(packet.dts * packet.time_base)
            assert abs(latest[index["video"]] - latest[index["audio"]]) < 1.5


@pytest.mark.data
@pytest.mark.parametrize(
    "name", ["01_dog.mp4", "nasa_13013.mp4", "internal_emulator_transformer_output.mp4", "fire2.mp4"]
)
def test_real_audio_is_copied_packet_for_packet(name: str, data: Path, tmp_path: Path) -> None:
    media = data / "video" / name
    path = convert(media, tmp_path / "out.mp4")
    assert audio(path) == audio(media)
    assert times(path) == times(media)


REAL = """bbb_2500ms.ts bbb_800x640_768kbps_30fps_avc_2b_firstpts_10_sec.mp4 corrupted.mp4 hlg10-color-test.mp4
no_duration.webm portrait_4k60.mp4 sample.mkv sample_android_slow_motion.mp4 sample_edit_list.mp4
sample_with_invalid_nalu.mp4 wolf.mp4"""


@pytest.mark.data
@pytest.mark.parametrize("name", REAL.split())
def test_real_times_are_copied_and_audio_stays_beside_them(name: str, data: Path, tmp_path: Path) -> None:
    media = data / "video" / name
    path = convert(media, tmp_path / "out.mp4")
    assert times(path) == times(media)
    for given, got in zip(audio(media), audio(path), strict=True):
        assert [piece.data for piece in got] == [piece.data for piece in given]
        # mp4 counts audio in samples: a time that its container rounded, to 1 ms or 1/90000 s, lands beside it
        assert max(abs(a.time - b.time) for a, b in zip(got, given, strict=True)) < Fraction(1, 40000)
