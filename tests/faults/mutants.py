"""Clips of many containers, and damaged copies of them: the same seed gives the same bytes."""

from __future__ import annotations

import io
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np

from livecam._av import av

SIZE = (160, 96)
PICTURES = 24
RATE = 44100
# container → codecs of pictures and sound
CLIPS = {
    "mp4": ("libx264", "aac"),
    "mkv": ("libx265", "libopus"),
    "webm": ("libvpx-vp9", "libopus"),
    "mov": ("mjpeg", "pcm_s16le"),
    "avi": ("mpeg4", "libmp3lame"),
    "ts": ("mpeg2video", "mp2"),
    "flv": ("flv", "aac"),
    "gif": ("gif", None),
}
OPTIONS = {"libx264": {"preset": "ultrafast"}, "libx265": {"x265-params": "log-level=none"}}
SHORT = 60  # packets that are kept of a long clip
HEAD = 512  # bytes in which containers and streams are described


def make_clips(sample: Path, folder: Path) -> list[Path]:
    """The first pictures of ``sample``, small, with a tone, in each container."""
    with av.open(str(sample)) as source:
        frames = [frame for frame, _ in zip(source.decode(video=0), range(PICTURES), strict=False)]
    return [_encoded(folder / f"base.{suffix}", frames, *codecs) for suffix, codecs in CLIPS.items()]


def _encoded(path: Path, frames: list[av.VideoFrame], pictures: str, sound: str | None) -> Path:
    pix_fmt = {"gif": "rgb8", "mjpeg": "yuvj420p"}.get(pictures, "yuv420p")
    with av.open(str(path), "w") as out:
        video = out.add_stream(pictures, rate=25, options=OPTIONS.get(pictures, {}))
        video.width, video.height, video.pix_fmt = *SIZE, pix_fmt
        audio = out.add_stream(sound, rate=48000 if sound == "libopus" else RATE) if sound else None
        for number, frame in enumerate(frames):
            small = frame.reformat(*SIZE, format=pix_fmt)
            small.pts, small.time_base = number, Fraction(1, 25)
            out.mux(video.encode(small))
        out.mux(video.encode(None))
        if audio is not None:
            _add_tone(out, audio)
    return path


def _add_tone(out: av.container.OutputContainer, audio: av.AudioStream) -> None:
    tone = (3000 * np.sin(np.arange(audio.rate) / 20)).astype(np.int16)[None]
    frame = av.AudioFrame.from_ndarray(tone, format="s16", layout="mono")
    frame.sample_rate, frame.pts = audio.rate, 0
    for part in av.AudioResampler(audio.format, audio.layout, audio.rate, audio.frame_size or 1024).resample(frame):
        out.mux(audio.encode(part))
    out.mux(audio.encode(None))


def shortened(clip: Path, folder: Path) -> Path:
    """The beginning of ``clip``, packets as they are; the whole clip where its container cannot be written."""
    path = folder / f"short-{clip.name}"
    try:
        with av.open(str(clip)) as source, av.open(str(path), "w") as out:
            streams = [one for one in source.streams if one.type in ("video", "audio")]
            targets = {one.index: out.add_stream_from_template(one) for one in streams}
            for packet, _ in zip(source.demux(streams), range(SHORT), strict=False):
                if packet.dts is not None:
                    packet.stream = targets[packet.stream_index]
                    out.mux(packet)
    except (av.FFmpegError, ValueError):
        path.write_bytes(clip.read_bytes())
    return path


Damage = Callable[[np.random.Generator, bytearray], bytearray]


def mutant(clip: bytes, seed: int) -> bytes:
    """A damaged copy of ``clip``: one to three kinds of damage, chosen by ``seed``."""
    random, data = np.random.default_rng(seed), bytearray(clip)
    for _ in range(int(random.integers(1, 4))):
        data = KINDS[int(random.integers(len(KINDS)))](random, data) or bytearray(b"\0")
    return bytes(data)


def _place(random: np.random.Generator, data: bytearray) -> tuple[int, int]:
    """Begin and end of a part, mostly short."""
    begin = int(random.integers(len(data)))
    return begin, min(begin + int(2 ** random.uniform(0, 12)), len(data))


def _bits(random: np.random.Generator, data: bytearray) -> bytearray:
    for place in random.integers(len(data), size=int(2 ** random.uniform(0, 8))):
        data[place] ^= 1 << int(random.integers(8))
    return data


def _head(random: np.random.Generator, data: bytearray) -> bytearray:
    for place in random.integers(min(HEAD, len(data)), size=int(random.integers(1, 9))):
        data[place] = int(random.integers(256))
    return data


def _numbers(random: np.random.Generator, data: bytearray) -> bytearray:
    """Sizes, counts and offsets that are extreme."""
    for place in random.integers(len(data), size=int(random.integers(1, 9))):
        extreme = (0, 1, 2**31 - 1, 2**31, 2**32 - 1)[int(random.integers(5))]
        data[place : place + 4] = extreme.to_bytes(4, "big")
    return data


def _noise(random: np.random.Generator, data: bytearray) -> bytearray:
    begin, end = _place(random, data)
    data[begin:end] = random.bytes(end - begin)
    return data


def _zeros(random: np.random.Generator, data: bytearray) -> bytearray:
    begin, end = _place(random, data)
    data[begin:end] = bytes(end - begin)
    return data


def _missing(random: np.random.Generator, data: bytearray) -> bytearray:
    begin, end = _place(random, data)
    del data[begin:end]
    return data


def _twice(random: np.random.Generator, data: bytearray) -> bytearray:
    begin, end = _place(random, data)
    data[begin:begin] = data[begin:end]
    return data


def _moved(random: np.random.Generator, data: bytearray) -> bytearray:
    begin, end = _place(random, data)
    part = data[begin:end]
    del data[begin:end]
    place = int(random.integers(len(data) + 1))
    data[place:place] = part
    return data


def _cut(random: np.random.Generator, data: bytearray) -> bytearray:
    return data[: int(random.integers(len(data)))]


def _payloads(random: np.random.Generator, data: bytearray) -> bytearray:
    """Packets damaged inside a sound container: what a bad camera or a lossy network leaves."""
    made = io.BytesIO()
    try:
        with av.open(io.BytesIO(bytes(data))) as source:
            streams = [one for one in source.streams if one.type in ("video", "audio")]
            with av.open(made, "w", format="matroska") as out:
                targets = {one.index: out.add_stream_from_template(one) for one in streams}
                for packet in source.demux(streams):
                    if packet.dts is None:
                        continue
                    body = bytearray(packet)
                    if body and random.random() < 0.3:
                        body = (_bits, _noise, _cut)[int(random.integers(3))](random, body)
                    other = av.Packet(bytes(body))
                    other.pts, other.dts, other.time_base = packet.pts, packet.dts, packet.time_base
                    other.is_keyframe = packet.is_keyframe
                    other.stream = targets[packet.stream_index]
                    out.mux(other)
    except (av.FFmpegError, ValueError, MemoryError):
        return _bits(random, data)
    return bytearray(made.getvalue())


KINDS: tuple[Damage, ...] = (
    _bits,
    _head,
    _numbers,
    _noise,
    _zeros,
    _missing,
    _twice,
    _moved,
    _cut,
    _payloads,
)
