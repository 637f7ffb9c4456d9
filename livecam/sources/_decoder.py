"""Pictures of one video stream, in order; damaged packets are skipped and counted."""

from __future__ import annotations

from collections.abc import Generator

from livecam._av import av
from livecam.media import MOST_PIXELS, open_media
from livecam.threads import cores

PATIENCE = 10  # failures of the demuxer in a row after which nothing more comes
SEEK_BACK_S = 10
DEADLOCK = {"hevc"}
"""Decoders of FFmpeg (8.1) whose frame threads wait for each other for ever when parameter sets are damaged."""


class NoPictures(Exception):
    """The recording opens, but has no video stream that can be decoded. The argument says why."""


class Damaged(Exception):
    """A fast decoder met damage, or lost pictures without saying so."""


class Decoder:
    """An open container and its video stream. Raises NoPictures, also with its first picture, and av.FFmpegError.

    careful: one decoding thread (or slices). A decoder with several frame threads loses up to a picture a thread around
    damage, different ones from run to run, so a decoder that is not careful gives up with Damaged.
    network: failures of the demuxer are raised, not waited out.
    """

    def __init__(
        self, url: str, options: dict[str, str], timeout_s: float | None, *, careful: bool, network: bool
    ) -> None:
        self.errors = 0
        self._careful = careful
        self._network = network
        self.container = open_media(url, options, timeout_s)
        try:
            self.stream = _picture_stream(self.container)
            frame_threads = not careful and self.stream.codec_context.name not in DEADLOCK
            self.stream.thread_type = "AUTO" if frame_threads else "SLICE"
            self.stream.codec_context.options = {"max_pixels": str(MOST_PIXELS)}
            self.stream.codec_context.thread_count = cores()  # FFmpeg would take one more, and its pictures
        except BaseException:
            self.container.close()
            raise
        self._missing = 0
        self._pictures = self._decode()

    def __iter__(self) -> Generator[av.VideoFrame, None, None]:
        return self._pictures

    def seek(self, ticks: int) -> av.VideoFrame | None:
        """Go to a key frame at or before ``ticks`` and return its picture; None where none is found.

        After None the position is unknown: open another Decoder.
        """
        # MPEG-TS has no index: seeking lands on any packet, and decoding begins with a later key frame.
        for back in (0, round(SEEK_BACK_S / (self.stream.time_base or 1))):
            try:
                self.container.seek(ticks - back, stream=self.stream)
            except av.FFmpegError:
                return None
            self._missing = 0
            self._pictures = self._decode()
            first = next(self._pictures, None)
            if first is not None and first.pts is not None and first.pts <= ticks:
                return first
        return None

    def close(self) -> None:
        self._pictures.close()
        self.container.close()

    def _decode(self) -> Generator[av.VideoFrame, None, None]:
        first = True
        for packet in self._packets():
            if first and packet is not None and packet.has_sidedata("encryption_info"):
                raise NoPictures("it is encrypted")
            first = False
            try:
                frames = self.stream.decode(packet)
            except av.FFmpegError as error:
                self._damage(error)
                continue
            self._missing += (packet is not None and packet.size > 0 and not packet.is_discard) - len(frames)
            yield from frames
        # PyAV returns what a flush gave before it failed, and hides the failure.
        if self._missing > 0 and not self._careful:
            raise Damaged

    def _packets(self) -> Generator[av.Packet[av.VideoStream] | None, None, None]:
        """Packets, and None at last to flush the decoder where the demuxer has not done so."""
        failures = 0
        while failures < PATIENCE:
            try:
                for packet in self.container.demux(self.stream):
                    failures = 0
                    yield packet
                return
            except IndexError:
                continue  # PyAV does not know a stream that appears on the way; begun again, it leaves it out
            except av.FFmpegError as error:
                if self._network:
                    raise
                self._damage(error)
                failures += 1
        yield None

    def _damage(self, error: av.FFmpegError) -> None:
        if not self._careful:
            raise Damaged from error
        self.errors += 1


def _picture_stream(container: av.container.InputContainer) -> av.VideoStream:
    cover = av.stream.Disposition.attached_pic
    streams = [stream for stream in container.streams.video if not stream.disposition & cover]
    if not streams:
        raise NoPictures("it has no picture" + (", only sound" if container.streams.audio else ""))
    best = container.streams.best("video")
    stream = best if best in streams else streams[0]
    if stream.codec_context is None:
        raise NoPictures("there is no decoder for its pictures")
    width, height = stream.codec_context.width, stream.codec_context.height
    if width * height > MOST_PIXELS:
        raise NoPictures(f"its pictures, {width}×{height}, are larger than {MOST_PIXELS / 1e6:.0f} megapixels")
    return stream
