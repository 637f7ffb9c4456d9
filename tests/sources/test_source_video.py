from __future__ import annotations

import threading
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from source_helpers import CORNERS, corners, quarter_names, read_all, write_video

from livecam._av import av
from livecam.errors import SourceError, SourceLost, SourceNotFound
from livecam.sources import SourceOptions, open_source
from livecam.sources._decoder import Decoder
from livecam.sources._picture import Converter
from livecam.sources.synthetic import read_frame_number
from livecam.sources.video import VideoSource


def numbered(count: int, size: str = "192x128") -> list[np.ndarray]:
    return [f.image for f in read_all(open_source(f"test://?size={size}&frames={count}"))]


def test_a_plain_file(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", numbered(30))
    with open_source(str(path)) as source:
        info = source.info
        frames = read_all(source)
    assert (info.width, info.height, info.fps, info.frames, info.live) == (192, 128, 25.0, 30, False)
    assert info.duration_s == pytest.approx(1.2)
    assert info.media == str(path)
    assert [f.index for f in frames] == list(range(30))
    assert [read_frame_number(f.image) for f in frames] == list(range(30))
    assert [f.pts for f in frames] == pytest.approx([i / 25 for i in range(30)])
    assert [Fraction(f.ticks) * info.time_base for f in frames] == [Fraction(i, 25) for i in range(30)]
    assert all(Fraction(f.duration) * info.time_base == Fraction(1, 25) for f in frames)
    assert all(f.image.flags.owndata and f.image.flags.c_contiguous and f.image.flags.writeable for f in frames)
    assert source.decode_errors == 0


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
@pytest.mark.parametrize(
    "times",
    [[0, 40, 50, 200, 1000], [10_000, 10_033, 10_066], [0, 1, 2, 3]],
    ids=["variable", "late start", "dense"],
)
def test_times_are_kept_exactly(tmp_path: Path, times: list[int], suffix: str) -> None:
    path = write_video(
        tmp_path / f"a.{suffix}", [corners()] * len(times), pts=times, time_base=Fraction(1, 1000), options={"bf": "0"}
    )
    with open_source(str(path)) as source:
        got = [Fraction(f.ticks) * source.info.time_base for f in read_all(source)]
    assert got == [Fraction(t, 1000) for t in times]


@pytest.mark.parametrize(
    ("turn", "expected"),
    [
        ((90, False, False), ["green", "grey", "red", "blue"]),
        ((180, False, False), ["grey", "blue", "green", "red"]),
        ((270, False, False), ["blue", "red", "grey", "green"]),
        ((0, True, False), ["green", "red", "grey", "blue"]),
        ((0, False, True), ["blue", "grey", "red", "green"]),
    ],
    ids=["90", "180", "270", "mirrored", "upside down"],
)
def test_the_picture_is_turned_upright(tmp_path: Path, turn: tuple[int, bool, bool], expected: list[str]) -> None:
    path = write_video(tmp_path / "a.mp4", [corners()] * 2, setup=lambda s: s.set_display_rotation(*turn))
    with open_source(str(path)) as source:
        size = (source.info.width, source.info.height)
        image = read_all(source)[0].image
    assert size == ((64, 96) if turn[0] in (90, 270) else (96, 64))
    assert image.shape == (size[1], size[0], 3)
    assert quarter_names(image) == expected


def test_pixel_aspect_turns_with_the_picture(tmp_path: Path) -> None:
    def wide(stream: av.VideoStream) -> None:
        stream.codec_context.sample_aspect_ratio = Fraction(4, 3)

    def wide_turned(stream: av.VideoStream) -> None:
        wide(stream)
        stream.set_display_rotation(90)

    flat = write_video(tmp_path / "flat.mkv", [corners()] * 2, setup=wide)
    turned = write_video(tmp_path / "turned.mp4", [corners()] * 2, setup=wide_turned)
    with open_source(str(flat)) as a, open_source(str(turned)) as b:
        assert (a.info.pixel_aspect, b.info.pixel_aspect) == (Fraction(4, 3), Fraction(3, 4))


HALVED = ("yuv420p", "yuv422p", "yuv420p10le", "yuvj420p")  # in H.264, even sizes only
WHOLE = ("yuv444p", "gray")


@pytest.mark.parametrize(
    ("pix_fmt", "size"),
    [*((pix_fmt, (96, 64)) for pix_fmt in HALVED + WHOLE), *((pix_fmt, (97, 65)) for pix_fmt in WHOLE)],
)
def test_every_format_gives_rgb(tmp_path: Path, pix_fmt: str, size: tuple[int, int]) -> None:
    path = write_video(tmp_path / "a.mkv", [corners(*size)] * 3, pix_fmt=pix_fmt, options={"crf": "5"})
    frames = read_all(open_source(str(path)))
    assert [(f.image.shape, f.image.dtype) for f in frames] == [((size[1], size[0], 3), np.dtype(np.uint8))] * 3
    pixel = frames[0].image[10, 10].astype(int)
    wanted = np.full(3, 0.299 * 220 + 0.587 * 40 + 0.114 * 40) if pix_fmt == "gray" else np.array(CORNERS["red"])
    assert np.abs(pixel - wanted).max() <= 5


def test_odd_sizes_with_halved_chroma(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mkv", [corners(97, 65)] * 2, codec="ffv1")
    assert read_all(open_source(str(path)))[0].image.shape == (65, 97, 3)


def test_alpha_is_dropped(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mkv", [corners()] * 2, codec="ffv1", pix_fmt="yuva420p")
    assert quarter_names(read_all(open_source(str(path)))[0].image) == ["red", "green", "blue", "grey"]


def yuv_frame(height: int, matrix: int, colour_range: int, pix_fmt: str = "yuv420p") -> tuple[av.VideoFrame, list[int]]:
    frame = av.VideoFrame(64, height, pix_fmt)
    values = [110, 90, 190]
    for plane, value in zip(frame.planes, values, strict=True):
        plane.update(bytes([value]) * plane.buffer_size)
    frame.colorspace, frame.color_range = matrix, colour_range
    return frame, values


@pytest.mark.parametrize(
    ("height", "matrix", "weights"),
    [
        (480, 2, (0.299, 0.114)),
        (720, 2, (0.2126, 0.0722)),
        (480, 1, (0.2126, 0.0722)),
        (720, 6, (0.299, 0.114)),
        (720, 5, (0.299, 0.114)),
        (480, 9, (0.2627, 0.0593)),
        (480, 3, (0.299, 0.114)),
    ],
)
@pytest.mark.parametrize("full", [False, True], ids=["limited", "full"])
@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv444p"])
def test_colours_follow_matrix_and_range(
    height: int, matrix: int, weights: tuple[float, float], full: bool, pix_fmt: str
) -> None:
    frame, (luma, blue, red) = yuv_frame(height, matrix, 2 if full else 1, pix_fmt)
    kr, kb = weights
    y, u, v = (luma - (0 if full else 16)) / (255 if full else 219), blue - 128, red - 128
    u, v = u / (255 if full else 224), v / (255 if full else 224)
    r, b = y + 2 * (1 - kr) * v, y + 2 * (1 - kb) * u
    g = (y - kr * r - kb * b) / (1 - kr - kb)
    wanted = np.clip([r, g, b], 0, 1) * 255
    assert np.abs(Converter()(frame)[height // 2, 32] - wanted).max() <= 3


def hdr_grey(code: int, transfer: int) -> int:
    """10-bit limited-range grey → the level that it becomes."""
    frame = av.VideoFrame(32, 32, "yuv420p10le")
    for plane, value in zip(frame.planes, (code, 512, 512), strict=True):
        plane.update(np.full(plane.buffer_size // 2, value, "<u2").tobytes())
    frame.colorspace, frame.color_range, frame.color_trc, frame.color_primaries = 9, 1, transfer, 9
    pixel = Converter()(frame)[16, 16].astype(int)
    assert np.ptp(pixel) <= 2, "grey stays grey"
    return int(pixel[1])


@pytest.mark.parametrize(("transfer", "white"), [(18, 0.75), (16, 0.58)], ids=["HLG", "PQ"])
def test_hdr_becomes_sdr(transfer: int, white: float) -> None:
    levels = [hdr_grey(round(64 + 876 * signal), transfer) for signal in np.linspace(0, 1, 12)]
    assert levels == sorted(levels)
    assert levels[0] <= 1
    assert levels[-1] == 255
    assert 205 <= hdr_grey(round(64 + 876 * white), transfer) <= 240  # reference white, with room above


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
def test_a_part_of_a_recording(tmp_path: Path, suffix: str) -> None:
    path = write_video(tmp_path / f"a.{suffix}", numbered(60), options={"g": "12", "bf": "2"})
    with open_source(str(path)) as whole:
        every = read_all(whole)
    with open_source(str(path), SourceOptions(start_s=0.72, duration_s=0.4)) as source:
        info = source.info
        part = read_all(source)
    assert [read_frame_number(f.image) for f in part] == list(range(18, 28))
    assert [f.ticks for f in part] == [f.ticks for f in every[18:28]]
    assert [f.index for f in part] == list(range(10))
    assert info.start_s == pytest.approx(every[18].pts)
    assert info.stop_s == pytest.approx(every[28].pts)
    assert info.duration_s == pytest.approx(0.4)


def test_a_part_where_seeking_fails(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.h264", numbered(50), options={"bf": "0"})
    frames = read_all(open_source(str(path), SourceOptions(start_s=1.0)))
    assert [read_frame_number(f.image) for f in frames] == list(range(25, 50))


def test_a_part_beyond_the_end(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", [corners()] * 5)
    with pytest.raises(SourceError, match="start earlier"):
        open_source(str(path), SourceOptions(start_s=100))


def test_pictures_without_a_time(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.h264", numbered(10), options={"bf": "0"})
    frames = read_all(source := open_source(str(path)))
    assert [f.pts for f in frames] == pytest.approx([i / 25 for i in range(10)])
    assert source.info.frames == 0


def test_damage_is_skipped_counted_and_always_the_same(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", numbered(60), options={"g": "10"})
    with av.open(str(path)) as container:
        packets = [p for p in container.demux(video=0) if p.size]
    content = bytearray(path.read_bytes())
    start = packets[33].pos
    content[start : start + 4] = b"\xff\xff\xff\xff"  # the length of its first NAL unit
    path.write_bytes(content)
    runs = []
    for _ in range(3):
        frames = read_all(source := open_source(str(path)))
        runs.append(
            ([f.ticks for f in frames], source.decode_errors, [read_frame_number(f.image) for f in frames][-20:])
        )
    assert runs[0] == runs[1] == runs[2]
    assert runs[0][1] == 1
    assert len(runs[0][0]) >= 59
    assert runs[0][2] == list(range(40, 60)), "whole again from the next key frame on"


@pytest.mark.parametrize(("suffix", "options"), [("mp4", {"movflags": "+faststart"}), ("mkv", {}), ("ts", {})])
def test_a_file_that_is_cut_off(tmp_path: Path, suffix: str, options: dict[str, str]) -> None:
    path = write_video(tmp_path / f"a.{suffix}", numbered(60), options={"g": "10"}, container=options)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 2 // 3])
    frames = read_all(open_source(str(path)))
    assert 25 <= len(frames) < 60
    assert [read_frame_number(f.image) for f in frames[:25]] == list(range(25))


def audio_only(path: Path) -> Path:
    with av.open(str(path), "w") as out:
        stream = out.add_stream("aac", rate=44100, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate, frame.pts = 44100, 0
        out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return path


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def test_what_is_no_video(tmp_path: Path) -> None:
    cases = {
        audio_only(tmp_path / "sound.mp4"): "only sound",
        written(tmp_path / "empty.mp4", b""): "is empty",
        written(tmp_path / "text.mp4", b"not a video at all\n" * 50): "no video",
    }
    for path, words in cases.items():
        with pytest.raises(SourceError, match=words) as caught:
            open_source(str(path))
        assert caught.value.exit_code == 3
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)
        assert "Errno" not in str(caught.value)


@pytest.mark.parametrize("name", ["absent.mp4", "absent", "nowhere/clip.mkv"])
def test_a_file_that_is_not_there(tmp_path: Path, name: str) -> None:
    with pytest.raises(SourceNotFound, match="no such file"):
        open_source(str(tmp_path / name))


def test_file_address_with_spaces_and_colons(tmp_path: Path) -> None:
    folder = tmp_path / "a b"
    folder.mkdir()
    path = write_video(folder / "x.mp4", [corners()] * 2)
    assert len(read_all(open_source(path.as_uri()))) == 2
    strange = path.rename(folder / "12:30 [1].mp4")
    assert len(read_all(open_source(str(strange)))) == 2


@pytest.mark.parametrize("address", ["rtsp://me:secret@127.0.0.1:9/cam", "http://me:secret@127.0.0.1:9/cam"])
def test_a_server_that_is_not_there(address: str) -> None:
    with pytest.raises(SourceNotFound, match="connection refused") as caught:
        open_source(address, SourceOptions(timeout_s=2))
    assert "secret" not in str(caught.value)
    assert "me:***@" in str(caught.value)


def test_a_stream_that_breaks_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_video(tmp_path / "a.ts", numbered(30))
    source = VideoSource(str(path), SourceOptions())
    monkeypatch.setattr(source, "_path", None)

    class Broken:
        errors = 0

        def __iter__(self) -> Broken:
            return self

        def __next__(self) -> None:
            raise av.ExitError(1414092869, "gone")

        def close(self) -> None:
            pass

    source._recording.close()
    monkeypatch.setattr(source, "_recording", Broken())
    assert source.read() is not None  # the picture that was read to open it
    with pytest.raises(SourceLost, match="broke off: no answer within 10 s"):
        source.read()
    source.close()


def test_a_picture_of_another_size_is_scaled(tmp_path: Path) -> None:
    parts = [
        write_video(tmp_path / "a.h264", [corners(96, 64)] * 3),
        write_video(tmp_path / "b.h264", [corners(192, 128)] * 3),
    ]
    both = written(tmp_path / "both.h264", b"".join(p.read_bytes() for p in parts))
    frames = read_all(open_source(str(both)))
    assert [f.image.shape for f in frames] == [(64, 96, 3)] * 6
    assert quarter_names(frames[-1].image) == ["red", "green", "blue", "grey"]


def test_close_while_another_thread_reads(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", numbered(60))
    for _ in range(20):
        source = open_source(str(path))
        started = threading.Event()

        def read(source=source, started=started) -> None:
            while source.read() is not None:
                started.set()

        reader = threading.Thread(target=read)
        reader.start()
        assert started.wait(20)
        source.close()
        reader.join(20)
        assert not reader.is_alive()
        assert source.read() is None


def test_a_fast_decoder_gives_up_on_damage_and_a_careful_one_counts(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", numbered(20))
    decoder = Decoder(str(path), {}, None, careful=True, network=False)
    assert sum(1 for _ in decoder) == 20
    assert decoder.errors == 0
    decoder.close()
