"""When a picture of a recording is shown: the source's times copied exactly or, live, the time of capture."""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple, Protocol

from livecam.sinks import SinkOptions
from livecam.sinks._codecs import sane_rate
from livecam.types import Frame, SourceInfo

CLOCK = Fraction(1, 90000)


class Shown(NamedTuple):
    """From when and for how long, in ticks of the recording."""

    ticks: int
    duration: int


class Timeline(Protocol):
    time_base: Fraction

    @property
    def zero(self) -> Fraction:
        """Media seconds that are second 0 of the recording. Known after the first picture."""
        ...

    @property
    def end(self) -> Fraction:
        """Seconds of the recording at which its last picture ends."""
        ...

    def place(self, frame: Frame) -> Shown | None:
        """Where the picture goes; None when it is the one before, shown again."""
        ...


def timeline(source: SourceInfo | None, options: SinkOptions) -> Timeline:
    usual = 1 / sane_rate(source.fps if source else 0.0)
    if options.live:
        return CaptureTime(usual)
    if source is None:
        return MediaTime(CLOCK, usual, from_ticks=False)
    return MediaTime(source.time_base, usual, cut=source.start_s is not None)


class MediaTime:
    """``Frame.ticks`` of the source, or ``pts`` on a 90 kHz clock. Steps that do not ascend are lifted by one tick.

    The recording keeps the source's start. It begins at 0 when a part was asked for (``cut``), or when the source
    begins below zero, which no container can say.
    """

    def __init__(self, time_base: Fraction, usual: Fraction, *, from_ticks: bool = True, cut: bool = False) -> None:
        self.time_base = time_base
        self._from_ticks = from_ticks
        self._cut = cut
        self._offset: int | None = None
        self._step = max(1, round(usual / time_base))
        self._last = Shown(0, 0)

    @property
    def zero(self) -> Fraction:
        return (self._offset or 0) * self.time_base

    @property
    def end(self) -> Fraction:
        return (self._last.ticks + self._last.duration) * self.time_base

    def place(self, frame: Frame) -> Shown:
        ticks = frame.ticks if self._from_ticks else round(Fraction(frame.pts) / self.time_base)
        if self._offset is None:
            self._offset = ticks if self._cut else min(ticks, 0)
            ticks -= self._offset
        else:
            ticks = max(ticks - self._offset, self._last.ticks + 1)
            self._step = ticks - self._last.ticks
        duration = frame.duration if self._from_ticks and frame.duration > 0 else self._step
        self._last = Shown(ticks, duration)
        return self._last


class CaptureTime:
    """``Frame.captured_at`` since the first picture, on a 90 kHz clock. A picture that is shown twice counts once."""

    time_base = CLOCK
    zero = Fraction(0)

    def __init__(self, usual: Fraction) -> None:
        self._start: float | None = None
        self._step = max(1, round(usual / CLOCK))
        self._last = Shown(-1, 1)

    @property
    def end(self) -> Fraction:
        return (self._last.ticks + self._last.duration) * CLOCK

    def place(self, frame: Frame) -> Shown | None:
        if self._start is None:
            self._start = frame.captured_at
        ticks = round((frame.captured_at - self._start) / CLOCK)
        if ticks <= self._last.ticks:
            return None
        if self._last.ticks >= 0:
            self._step = ticks - self._last.ticks
        self._last = Shown(ticks, self._step)
        return self._last
