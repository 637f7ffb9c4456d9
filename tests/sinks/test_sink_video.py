from __future__ import annotations

import logging
import struct
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from sink_helpers import TB, annotated, picture, pictures, run, times

from livecam._av import av
from livecam.errors import ConfigError, SinkError
from livecam.sinks import SinkOptions, open_sink
from livecam.sinks._codecs import CODECS, FORMATS, choose
from livecam.sinks.video import VideoSink

HOLDS = [
    (codec, suffix)
    for codec, coding in CODECS.items()
    for suffix in FORMATS
    if suffix in coding.suffixes and codec != "nvenc"
]
SMALL = SinkOptions(crf=40)


@pytest.fixture(autouse=True)
def no_option_unused(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """PyAV only logs what FFmpeg did not take."""
    yield
    assert [
        record for record in caplog.records if record.name.startswith("av") or record.levelno > logging.WARNING
    ] == []


def write(path: Path, ticks: list[int], options: SinkOptions = SMALL, **of_source: object) -> Path:
    with VideoSink(path, options, run(**of_source)) as sink:
        for number, at in enumerate(ticks):
            sink.write(annotated(number, ticks=at))
        sink.finish()
    return path


def boxes(path: Path) -> list[str]:
    """The names of an mp4's top boxes."""
    data, at, found = path.read_bytes(), 0, []
    while at < len(data):
        size, name = struct.unpack(">I4s", data[at : at + 8])
        if size == 1:
            (size,) = struct.unpack(">Q", data[at + 8 : at + 16])
        found.append(name.decode())
        at += size
    return found


@pytest.mark.parametrize(("codec", "suffix"), HOLDS)
def test_every_codec_in_every_container_that_holds_it(codec: str, suffix: str, tmp_path: Path) -> None:
    path = write(tmp_path / f"a{suffix}", [n * 512 for n in range(12)], SinkOptions(codec=codec))
    assert times(path) == [Fraction(n, 25) for n in range(12)]
    with av.open(str(path)) as container:
        context = container.streams.video[0].codec_context
        assert context.name in (codec, {"h265": "hevc", "av1": "libdav1d"}.get(codec))
        assert context.pix_fmt == "yuv420p"
        if codec == "h265" and suffix in (".mp4", ".mov"):
            assert context.codec_tag == "hvc1"
        if codec == "h264":
            assert context.profile == "High"


@pytest.mark.parametrize(("codec", "suffix"), [("h264", ".webm"), ("h265", ".webm"), ("av1", ".mov"), ("vp9", ".mov")])
def test_a_container_that_cannot_hold_the_codec_names_what_fits(codec: str, suffix: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot hold it; use --codec (av1, vp9|h264, h265, nvenc), or "):
        VideoSink(tmp_path / f"a{suffix}", SinkOptions(codec=codec))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (SinkOptions(codec="h266"), "not one of h264"),
        (SinkOptions(preset="hasty"), "--preset hasty: the encoder refuses"),
        (SinkOptions(codec="av1", preset="slow"), "--preset slow: the encoder refuses"),
        (SinkOptions(codec="vp9", crf=500), "--crf 500: the encoder refuses"),
    ],
)
def test_options_that_make_no_sense(options: SinkOptions, words: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=words):
        VideoSink(tmp_path / "a.mp4", options)


def test_pictures_that_are_too_small_for_the_encoder(tmp_path: Path) -> None:
    with (
        pytest.raises(ConfigError, match="--codec h265: the encoder refuses that for 2×2 pictures"),
        VideoSink(tmp_path / "a.mp4", SinkOptions(codec="h265")) as sink,
    ):
        sink.write(annotated(0, image=picture(0, (2, 2))))
    assert list(tmp_path.iterdir()) == []


def test_an_encoder_that_is_not_in_this_build(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CODECS, "h264", replace(CODECS["h264"], encoder="libx999"))
    with pytest.raises(ConfigError, match=r"no libx999; use another --codec"):
        choose(".mp4", SinkOptions())


VARIABLE = [0, 512, 700, 2000, 2001, 9000, 9512, 12345, 20000, 20480]


@pytest.mark.parametrize("start", [0, 128000, 12799, 7])
@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_times_are_copied_exactly(suffix: str, start: int, tmp_path: Path) -> None:
    path = write(tmp_path / f"a{suffix}", [start + at for at in VARIABLE])
    assert times(path) == [(start + at) * TB for at in VARIABLE]
    with av.open(str(path)) as container:
        assert abs(container.duration - (VARIABLE[-1] + 512) * TB * 1_000_000) < 1


