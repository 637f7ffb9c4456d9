"""Made-up pictures and media, and readers that know nothing of the sinks."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from livecam._av import av
from livecam.types import AnnotatedFrame, Explanation, Frame, Prediction, RunInfo, SourceInfo

TB = Fraction(1, 12800)


def picture(number: int = 0, size: tuple[int, int] = (48, 64)) -> np.ndarray:
    height, width = size
    image = np.zeros((height, width, 3), np.uint8)
    image[..., 0] = np.linspace(0, 255, width, dtype=np.uint8)
    image[..., 1] = (number * 8) % 256
    image[..., 2] = np.linspace(0, 255, height, dtype=np.uint8)[:, None]
    return image


def annotated(number: int = 0, **of_frame: Any) -> AnnotatedFrame:
    image = of_frame.pop("image", None)
    image = picture(number) if image is None else image
    ticks = of_frame.setdefault("ticks", number * 512)
    of_frame.setdefault("pts", float(ticks * TB))
    of_frame.setdefault("captured_at", 100.0 + number / 25)
    of_frame.setdefault("duration", 512)
    return AnnotatedFrame(Frame(image, number, **of_frame), image, explanation(number), 0)


def explanation(number: int = 0) -> Explanation:
    cam = np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4)
    top = (Prediction(7, "Dösenöffner", 0.75), Prediction(3, "dog", 0.125))
    return Explanation(number, 7, top, cam, 12.3456789, "gradcam", "blocks.6", 0.01)


def run(**of_source: Any) -> RunInfo:
    of_source = {"name": "clip.mp4", "width": 64, "height": 48, "fps": 25.0, "time_base": TB} | of_source
    return RunInfo(SourceInfo(**of_source), "net", "gradcam", "blocks.6", 1000)


class Seen(NamedTuple):
    """A decoded picture: media seconds, seconds shown, (H, W) uint8 luma."""

    time: Fraction
    duration: Fraction
    luma: np.ndarray


def pictures(path: Path) -> list[Seen]:
    """Every picture that decodes, damaged packets left out."""
    seen = []
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        for packet in container.demux(stream):
            try:
                frames = packet.decode()
            except av.FFmpegError:
                continue
            for frame in frames:
                luma = frame.to_ndarray(format="gray")
                seen.append(Seen(frame.pts * stream.time_base, frame.duration * stream.time_base, luma))
    return seen


def times(path: Path) -> list[Fraction]:
    return [one.time for one in pictures(path)]


class Piece(NamedTuple):
    """An audio packet: media seconds, seconds, bytes."""

    time: Fraction
    duration: Fraction
    data: bytes


def audio(path: Path) -> list[list[Piece]]:
    """The packets of every audio track."""
    tracks = []
    with av.open(str(path)) as container:
        indices = [stream.index for stream in container.streams.audio]
    for index in indices:
        with av.open(str(path)) as container:
            packets = [one for one in container.demux(container.streams[index]) if one.size]
            tracks.append([Piece(one.pts * one.time_base, one.duration * one.time_base, bytes(one)) for one in packets])
    return tracks


def make_media(
    path: Path,
    *,
    codecs: tuple[str, ...] = ("aac",),
    seconds: float = 2.0,
    start: float = 0.0,
    channels: str = "stereo",
) -> Path:
    """A clip of 25 pictures a second with a tone of its own for every audio track, written without our sinks."""
    rate = 48000
    with av.open(str(path), "w") as container:
        video = container.add_stream("mpeg4", rate=25, width=64, height=48, pix_fmt="yuv420p", bit_rate=200_000)
        tracks = []
        for codec in codecs:
            track = container.add_stream(codec, rate=rate)
            track.codec_context.layout = channels
            if codec == "vorbis":
                track.codec_context.options = {"strict": "-2"}  # FFmpeg calls its own an experiment
            tracks.append(track)
        step = Fraction(1, 25)
        for number in range(round(seconds * 25)):
            frame = av.VideoFrame.from_ndarray(picture(number), "rgb24")
            frame.pts, frame.time_base = number + round(start * 25), step
            container.mux(video.encode(frame))
            for index, track in enumerate(tracks):
                container.mux(track.encode(_tone(number, index, rate, start, channels)))
        for stream in (video, *tracks):
            container.mux(stream.encode(None))
    return path


def _tone(number: int, index: int, rate: int, start: float, channels: str) -> av.AudioFrame:
    count = rate // 25
    at = (np.arange(count) + number * count) / rate
    wave = (np.sin(2 * np.pi * 220 * (index + 1) * at) * 8000).astype(np.int16)
    wide = np.repeat(wave, 2) if channels == "stereo" else wave
    frame = av.AudioFrame.from_ndarray(wide[None], "s16", channels)
    frame.sample_rate, frame.time_base, frame.pts = rate, Fraction(1, rate), number * count + round(start * rate)
    return frame
