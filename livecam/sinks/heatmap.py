"""``heatmap://out.mkv``: the heat of every picture as a grey recording, without loss."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from livecam._av import av
from livecam.errors import ConfigError, SinkError
from livecam.sinks import SINKS, SinkOptions
from livecam.sinks._codecs import FORMATS, sane_rate
from livecam.sinks._file_sink import FileSink
from livecam.sinks._timeline import timeline
from livecam.sinks.video import LIVE_MUXER, MP4, PLAYABLE
from livecam.types import AnnotatedFrame, Image, RunInfo

SCHEME = "heatmap://"
ENCODERS: dict[str, tuple[str, dict[str, str]]] = {
    ".mkv": ("ffv1", {"level": "3", "slicecrc": "1"}),
    ".mp4": ("libx264", {"qp": "0", "preset": "ultrafast", "bf": "0"}),
    ".mov": ("libx264", {"qp": "0", "preset": "ultrafast", "bf": "0"}),
}
"""Suffix → an encoder without loss, and its options. mp4 and mov have the times exactly, mkv in milliseconds."""
FULL = 2  # AVCOL_RANGE_JPEG: a byte is a byte, also where a decoder takes grey for luma
KEY_PICTURES = 25  # at most so many pictures until the next: a live recording that is killed ends at the last one


class HeatmapSink(FileSink):
    """Writes FFV1 or H.264 without loss, (H, W) grey as large as the source's pictures: a byte is a pixel's heat × 255.

    Times are those of the source, live of the capture. A picture without an explanation is black. A conversion appears
    when it is complete; a live recording is readable at any moment. Raises ConfigError for another kind of file,
    SinkError when writing fails or the pictures change their size.
    """

    def __init__(self, path: Path, options: SinkOptions | None = None, run: RunInfo | None = None) -> None:
        if path.suffix.lower() not in ENCODERS:
            raise ConfigError(f"{path}: heat is recorded without loss: name a {', '.join(ENCODERS)} file")
        super().__init__(path, options or SinkOptions())
        self._rate = sane_rate(run.source.fps if run else 0.0)
        self._timeline = timeline(run.source if run else None, self._options)
        self._size: tuple[int, int] | None = None
        self._packets = 0

    @staticmethod
    def matches(spec: str) -> bool:
        return spec.startswith(SCHEME)

    @staticmethod
    def open(spec: str, options: SinkOptions, run: RunInfo | None) -> HeatmapSink:
        return HeatmapSink(Path(spec.removeprefix(SCHEME)), options, run)

    def write(self, annotated: AnnotatedFrame) -> bool:
        with self._lock:
            self.check_open()
            shown = self._timeline.place(annotated.frame)
            if shown is None:
                return True
            heat = grey(annotated)
            with self._guarded():
                if self._size is None:
                    self._start(heat.shape[:2])
                if heat.shape != self._size:
                    raise SinkError(f"{self._path}: the picture has become another size; begin a new output")
                frame = av.VideoFrame.from_numpy_buffer(heat, "gray")
                frame.color_range = FULL
                frame.pts, frame.duration, frame.time_base = shown.ticks, shown.duration, self._timeline.time_base
                self._mux(self._stream.encode(frame))
        return True

    def _complete(self) -> None:
        if self._size is None:
            self._file.discard()
            return
        self._mux(self._stream.encode(None))
        self._container.close()
        self._file.commit()

    def _start(self, size: tuple[int, int]) -> None:
        suffix = self._path.suffix.lower()
        name, (encoder, coding) = FORMATS[suffix], ENCODERS[suffix]
        options = LIVE_MUXER[name] if self._options.live else self._exact(name)
        self._container = av.open(f"file:{self._file.work}", "w", format=name, options=options)
        stream = self._container.add_stream(encoder, rate=self._rate, options=coding)
        assert isinstance(stream, av.VideoStream)
        stream.height, stream.width = self._size = size
        stream.pix_fmt, stream.gop_size, stream.codec_context.color_range = "gray", KEY_PICTURES, FULL
        stream.time_base = stream.codec_context.time_base = self._timeline.time_base
        self._stream = stream

    def _mux(self, packets: list[av.Packet[av.VideoStream]]) -> None:
        self._container.mux(packets)
        self._packets += len(packets)
        if self._options.live and self._packets >= PLAYABLE:
            self._file.commit()

    def _exact(self, name: str) -> dict[str, str]:
        """In mp4 and mov, a film that does not begin at 0 begins at a tick of this clock; by itself, a millisecond."""
        clock = self._timeline.time_base.denominator
        return {"movie_timescale": str(clock)} if name in MP4 and clock < 2**31 else {}

    def _release(self) -> None:
        if self._size is not None:
            self._container.close()


def grey(annotated: AnnotatedFrame) -> Image:
    """(H, W) uint8 of the source's picture: the heat of each pixel in steps of 1/255."""
    picture, explanation = annotated.frame.picture, annotated.explanation
    height, width = picture.shape[:2]
    if explanation is None:
        return np.zeros((height, width), np.uint8)
    return np.rint(explanation.heatmap((height, width), picture) * 255).astype(np.uint8)


SINKS.add("heatmap", HeatmapSink)
