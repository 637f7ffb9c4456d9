"""The audio of the media that the pictures come from, copied beside them."""

from __future__ import annotations

import logging
import stat
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from livecam._av import av
from livecam.masking import masked
from livecam.media import LOCAL, open_media
from livecam.sinks._trial import Trial

LOG = logging.getLogger("livecam")
Packet: TypeAlias = "av.Packet[Any]"

# What players play, not all that FFmpeg's muxers would take: no PCM or Vorbis in mp4. None: all that the muxer takes.
COPIED = {
    "mp4": frozenset({"aac", "ac3", "alac", "eac3", "flac", "mp2", "mp3", "opus"}),
    "mov": frozenset({"aac", "ac3", "alac", "eac3", "mp3", "pcm_s16be", "pcm_s16le", "pcm_s24be", "pcm_s24le"}),
    "webm": frozenset({"opus", "vorbis"}),
    "matroska": None,
}
DELAYED = frozenset({"opus", "vorbis"})  # Matroska knows what these need to warm up, before their second 0
ENCODERS = {"webm": "libopus"}  # else aac
AAC_RATES = frozenset({96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000})
OPUS_RATE = 48000
OPEN_S, READ_S = 10.0, 10.0
MOST_ERRORS = 100  # in a row, then the audio is taken to be at its end


class AudioCopy:
    """Every audio track of ``media``, added to an output whose header is not written yet.

    zero: media seconds that are second 0 of the output. start, stop: media seconds of the part that is taken.
    rates: samples a second of each track.
    Tracks are copied packet for packet, or transcoded where the container cannot hold the codec. Damaged packets are
    left out. Media that cannot be opened once more, and what else is lost, is one line in the log.
    """

    def __init__(
        self,
        media: str,
        output: av.container.OutputContainer,
        *,
        zero: Fraction,
        start: Fraction | None = None,
        stop: Fraction | None = None,
    ) -> None:
        self._name = masked(media)
        self._output = output
        self._zero, self._start, self._stop = zero, start, stop
        self._skipped = 0
        self._input = _open(media)
        self._sound = _known(self._input, self._name) if self._input else []
        self._tracks = {track.index: _add_track(track, output) for track in self._sound}
        self.rates = [track.codec_context.sample_rate for track in self._sound]
        self._packets = self._read()
        self._pending: Packet | None = next(self._packets, None)

    def until(self, seconds: Fraction | None) -> None:
        """Write the audio that begins before ``seconds`` of the output; None: all that is left."""
        while self._pending is not None:
            if seconds is not None and _time(self._pending) - self._zero >= seconds:
                return
            self._write(self._pending)
            self._pending = next(self._packets, None)

    def flush(self) -> None:
        """Write what the transcoders hold back."""
        for track in self._tracks.values():
            self._mux(track.flush())

    def close(self) -> None:
        """Let go of the media. Twice is harmless."""
        if self._input is None:
            return
        self._input.close()
        self._input = None
        for track in self._tracks.values():
            track.close()
        if self._skipped:
            LOG.warning("%s: %d damaged packets of audio left out", self._name, self._skipped)

    def _read(self) -> Iterator[Packet]:
        """Packets with a time, of the part that is asked for, in the order of the file."""
        if self._input is None or not self._tracks:
            return
        if self._start is not None:
            self._seek(self._sound[0], self._start)
        for packet in self._demux(self._sound):
            if self._stop is not None and _time(packet) >= self._stop:
                return
            if self._start is None or _time(packet) >= self._start:
                yield packet

    def _seek(self, track: av.AudioStream, start: Fraction) -> None:
        assert self._input is not None
        try:
            self._input.seek(int(start / (track.time_base or Fraction(1))), stream=track)
        except (av.FFmpegError, OSError):
            return  # not seekable: it is read from its beginning

    def _demux(self, tracks: list[av.AudioStream]) -> Iterator[Packet]:
        assert self._input is not None
        errors = 0
        while errors < MOST_ERRORS:
            try:
                for packet in self._input.demux(tracks):
                    errors = 0
                    if packet.pts is None or packet.dts is None or packet.is_corrupt:
                        self._skipped += packet.size > 0
                        continue
                    yield packet
                return
            except (av.FFmpegError, OSError, IndexError):  # the last: a stream that appears on the way
                errors += 1
                self._skipped += 1

    def _write(self, packet: Packet) -> None:
        try:
            made = self._tracks[packet.stream_index].take(packet, self._zero)
        except av.FFmpegError:
            self._skipped += 1
            return
        self._mux(made)

    def _mux(self, packets: list[Packet]) -> None:
        for packet in packets:
            try:
                self._output.mux(packet)
            except (av.InvalidDataError, av.ArgumentError):
                self._skipped += 1


