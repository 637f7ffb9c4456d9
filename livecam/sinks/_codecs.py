"""Which encoder stands behind a ``--codec``, what is good for it, and which containers hold what it makes."""

from __future__ import annotations

import os
from dataclasses import dataclass
from fractions import Fraction

from livecam._av import av
from livecam.errors import ConfigError
from livecam.planes import CODES, Matrix
from livecam.sinks import SinkOptions
from livecam.threads import cores

FORMATS = {".mp4": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm"}
"""File suffix → FFmpeg's muxer."""

USUAL_RATES = (1.0, 240.0)
LIMITED = 1  # AVCOL_RANGE_MPEG


@dataclass(frozen=True, slots=True)
class Coding:
    """An encoder of FFmpeg. ``crf`` and ``preset``: the encoder's option, and our default value of it.

    live: options by which every picture leaves the encoder at once. tag: what players expect in mp4 and mov.
    """

    encoder: str
    crf: tuple[str, int]
    preset: tuple[str, str]
    suffixes: tuple[str, ...]
    options: tuple[tuple[str, str], ...] = ()
    live: tuple[tuple[str, str], ...] = ()
    tag: str | None = None


CODECS = {
    "h264": Coding(
        "libx264",
        crf=("crf", 20),
        preset=("preset", "veryfast"),
        suffixes=(".mp4", ".mov", ".mkv"),
        options=(("profile", "high"),),
        live=(("tune", "zerolatency"), ("forced-idr", "1")),
    ),
    "h265": Coding(
        "libx265",
        crf=("crf", 24),
        preset=("preset", "veryfast"),
        suffixes=(".mp4", ".mov", ".mkv"),
        options=(("x265-params", "log-level=none"),),
        live=(("tune", "zerolatency"), ("forced-idr", "1")),
        tag="hvc1",
    ),
    "av1": Coding(
        "libsvtav1",
        crf=("crf", 32),
        preset=("preset", "8"),
        suffixes=(".mp4", ".mkv", ".webm"),
        live=(("svtav1-params", "pred-struct=1:lookahead=0"),),
    ),
    "vp9": Coding(
        "libvpx-vp9",
        crf=("crf", 31),
        preset=("cpu-used", "4"),
        suffixes=(".mp4", ".mkv", ".webm"),
        options=(("row-mt", "1"),),
        live=(("deadline", "realtime"), ("lag-in-frames", "0")),
    ),
    "nvenc": Coding(
        "h264_nvenc",
        crf=("cq", 23),
        preset=("preset", "p4"),
        suffixes=(".mp4", ".mov", ".mkv"),
        options=(("rc", "vbr"), ("profile", "high")),
        live=(("tune", "ull"), ("delay", "0"), ("forced-idr", "1")),
    ),
}


def encoders_here() -> dict[str, bool]:
    """``--codec`` → is its encoder in this build of FFmpeg? (``nvenc`` may still lack its hardware.)"""
    return {codec: coding.encoder in av.codecs_available for codec, coding in CODECS.items()}


def choose(suffix: str, options: SinkOptions) -> Coding:
    """The coding for a file of this suffix, known to be there and to take the options. Raises ConfigError."""
    codec = options.codec
    if codec not in CODECS:
        raise ConfigError(f"--codec {codec}: not one of {', '.join(CODECS)}")
    coding = CODECS[codec]
    if suffix not in coding.suffixes:
        fitting = ", ".join(name for name, other in CODECS.items() if suffix in other.suffixes)
        raise ConfigError(
            f"--codec {codec}: a {suffix} file cannot hold it; use --codec {fitting}, or {', '.join(coding.suffixes)}"
        )
    try:
        context = av.VideoCodecContext.create(coding.encoder, "w")
    except ValueError as exc:
        raise ConfigError(
            f"--codec {codec}: this build of FFmpeg has no {coding.encoder}; use another --codec"
        ) from exc
    assert isinstance(context, av.VideoCodecContext)
    context.time_base = Fraction(1, 30)
    configure(context, coding, options, size=(256, 256), rate=Fraction(30))
    open_encoder(context, options)
    return coding


def configure(
    context: av.VideoCodecContext,
    coding: Coding,
    options: SinkOptions,
    *,
    size: tuple[int, int],
    rate: Fraction,
    matrix: Matrix = "bt709",
) -> None:
    """Set up an encoder for pictures of ``size`` (H, W), yuv420p, tagged with ``matrix`` and limited range."""
    crf, preset = coding.crf, coding.preset
    context.height, context.width = size
    context.pix_fmt = "yuv420p"
    context.framerate = rate
    context.gop_size = max(1, round(rate * (1 if options.live else 2)))
    # PyAV's default, SLICE, costs x264 a good part of its compression; live, slices are what keeps it without delay.
    context.thread_type = "SLICE" if options.live else "AUTO"
    context.thread_count = cores()  # x264's own choice, half as many again, takes more memory and no less time
    context.flags |= av.codec.context.Flags.frame_duration
    context.color_primaries = context.color_trc = context.colorspace = CODES[matrix]
    context.color_range = LIMITED
    context.options = {
        crf[0]: str(crf[1] if options.crf is None else options.crf),
        preset[0]: options.preset or preset[1],
        **dict(coding.options),
        **(dict(coding.live) if options.live else {}),
    }


def sane_rate(fps: float) -> Fraction:
    """A rate for the encoder's own book-keeping; the times of the pictures do not depend on it."""
    low, high = USUAL_RATES
    return Fraction(fps).limit_denominator(1001) if low <= fps <= high else Fraction(30)


def open_encoder(context: av.VideoCodecContext, options: SinkOptions) -> None:
    """Raises ConfigError when the encoder does not take the options or the size."""
    os.environ.setdefault("SVT_LOG", "1")  # SVT-AV1 greets on stderr, whatever FFmpeg's log level
    codec = options.codec
    try:
        context.open()
    except (av.FFmpegError, OSError) as exc:
        if codec == "nvenc":
            raise ConfigError(
                "--codec nvenc: no NVIDIA encoder answers; check the driver, or use --codec h264"
            ) from exc
        given = {"--crf": options.crf, "--preset": options.preset}
        flags = "".join(f" {flag} {value}" for flag, value in given.items() if value is not None)
        size = f"{context.width}×{context.height}"
        raise ConfigError(f"--codec {codec}{flags}: the encoder refuses that for {size} pictures; change it") from exc
    assert not context.options, f"{context.name} does not know {context.options}"
