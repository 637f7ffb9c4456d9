"""``out.vtt``: the labels as WebVTT, for players that show subtitles beside a recording, and for pages."""

from __future__ import annotations

from fractions import Fraction
from html import escape
from pathlib import Path

from livecam.records import label
from livecam.sinks import SINKS, SinkOptions
from livecam.sinks._labels import Cue, Cues
from livecam.sinks._lines import LinesSink
from livecam.sinks._timeline import timeline
from livecam.types import AnnotatedFrame, RunInfo


class SubtitlesSink(LinesSink):
    """A cue for each label that lasts, at the times of the recording, to the millisecond that WebVTT knows.

    The file appears when it is complete; live it grows cue by cue, each when it has ended. Raises SinkError.
    """

    def __init__(self, path: Path, options: SinkOptions | None = None, run: RunInfo | None = None) -> None:
        options = options or SinkOptions()
        super().__init__(path, options, "WEBVTT\n")
        self._timeline = timeline(run.source if run else None, options)
        self._cues = Cues(self._timeline.time_base)

    @staticmethod
    def matches(spec: str) -> bool:
        return spec.lower().endswith(".vtt") and "://" not in spec

    @staticmethod
    def open(spec: str, options: SinkOptions, run: RunInfo | None) -> SubtitlesSink:
        return SubtitlesSink(Path(spec), options, run)

    def lines(self, annotated: AnnotatedFrame) -> str:
        shown = self._timeline.place(annotated.frame)
        if shown is None:
            return ""
        seen = label(annotated.explanation) if annotated.explanation else None
        return self._said(self._cues.add(seen, shown.ticks))

    def tail(self) -> str:
        return self._said(self._cues.finish(round(self._timeline.end / self._timeline.time_base)))

    def _said(self, cues: list[Cue]) -> str:
        base = self._timeline.time_base
        return "".join(
            f"\n{clock(cue.start * base)} --> {clock(cue.end * base)}\n{escape(cue.label, quote=False)}\n"
            for cue in cues
        )


def clock(seconds: Fraction) -> str:
    """As WebVTT writes a time.

    >>> clock(Fraction(7384, 2)), clock(Fraction(1, 3))
    ('01:01:32.000', '00:00:00.333')
    """
    ms = round(seconds * 1000)
    return f"{ms // 3_600_000:02}:{ms // 60_000 % 60:02}:{ms // 1000 % 60:02}.{ms % 1000:03}"


SINKS.add("subtitles", SubtitlesSink)