class Track(Protocol):
    def take(self, packet: Packet, zero: Fraction) -> list[Packet]:
        """What to write for one packet of the media, moved so that media second ``zero`` is 0."""
        ...

    def flush(self) -> list[Packet]: ...

    def close(self) -> None: ...


class Copied:
    """Matroska has no time below zero: it would move the pictures as well, so what AAC needs to warm up is left out."""

    def __init__(self, target: av.AudioStream, trial: Trial, earliest: int | None) -> None:
        self._target, self._trial = target, trial
        self._earliest = earliest
        self._last_dts: int | None = None

    def take(self, packet: Packet, zero: Fraction) -> list[Packet]:
        shift = round(zero / packet.time_base)
        assert packet.pts is not None and packet.dts is not None
        packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
        if self._earliest is not None and packet.pts < self._earliest:
            return []
        if self._last_dts is not None and packet.dts <= self._last_dts:
            raise av.InvalidDataError(0, "audio time does not ascend")
        self._trial.check(packet)
        self._last_dts = packet.dts
        packet.stream = self._target
        return [packet]

    def flush(self) -> list[Packet]:
        return []

    def close(self) -> None:
        self._trial.close()


class Transcoded:
    def __init__(self, track: av.AudioStream, target: av.AudioStream) -> None:
        self._track = track
        self._target = target

    def take(self, packet: Packet, zero: Fraction) -> list[Packet]:
        return [made for frame in self._track.decode(packet) for made in self._encode(frame, zero)]

    def _encode(self, frame: av.AudioFrame, zero: Fraction) -> list[Packet]:
        if frame.pts is not None and frame.time_base is not None:
            frame.pts -= round(zero / frame.time_base)
        return self._target.encode(frame)

    def flush(self) -> list[Packet]:
        return self._target.encode(None)

    def close(self) -> None:
        return


def _open(media: str) -> av.container.InputContainer | None:
    try:
        if "://" not in media and not stat.S_ISREG(Path(media).stat().st_mode):
            raise OSError("not a file that can be read twice")
        # Named as a file, for FFmpeg takes what stands before a colon for a protocol.
        return open_media(media if "://" in media else f"{LOCAL}{media}", timeout=(OPEN_S, READ_S))
    except (av.FFmpegError, OSError):
        LOG.warning("%s: cannot be opened once more for its audio; the recording has none", masked(media))
        return None


def _known(media: av.container.InputContainer, name: str) -> list[av.AudioStream]:
    """The tracks of a codec that FFmpeg knows, at a rate that there is."""
    tracks = [track for track in media.streams.audio if track.codec_context and track.codec_context.sample_rate > 0]
    if len(tracks) < len(media.streams.audio):
        LOG.warning("%s: %d tracks of unknown sound left out", name, len(media.streams.audio) - len(tracks))
    return tracks


def _add_track(track: av.AudioStream, output: av.container.OutputContainer) -> Track:
    codec = track.codec_context.codec.canonical_name
    allowed = COPIED[output.format.name]
    trial = _trial(output.format.name, track) if allowed is None or codec in allowed else None
    if trial is not None:
        target = output.add_stream_from_template(track)
        _describe(target, track)
        early = output.format.name not in ("matroska", "webm") or codec in DELAYED
        return Copied(target, trial, earliest=None if early else 0)
    encoder = ENCODERS.get(output.format.name, "aac")
    target = _add_encoder(track, output, encoder)
    _describe(target, track)
    LOG.warning("%s: a .%s file does not hold it, transcoded to %s", codec, output.format.name, encoder)
    return Transcoded(track, target)


def _trial(container: str, track: av.AudioStream) -> Trial | None:
    """None: the muxer does not take the track as it is; a damaged description of it would cost the pictures as well."""
    try:
        return Trial(container, track)
    except (av.FFmpegError, ValueError):
        return None


def _add_encoder(track: av.AudioStream, output: av.container.OutputContainer, encoder: str) -> av.AudioStream:
    rate = track.codec_context.sample_rate
    target = output.add_stream(encoder, rate=rate if encoder == "aac" and rate in AAC_RATES else OPUS_RATE)
    assert isinstance(target, av.AudioStream)
    target.codec_context.layout = "mono" if track.codec_context.channels == 1 else "stereo"
    target.codec_context.open()
    return target


def _describe(target: av.AudioStream, track: av.AudioStream) -> None:
    target.metadata.update({key: track.metadata[key] for key in ("language", "title") if key in track.metadata})
    target.disposition = track.disposition


def _time(packet: Packet) -> Fraction:
    """Media seconds."""
    assert packet.pts is not None
    return packet.pts * packet.time_base