@pytest.mark.parametrize(
    "base", [Fraction(1, 1000), Fraction(1001, 30000), Fraction(1, 25), Fraction(1, 600), Fraction(1, 90000)]
)
@pytest.mark.parametrize("count", [6, 40])
def test_any_time_base(base: Fraction, count: int, tmp_path: Path) -> None:
    ticks = [number * number + 3 for number in range(count)]
    path = tmp_path / "a.mp4"
    with VideoSink(path, SMALL, run(time_base=base)) as sink:
        for number, at in enumerate(ticks):
            sink.write(annotated(number, ticks=at, duration=2 * number + 1))
    assert times(path) == [at * base for at in ticks]
    with av.open(str(path)) as container:
        assert abs(container.duration - (ticks[-1] + 2 * count - 1 - ticks[0]) * base * 1_000_000) < 1000


def test_matroska_counts_milliseconds(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mkv", [640 + at for at in VARIABLE])
    assert max(abs(got - (640 + at) * TB) for got, at in zip(times(path), VARIABLE, strict=True)) <= Fraction(1, 2000)


def test_a_start_below_zero_becomes_zero(tmp_path: Path) -> None:
    assert times(write(tmp_path / "a.mp4", [at - 5000 for at in VARIABLE])) == [at * TB for at in VARIABLE]


def test_a_part_that_was_asked_for_starts_at_zero(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4", [128000 + at for at in VARIABLE], start_s=10.0)
    assert times(path) == [at * TB for at in VARIABLE]


def test_times_that_do_not_ascend_are_lifted(tmp_path: Path) -> None:
    assert times(write(tmp_path / "a.mp4", [0, 512, 512, 100, 1024])) == [at * TB for at in (0, 512, 513, 514, 1024)]


def test_the_last_picture_keeps_its_duration(tmp_path: Path) -> None:
    with VideoSink(tmp_path / "a.mp4", SMALL, run()) as sink:
        for number in range(4):
            sink.write(annotated(number, duration=2560 if number == 3 else 512))
    assert pictures(tmp_path / "a.mp4")[-1].duration == 2560 * TB


def test_without_a_run_pts_counts(tmp_path: Path) -> None:
    with open_sink(str(tmp_path / "a.mp4")) as sink:
        for number in range(5):
            sink.write(annotated(number, pts=number * 0.04))
    assert times(tmp_path / "a.mp4") == [Fraction(number, 25) for number in range(5)]


PATCHES = [
    (255, 0, 0),
    (0, 255, 0),
    (0, 0, 255),
    (255, 255, 255),
    (0, 0, 0),
    (30, 144, 255),
    (255, 255, 0),
    (90, 90, 90),
]


@pytest.mark.parametrize("codec", ["h264", "h265", "vp9", "av1"])
def test_colours_are_bt709_limited(codec: str, tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with VideoSink(path, SinkOptions(codec=codec, crf=1), run()) as sink:
        for number, colour in enumerate(PATCHES):
            sink.write(annotated(number, image=np.full((48, 64, 3), colour, np.uint8)))
    with av.open(str(path)) as container:
        context = container.streams.video[0].codec_context
        tags = (context.color_primaries, context.color_trc, context.colorspace, context.color_range)
        assert tags == (1, 1, 1, 1)
        frames = [frame.to_ndarray(format="yuv420p") for frame in container.decode(video=0)]
    for (red, green, blue), planes in zip(PATCHES, frames, strict=True):
        # ITU-R BT.709, item 3 and 4: luma coefficients, colour difference, 8 bit quantisation
        luma = 0.2126 * red + 0.7152 * green + 0.0722 * blue
        expected = (
            16 + 219 * luma / 255,
            128 + 224 * (blue - luma) / 1.8556 / 255,
            128 + 224 * (red - luma) / 1.5748 / 255,
        )
        got = (planes[:48].mean(), planes[48:60].mean(), planes[60:].mean())
        assert np.abs(np.subtract(got, expected)).max() <= 3


def test_odd_sizes_repeat_the_edge(tmp_path: Path) -> None:
    image = picture(0, (47, 63))
    with VideoSink(tmp_path / "a.mp4", SinkOptions(crf=1), run()) as sink:
        sink.write(annotated(0, image=image))
    luma = pictures(tmp_path / "a.mp4")[0].luma.astype(int)
    assert luma.shape == (48, 64)
    assert np.abs(luma[:, 63] - luma[:, 62]).max() <= 4
    assert np.abs(luma[47] - luma[46]).max() <= 4


def test_pictures_that_are_views_or_upside_down(tmp_path: Path) -> None:
    wide = picture(0, (96, 128))
    for name, image in {"view": wide[::2, ::2], "flip": wide[::-1], "part": wide[10:58, 20:84]}.items():
        for kind, same in (("strided", image), ("plain", image.copy())):
            with VideoSink(tmp_path / f"{name}{kind}.mkv", SMALL, run()) as sink:
                sink.write(annotated(0, image=same))
        strided, plain = (pictures(tmp_path / f"{name}{kind}.mkv")[0].luma for kind in ("strided", "plain"))
        assert np.array_equal(strided, plain)


def test_a_picture_changed_after_write_does_not_change_the_video(tmp_path: Path) -> None:
    for name, spoil in (("kept", False), ("spoiled", True)):
        with VideoSink(tmp_path / f"{name}.mkv", SMALL, run()) as sink:
            for number in range(30):
                image = picture(number)
                sink.write(annotated(number, image=image))
                if spoil:
                    image[:] = 255
    kept, spoiled = (pictures(tmp_path / f"{name}.mkv") for name in ("kept", "spoiled"))
    # White is far from each of these pictures; an encoder's threads, on a busy machine, need not decide alike.
    lines = [np.abs(a.luma.astype(int) - b.luma).mean(axis=1).max() for a, b in zip(kept, spoiled, strict=True)]
    assert max(lines) < 20
    assert min((255 - a.luma.astype(int)).mean(axis=1).min() for a in kept) > 40


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_the_shape_of_a_pixel_is_kept_and_nothing_is_rotated(suffix: str, tmp_path: Path) -> None:
    path = write(tmp_path / f"a{suffix}", [0, 512], pixel_aspect=Fraction(4, 3))
    with av.open(str(path)) as container:
        assert container.streams.video[0].sample_aspect_ratio == Fraction(4, 3)
        assert next(container.decode(video=0)).rotation == 0


def test_a_picture_of_another_size_is_refused(tmp_path: Path) -> None:
    with (
        pytest.raises(SinkError, match="has become 32×16, the first was 64×48"),
        VideoSink(tmp_path / "a.mp4") as sink,
    ):
        sink.write(annotated(0))
        sink.write(annotated(1, image=picture(1, (16, 32))))
    assert list(tmp_path.iterdir()) == []


def test_a_key_picture_every_two_seconds(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with VideoSink(path, SMALL, run()) as sink:
        for number in range(120):
            sink.write(annotated(number, image=picture(0)))
    with av.open(str(path)) as container:
        keys = [packet.pts * packet.time_base for packet in container.demux(video=0) if packet.is_keyframe]
    assert keys == [0, 2, 4]


def test_a_conversion_is_hidden_until_complete_and_starts_fast(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    sink = VideoSink(path, SMALL, run())
    sink.write(annotated(0))
    (work,) = tmp_path.iterdir()
    assert work.match(".a.mp4.*.part")
    sink.close()
    assert [one.name for one in tmp_path.iterdir()] == ["a.mp4"]
    assert boxes(path) == ["ftyp", "moov", "free", "mdat"]


def test_no_picture_no_file(tmp_path: Path) -> None:
    VideoSink(tmp_path / "a.mp4").close()
    VideoSink(tmp_path / "b.mp4", SinkOptions(live=True)).close()
    assert list(tmp_path.iterdir()) == []


def test_the_input_is_never_overwritten(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4", [0, 512])
    (tmp_path / "link.mp4").symlink_to(path)
    before = path.read_bytes()
    with pytest.raises(SinkError, match="is the input itself"):
        VideoSink(tmp_path / "link.mp4", SinkOptions(force=True), run(media=str(path)))
    assert path.read_bytes() == before


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_full_disk_ends_a_conversion_without_a_trace(
    suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    monkeypatch.setattr("livecam.sinks._files.hidden", lambda path: path.with_name("work"))
    (tmp_path / "work").symlink_to("/dev/full")
    with pytest.raises(SinkError, match="No space left") as raised, VideoSink(tmp_path / f"a{suffix}") as sink:
        for number in range(200):
            sink.write(annotated(number, image=np.random.default_rng(number).integers(0, 255, (48, 64, 3), np.uint8)))
    assert isinstance(raised.value.__cause__, OSError)
    assert list(tmp_path.iterdir()) == []
