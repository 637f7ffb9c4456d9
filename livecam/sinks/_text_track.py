"""The labels as a text track of a recording, and its chapters."""

from __future__ import annotations

from collections import deque
from fractions import Fraction
from html import escape
from typing import Any

from livecam._av import av
from livecam.records import label
from livecam.sinks._labels import Cue, Cues, chapters
from livecam.sinks._timeline import Shown
from livecam.smoothing import SceneCut
from livecam.types import AnnotatedFrame

CODECS = {"mp4": "mov_text", "mov": "mov_text", "matroska": "subrip", "webm": "webvtt"}
PIECE_S = 2.0
"""A cue is written in pieces: a muxer holds back what follows a cue that it does not have yet."""

# What FFmpeg makes the description of a mov_text track from: without one, the box is too short for some players.
STYLE = b"""[Script Info]
ScriptType: v4.00+
[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, \
Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, \
MarginV, Encoding
Style: Default,Sans,16,&Hffffff,&Hffffff,&H0,&H0,0,0,0,0,100,100,0,0,1,1,0,2,10,10,10,0
[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
"""


class TextTrack:
    """Added to an output whose header is not written yet. time_base: of the ticks that ``take`` is given.

    Packets are written as each format wants them: two bytes of length before UTF-8 in mov_text, plain UTF-8 in subrip,
    escaped in WebVTT.
    """

    def __init__(self, output: av.container.OutputContainer, time_base: Fraction) -> None:
        self._output, self._time_base = output, time_base
        self._codec = CODECS[output.format.name]
        self._stream: Any
        if self._codec == "mov_text":
            self._stream = output.add_stream("mov_text")
            self._stream.codec_context.subtitle_header = STYLE
        else:
            self._stream = output.add_mux_stream(self._codec)
        self._stream.time_base = time_base
        self._stream.metadata["title"] = "What the network sees"
        self._cues = Cues(time_base, PIECE_S)
        self._waiting: deque[Cue] = deque()
        self._all: list[Cue] = []
        self._scene, self._cuts = SceneCut(), list[int]()

    def take(self, annotated: AnnotatedFrame, shown: Shown) -> None:
        """A picture of the recording, in order."""
        if self._scene.is_cut(annotated.frame.picture):
            self._cuts.append(shown.ticks)
        self._add(self._cues.add(label(annotated.explanation) if annotated.explanation else None, shown.ticks))

    def until(self, seconds: Fraction | None) -> None:
        """Write the cues that begin before ``seconds`` of the output; None: all that are left."""
        while self._waiting and (seconds is None or self._waiting[0].start * self._time_base < seconds):
            self._output.mux(self._packet(self._waiting.popleft()))

    def finish(self, end: Fraction) -> None:
        """The recording ends at second ``end`` of the output: write what is left, and the chapters."""
        self._add(self._cues.finish(round(end / self._time_base)))
        self.until(None)
        found = chapters(self._all, self._cuts, self._time_base)
        self._output.set_chapters(
            [
                {
                    "id": number,
                    "start": one.start,
                    "end": one.end,
                    "time_base": self._time_base,
                    "metadata": {"title": one.title},
                }
                for number, one in enumerate(found, 1)
            ]
        )

    def _add(self, cues: list[Cue]) -> None:
        self._waiting += cues
        for cue in cues:
            if self._all and self._all[-1].label == cue.label and self._all[-1].end == cue.start:
                self._all[-1] = self._all[-1]._replace(end=cue.end)
            else:
                self._all.append(cue)

    def _packet(self, cue: Cue) -> av.Packet[Any]:
        text = escape(cue.label, quote=False) if self._codec == "webvtt" else cue.label
        data = text.encode("utf-8", "replace")
        packet: av.Packet[Any] = av.Packet(len(data).to_bytes(2, "big") + data if self._codec == "mov_text" else data)
        packet.stream, packet.time_base = self._stream, self._time_base
        packet.pts = packet.dts = cue.start
        packet.duration = cue.end - cue.start
        packet.is_keyframe = True
        return packet
