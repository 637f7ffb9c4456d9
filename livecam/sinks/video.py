"""``out.mp4``: recording, at the speed at which it happened."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

from livecam._av import av
from livecam.errors import SinkError
from livecam.sinks import SinkOptions
from livecam.sinks._codecs import FORMATS, choose, encoders_here, sane_rate
from livecam.sinks._encoding import Encoding
from livecam.sinks._file_sink import FileSink
from livecam.sinks._text_track import TextTrack
from livecam.sinks._timeline import timeline
from livecam.sinks.audio import AudioCopy
from livecam.types import AnnotatedFrame, Picture, RunInfo

__all__ = ["VideoSink", "encoders_here"]

VideoStream = av.VideoStream
MP4 = ("mp4", "mov")
MUXER = {"mp4": {"movflags": "+faststart"}, "mov": {"movflags": "+faststart"}}
LIVE_MUXER = {
    # Fragments alone do not survive a kill: FFmpeg's 32 KiB buffer must be flushed as well. One a picture costs less
    # than 200 bytes of each, and a file has a picture, and can be played, as soon as the second one has come.
    "mp4": {"movflags": "+hybrid_fragmented+frag_every_frame", "flush_packets": "1"},
    "mov": {"movflags": "+hybrid_fragmented+frag_every_frame", "flush_packets": "1"},
    "matroska": {"flush_packets": "1", "cluster_time_limit": "1"},
    "webm": {"flush_packets": "1", "cluster_time_limit": "1"},
}
# Microseconds for which a live muxer waits for a label that is not settled yet; FFmpeg's own ten seconds would be lost.
LABEL_WAIT = {"max_interleave_delta": "100000"}
# FFmpeg loses the picture before a label from fragments of one picture.
LABELLED = {name: LABEL_WAIT | {"movflags": "+hybrid_fragmented+frag_keyframe"} for name in MP4}
PLAYABLE = 2  # fragments that a muxer of these has begun, after which the first one is in the file


class VideoSink(FileSink):
    """Writes .mp4, .mov, .mkv or .webm with the times of the source (live: of the capture) and its audio.

    A conversion appears under its name when it is complete; a live recording is playable at any moment. Odd sizes are
    padded to even ones by repeating the edge. Planes are written as they are, in their matrix, RGB in BT.709, all in
    limited range. Matroska and WebM count in milliseconds, mp4 and mov exactly. With ``SinkOptions.subtitles`` the
    labels are a text track, and there are chapters.

    Raises ConfigError when codec and container do not fit or an option is refused, SinkError when writing fails.
    """

    def __init__(self, path: Path, options: SinkOptions | None = None, run: RunInfo | None = None) -> None:
        options = options or SinkOptions()
        self._source = run.source if run else None
        self._format = FORMATS[path.suffix.lower()]
        self._coding = choose(path.suffix.lower(), options)
        if self._source and self._source.media and _same(path, self._source.media):
            raise SinkError(f"{path}: is the input itself; choose another name")
        super().__init__(path, options)
        self._timeline = timeline(self._source, options)
        self._container: av.container.OutputContainer | None = None
        self._audio: AudioCopy | None = None
        self._text: TextTrack | None = None
        self._first: av.Packet[VideoStream] | None = None
        self._finished = False
        self._fragments = 0
        self._whole = 0

    @staticmethod
    def matches(spec: str) -> bool:
        return Path(spec).suffix.lower() in FORMATS and "://" not in spec

    def write(self, annotated: AnnotatedFrame) -> bool:
        """Take a frame; live, one that was captured at the time of the frame before is not written again."""
        with self._lock:
            self.check_open()
            shown = self._timeline.place(annotated.frame)
            if shown is None:
                return True
            if self._container is not None:  # what came before another size is finalised, and lacks nothing
                self._encoding.check_size(annotated.picture, str(self._path))
            with self._guarded():
                if self._container is None:
                    self._start(annotated.picture)
                if self._text:
                    self._text.take(annotated, shown)
                packets = self._stream.encode(self._encoding.frame(annotated.picture, shown))
                self._first = self._first or next(iter(packets), None)
                self._mux(packets)
        return True

    def finish(self) -> None:
        self._finished = True

    def _start(self, first: Picture) -> None:
        """Open the file and describe its streams; the first picture decides the size."""
        live, source = self._options.live, self._source
        options = (LIVE_MUXER if live else MUXER).get(self._format, {})
        if live and self._options.subtitles:
            options = options | LABELLED.get(self._format, LABEL_WAIT)
        self._container = av.open(f"file:{self._file.work}", "w", format=self._format, options=options)
        self._container.metadata.update({"comment": self._options.comment} if self._options.comment else {})
        self._stream = self._add_video(self._container, first)
        if source and source.media and self._options.audio and not live and not source.live:
            self._audio = AudioCopy(
                source.media,
                self._container,
                zero=self._timeline.zero,
                start=self._timeline.zero if source.start_s is not None else None,
                stop=None if source.stop_s is None else Fraction(source.stop_s),
            )
        if self._options.subtitles:
            self._text = TextTrack(self._container, self._timeline.time_base)
        if self._format in MP4 and not live:
            rates = self._audio.rates if self._audio else ()
            self._container.options["movie_timescale"] = str(common_clock(self._timeline.time_base, rates))

    def _add_video(self, container: av.container.OutputContainer, first: Picture) -> VideoStream:
        rate = sane_rate(self._source.fps if self._source else 0.0)
        stream = container.add_stream(self._coding.encoder, rate=rate)
        assert isinstance(stream, VideoStream)
        stream.time_base = self._timeline.time_base
        if self._coding.tag and self._format in MP4:
            stream.codec_context.codec_tag = self._coding.tag
        self._encoding = Encoding(
            stream.codec_context, self._coding, self._options, self._source, first, self._timeline.time_base
        )
        return stream

    def _mux(self, packets: Iterable[av.Packet[VideoStream]]) -> None:
        assert self._container is not None
        for packet in packets:
            if packet.pts is not None:
                for track in (self._audio, self._text):
                    if track:
                        track.until(packet.pts * packet.time_base)
            self._container.mux(packet)
            self._fragments += packet.is_keyframe if self._text and self._format in MP4 else 1
        if self._options.live:
            if self._fragments >= PLAYABLE:
                self._file.commit()
            self._whole = self._size()

    def _complete(self) -> None:
        if self._container is None:
            self._file.discard()
            return
        self._mux(self._lasting(self._stream.encode(None)))
        if self._audio:
            self._audio.until(None if self._finished else self._timeline.end)
            self._audio.flush()
            self._audio.close()
        if self._text:
            self._text.finish(self._timeline.end)
        self._container.close()
        self._file.commit()

    def _lasting(self, packets: list[av.Packet[VideoStream]]) -> list[av.Packet[VideoStream]]:
        """The last packets, such that in mp4 they end where the last picture does.

        Pictures of uneven length that are stored in another order than shown: mp4 adds up the steps between the stored
        ones, and would say that the film is shorter than it is.
        """
        if packets and self._format in MP4:
            first, last = self._first or packets[0], packets[-1]  # the first has been muxed: in the container's ticks
            stored = ((last.dts or 0) + (last.duration or 0)) * last.time_base - (first.dts or 0) * first.time_base
            shown = self._timeline.end - (first.pts or 0) * first.time_base
            last.duration = (last.duration or 0) + max(0, round((shown - stored) / last.time_base))
        return packets

    def _release(self) -> None:
        """What was recorded live stays, up to the last picture that was written whole."""
        if self._audio:
            self._audio.close()
        if self._container is None:
            return
        try:
            self._container.close()
        except (OSError, av.FFmpegError):
            if self._file.committed:
                os.truncate(self._path, min(self._whole, self._size()))

    def _size(self) -> int:
        """Bytes in the file."""
        return (self._path if self._file.committed else self._file.work).stat().st_size


def common_clock(time_base: Fraction, rates: Iterable[int]) -> int:
    """Ticks a second in which each track's start is exact; mp4's usual clock is a millisecond. rates: of the audio."""
    whole = math.lcm(time_base.denominator, *rates)
    return whole if whole < 2**31 else time_base.denominator


def _same(path: Path, media: str) -> bool:
    try:
        return path.samefile(media)
    except OSError:
        return False
