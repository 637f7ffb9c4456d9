"""``test://``: pictures that anybody can make again, with their number readable in the pixels."""

from __future__ import annotations

import math
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from urllib.parse import parse_qsl, urlsplit

import cv2
import numpy as np
from numpy.typing import NDArray

from livecam.addresses import scheme
from livecam.errors import ConfigError, SourceLost
from livecam.sources import SOURCES, Source, SourceOptions
from livecam.sources._guarded import GuardedSource
from livecam.types import Frame, Image, SourceInfo

ROWS, COLUMNS = 2, 12  # blocks of the frame number, highest bit first
HEIGHT = 1 / 16  # of one row of blocks, as a fraction of the picture
SMALLEST, LARGEST = 48, 8192
BALLS = 6
FAULT_EVERY = 500  # pictures between two faults, on average
STALL_S = (0.5, 3.0)  # length of a stall


@dataclass(frozen=True, slots=True)
class Pattern:
    """size: (width, height) pixels. frames: 0 is endless. faults: their seed, None for none."""

    size: tuple[int, int] = (640, 480)
    fps: Fraction = Fraction(30)
    frames: int = 0
    seed: int = 0
    faults: int | None = None


class SyntheticSource(GuardedSource):
    """Moving discs over a drifting gradient: the same address gives the same pictures, on every machine.

    Frame ``n`` of the pattern has ticks ``n``, time base 1 / fps, and ``read_frame_number(image) == n`` (up to 2²⁴ - 1,
    then from 0 again). Pictures come as fast as they are read.

    With ``faults``, about one picture in 500 is preceded by a fault, chosen by that seed: SourceLost, a silence of 0.5
    to 3 seconds, or a ``read`` that does not return before ``close``. The first picture after opening always comes, so
    that a source opened again where it broke off (``SourceOptions.start_s``) gets on.
    """

    def __init__(self, spec: str, options: SourceOptions) -> None:
        super().__init__()
        pattern = parse(spec)
        self._pattern = pattern
        self._first, self._stop = _part(pattern, options)
        self._ticks = self._first
        self._draw = _Painter(pattern)
        self._closing = threading.Event()
        self._faults = _faults(pattern.faults, after=self._first)
        self._fault = next(self._faults)
        count = 0 if self._stop is None else max(self._stop - self._first, 0)
        self._info = SourceInfo(
            name=spec,
            width=pattern.size[0],
            height=pattern.size[1],
            fps=float(pattern.fps),
            time_base=1 / pattern.fps,
            frames=count,
            duration_s=float(count / pattern.fps),
            start_s=options.start_s,
            stop_s=None if options.duration_s is None else (options.start_s or 0.0) + options.duration_s,
        )

    @property
    def info(self) -> SourceInfo:
        return self._info

    def _next(self) -> Frame | None:
        ticks = self._ticks
        if self._stop is not None and ticks >= self._stop:
            return None
        self._ticks += 1
        if ticks == self._fault.ticks:
            self._suffer(self._fault)
        return Frame(
            image=self._draw(ticks),
            index=ticks - self._first,
            pts=float(ticks / self._pattern.fps),
            captured_at=time.monotonic(),
            ticks=ticks,
            duration=1,
        )

    def _suffer(self, fault: _Fault) -> None:
        self._fault = next(self._faults)
        if fault.silent_s is None:
            raise SourceLost(f"{self._info.name}: a fault before picture {fault.ticks}, as it was asked for")
        self._closing.wait(fault.silent_s if math.isfinite(fault.silent_s) else None)

    def close(self) -> None:
        self._closing.set()
        super().close()

    def _release(self) -> None:
        pass


@dataclass(frozen=True, slots=True)
class _Fault:
    """Before picture ``ticks``: silence for ``silent_s`` seconds, infinity is until it is closed; None: lost."""

    ticks: float
    silent_s: float | None = None


def _faults(seed: int | None, after: int) -> Iterator[_Fault]:
    """The faults of a seed that lie after picture ``after``; without a seed, one that never comes."""
    if seed is None:
        yield _Fault(math.inf)
        return
    random, ticks = np.random.default_rng(seed), 0
    while True:
        ticks += int(random.geometric(1 / FAULT_EVERY))
        silent_s = (None, float(random.uniform(*STALL_S)), math.inf)[random.integers(3)]
        if ticks > after:
            yield _Fault(ticks, silent_s)


class SyntheticKind:
    """``test://?size=640x480&fps=30&frames=300&seed=0&faults=1``, every part optional."""

    def matches(self, spec: str) -> bool:
        return scheme(spec) == "test"

    def open(self, spec: str, options: SourceOptions) -> Source:
        return SyntheticSource(spec, options)


SOURCES.add("synthetic", SyntheticKind())


def read_frame_number(image: NDArray[np.uint8]) -> int:
    """The number that is drawn into a picture of ``test://``, also after lossy compression or scaling.

    image: (H, W) or (H, W, 3) uint8, any colour order. Without the blocks the result is meaningless.
    """
    height, width = image.shape[:2]
    number = 0
    for row in range(ROWS):
        for column in range(COLUMNS):
            # The middle half of the block: compression smears its edges.
            y0, y1 = _middle(row * HEIGHT * height, (row + 1) * HEIGHT * height)
            x0, x1 = _middle(column * width / COLUMNS, (column + 1) * width / COLUMNS)
            number = number << 1 | int(image[y0:y1, x0:x1].mean() > 127)
    return number


