"""Parts that were annotated one by one, as one recording and one sidecar."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from livecam._av import av
from livecam.errors import SinkError
from livecam.sinks import SinkOptions
from livecam.sinks._codecs import FORMATS
from livecam.sinks._files import OutFile, cannot_write
from livecam.sinks.audio import AudioCopy
from livecam.sinks.sidecar import read_sidecar
from livecam.sinks.video import MP4, MUXER, common_clock
from livecam.types import SourceInfo


def join_videos(
    parts: Sequence[Path],
    output: Path,
    options: SinkOptions,
    source: SourceInfo,
    end: Fraction,
    *,
    whole: bool = True,
) -> None:
    """``parts``, videos of one codec whose times follow each other, as ``output``, with the sound of ``source``.

    Pictures are not encoded again. end: seconds at which the last picture ends; where they are not the ``whole``, the
    sound ends there, too. Raises SinkError; nothing is left then.
    """
    file = OutFile(output, options)
    try:
        _join(parts, file, options, source, end, whole=whole)
        file.commit()
    except (OSError, av.FFmpegError) as exc:
        file.discard()
        raise exc if isinstance(exc, SinkError) else cannot_write(output, exc) from exc
    except BaseException:
        file.discard()
        raise


def _join(
    parts: Sequence[Path], file: OutFile, options: SinkOptions, source: SourceInfo, end: Fraction, *, whole: bool
) -> None:
    kind = FORMATS[file.path.suffix.lower()]
    shown = [packet.pts or 0 for packet in _packets(parts)]
    stored = _decoding_times(shown)
    with (
        av.open(f"file:{file.work}", "w", format=kind, options=MUXER.get(kind, {})) as container,
        av.open(f"file:{parts[0]}") as template,
    ):
        container.metadata.update({"comment": options.comment} if options.comment else {})
        stream = container.add_stream_from_template(template.streams.video[0])
        base = stream.time_base = template.streams.video[0].time_base or Fraction(1)
        audio = None
        if source.media and options.audio:
            audio = AudioCopy(source.media, container, zero=Fraction(0))
        if kind in MP4:
            container.options["movie_timescale"] = str(common_clock(base, audio.rates if audio else ()))
        begin, last = min(shown) * base, len(shown) - 1
        for number, (packet, dts) in enumerate(zip(_packets(parts), stored, strict=True)):
            packet.dts, packet.stream = dts, stream
            if number == last and kind in MP4:  # see VideoSink: mp4 adds up the steps between the stored pictures
                packet.duration = max(packet.duration or 0, round((end - begin) / base) - (dts - stored[0]))
            if audio:
                audio.until((packet.pts or 0) * base)
            container.mux(packet)
        if audio:
            audio.until(None if whole else end)
            audio.flush()
            audio.close()


def _packets(parts: Sequence[Path]) -> Iterator[av.Packet[av.VideoStream]]:
    """Of all parts, in the order in which they are stored. Raises SinkError when they cannot be one stream."""
    head: bytes | None = None
    for part in parts:
        with av.open(f"file:{part}") as container:
            stream = container.streams.video[0]
            extra = bytes(stream.codec_context.extradata or b"")
            head = extra if head is None else head
            if extra != head:
                raise SinkError(f"{part}: was encoded in another way than the part before; add --force to begin anew")
            for packet in container.demux(stream):
                if packet.size:
                    yield packet


def _decoding_times(shown: list[int]) -> list[int]:
    """When each picture is decoded, as an encoder of the whole would say it: the times of showing in their order, late
    by as many pictures as are stored ahead of their turn. shown: times of showing, in the order of storing.

    >>> _decoding_times([0, 30, 10, 20, 40])
    [-10, 0, 10, 20, 30]
    """
    times = sorted(shown)
    rank = {time: number for number, time in enumerate(times)}
    delay = max((number - rank[time] for number, time in enumerate(shown)), default=0)
    ahead = times[delay] - times[0] if times else 0
    return [time - ahead for time in times[:delay]] + times[: len(times) - delay]


def join_sidecars(parts: Sequence[Path], output: Path, options: SinkOptions, decode_errors: int) -> None:
    """One sidecar of all parts' sidecars, pictures counted through. Raises SinkError; nothing is left then."""
    file = OutFile(output, options)
    try:
        with file.work.open("w", encoding="utf-8", errors="backslashreplace", newline="\n") as out:
            for thing in _lines(parts, decode_errors):
                out.write(json.dumps(thing, ensure_ascii=False, allow_nan=False) + "\n")
        file.commit()
    except OSError as exc:
        file.discard()
        raise exc if isinstance(exc, SinkError) else cannot_write(output, exc) from exc


def _lines(parts: Iterable[Path], decode_errors: int) -> Iterator[dict[str, Any]]:
    index = -1
    end: dict[str, Any] = {"type": "end"}
    for part in parts:
        for thing in read_sidecar(part):
            if thing["type"] == "frame":
                index += 1
                yield thing | {"index": index}
            elif thing["type"] == "end":
                end = thing
            elif index < 0:
                yield thing
    yield end | {"frames": index + 1, "decode_errors": decode_errors}
