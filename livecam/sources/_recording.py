"""The asked part of a video stream: pictures with ticks, decoded fast, and carefully from the first damage on."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from fractions import Fraction
from itertools import chain

from livecam._av import av
from livecam.sources._decoder import Damaged, Decoder
from livecam.sources._timeline import Timeline

NOMINAL_FPS = 25


class Recording:
    """Iterate once: (picture, ticks), ticks strictly increasing. Raises what ``open_decoder`` raises.

    open_decoder: given ``careful``, a new Decoder at the beginning.
    fast: begin with the fast decoder. seekable: ``start_s`` is reached through a key frame, not by decoding all.
    start_s, duration_s: seconds from the beginning of the recording, None: all of it.
    """

    def __init__(
        self,
        open_decoder: Callable[[bool], Decoder],
        *,
        fast: bool,
        seekable: bool,
        start_s: float | None,
        duration_s: float | None,
    ) -> None:
        self._open_decoder = open_decoder
        self._fast = fast
        self._seekable = seekable
        self.decoder = open_decoder(not fast)
        self._fresh = True
        self.origin = _origin(self.decoder)
        self.start = None if start_s is None else self.origin + _exact(start_s)
        self.stop = None if duration_s is None else (self.start or self.origin) + _exact(duration_s)
        self._last: int | None = None
        self._pictures = self._all()

    def __iter__(self) -> Generator[tuple[av.VideoFrame, int], None, None]:
        return self._pictures

    @property
    def errors(self) -> int:
        """Damaged packets skipped so far."""
        return self.decoder.errors

    def close(self) -> None:
        self._pictures.close()
        self.decoder.close()

    def _all(self) -> Generator[tuple[av.VideoFrame, int], None, None]:
        if self._fast:
            try:
                yield from self._part(careful=False)
                return
            except Damaged:
                pass
        yield from self._part(careful=True)

    def _part(self, *, careful: bool) -> Generator[tuple[av.VideoFrame, int], None, None]:
        """From where the previous part ended."""
        base = self.decoder.stream.time_base or Fraction(1)
        after = -math.inf if self.start is None else math.ceil(self.start / base) - 1
        after = after if self._last is None else self._last
        stop = math.inf if self.stop is None else self.stop / base
        head = self._position(careful=careful, after=after)
        timeline = Timeline(step=round(1 / (rate(self.decoder.stream) or NOMINAL_FPS) / base), jump=round(1 / base))
        for frame in chain([] if head is None else [head], self.decoder):
            ticks = timeline.place(frame.pts, frame.duration or 0)
            if ticks <= after:
                continue
            if ticks >= stop:
                return
            # Times made up on the way are only found again from the beginning.
            self._seekable &= not timeline.repaired
            self._last = ticks
            yield frame, ticks

    def _position(self, *, careful: bool, after: float) -> av.VideoFrame | None:
        """Bring the decoder before the first picture later than ``after``; returns a picture already decoded."""
        self._renew(careful=careful)
        if not self._seekable or math.isinf(after):
            return None
        head = self.decoder.seek(int(after) + 1)
        if head is None:
            self._renew(careful=careful)
        self._fresh = False
        return head

    def _renew(self, *, careful: bool) -> None:
        if not self._fresh:
            self.decoder.close()
            self.decoder = self._open_decoder(careful)
        self._fresh = False


def rate(stream: av.VideoStream) -> Fraction | None:
    """Claimed frames a second. Matroska without a claim gives one frame a tick (1000): then FFmpeg's guess."""
    average, guessed = stream.average_rate, stream.guessed_rate
    if average and average * (stream.time_base or 1) < 1:
        return average
    return guessed or average or None


def _origin(decoder: Decoder) -> Fraction:
    """Media seconds of the beginning."""
    if decoder.stream.start_time is not None:
        return Fraction(decoder.stream.start_time * (decoder.stream.time_base or 1))
    return Fraction(decoder.container.start_time or 0, av.time_base)


def _exact(seconds: float) -> Fraction:
    """The decimal that was meant: 0.1 and not 0.1000000000000000055."""
    return Fraction(seconds).limit_denominator(1_000_000)