def parse(spec: str) -> Pattern:
    """Raises ConfigError naming the parameter that is unknown or makes no sense.

    >>> parse("test://?size=320x240&frames=10")
    Pattern(size=(320, 240), fps=Fraction(30, 1), frames=10, seed=0, faults=None)
    """
    url = urlsplit(spec)
    if url.netloc or url.path:
        raise ConfigError(f"{spec}: parameters follow a '?', as in test://?size=640x480&fps=30")
    values: dict[str, object] = {}
    for key, text in parse_qsl(url.query, keep_blank_values=True):
        if key not in _PARSERS:
            raise ConfigError(f"{spec}: unknown parameter {key!r}; known: {', '.join(_PARSERS)}")
        pattern, convert, example = _PARSERS[key]
        if not re.fullmatch(pattern, text):
            raise ConfigError(f"{spec}: {key}={text} makes no sense; for example {key}={example}")
        values[key] = convert(text)
    result = Pattern(**values)  # type: ignore[arg-type]
    if not all(SMALLEST <= side <= LARGEST for side in result.size):
        raise ConfigError(f"{spec}: sides must have {SMALLEST} to {LARGEST} pixels")
    if not 0 < result.fps <= 1000:
        raise ConfigError(f"{spec}: fps must be above 0 and at most 1000")
    return result


def _size(text: str) -> tuple[int, int]:
    width, height = text.split("x")
    return int(width), int(height)


_PARSERS: dict[str, tuple[str, Callable[[str], object], str]] = {
    "size": (r"\d{1,5}x\d{1,5}", _size, "640x480"),
    "fps": (r"\d{1,6}(\.\d{1,6}|/0*[1-9]\d{0,5})?", Fraction, "30"),
    "frames": (r"\d{1,9}", int, "300"),
    "seed": (r"\d{1,9}", int, "0"),
    "faults": (r"\d{1,9}", int, "1"),
}


def _part(pattern: Pattern, options: SourceOptions) -> tuple[int, int | None]:
    start = Fraction(options.start_s or 0).limit_denominator(1_000_000)
    stops = [] if pattern.frames == 0 else [pattern.frames]
    if options.duration_s is not None:
        stops.append(math.ceil((start + Fraction(options.duration_s).limit_denominator(1_000_000)) * pattern.fps))
    return math.ceil(start * pattern.fps), min(stops, default=None)


def _middle(start: float, end: float) -> tuple[int, int]:
    quarter = (end - start) / 4
    first = int(start + quarter)
    return first, max(int(end - quarter), first + 1)


class _Painter:
    """Everything that does not move is computed once; a picture costs one copy and a few discs."""

    def __init__(self, pattern: Pattern) -> None:
        width, height = pattern.size
        random = np.random.default_rng(pattern.seed)
        self._size = pattern.size
        self._fps = float(pattern.fps)
        self._period = random.uniform(2, 8, (BALLS, 2))  # seconds
        self._phase = random.uniform(0, 1, (BALLS, 2))
        self._radius = random.uniform(0.05, 0.14, BALLS) * min(width, height)
        self._colour = random.integers(40, 256, (BALLS, 3)).tolist()
        # Twice as wide as the picture and periodic: a shifted window is the drifting gradient.
        x = np.cos(np.arange(2 * width) / width * 2 * np.pi)
        y = np.linspace(0, 1, height)[:, None]
        channels = (110 + 50 * x + 40 * y, 120 - 40 * x + 30 * y, 100 + 30 * x * y + 60 * y)
        planes = [np.broadcast_to(c, (height, 2 * width)) for c in channels]
        self._background = np.stack(planes, axis=2).astype(np.uint8)

    def __call__(self, number: int) -> Image:
        width, height = self._size
        shift = int(number / self._fps * width / 10) % width
        image = self._background[:, shift : shift + width].copy()
        turns = number / self._fps / self._period + self._phase
        places = 0.5 + 0.42 * np.sin(2 * np.pi * turns)
        for (px, py), radius, colour in zip(places, self._radius, self._colour, strict=True):
            centre = (round(px * width * 16), round(py * height * 16))
            cv2.circle(image, centre, round(radius * 16), colour, cv2.FILLED, cv2.LINE_AA, shift=4)
        _write_number(image, number)
        return image


def _write_number(image: Image, number: int) -> None:
    height, width = image.shape[:2]
    for row in range(ROWS):
        top, bottom = round(row * HEIGHT * height), round((row + 1) * HEIGHT * height)
        for column in range(COLUMNS):
            bit = number >> (ROWS * COLUMNS - 1 - row * COLUMNS - column) & 1
            left, right = round(column * width / COLUMNS), round((column + 1) * width / COLUMNS)
            image[top:bottom, left:right] = 235 if bit else 16
