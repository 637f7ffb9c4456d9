"""A live source that outlives its faults: it is watched, and opened again when it goes away or falls silent."""

from __future__ import annotations

import logging
import random as system_random
import threading
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from itertools import count

from livecam.addresses import scheme
from livecam.channel import Channel, Closed, Full
from livecam.clock import Clock, SystemClock, backed_off
from livecam.errors import SourceError
from livecam.health import SourceHealth, State
from livecam.masking import masked
from livecam.sources import Source, SourceOptions, kind_of
from livecam.sources._fit import fitted
from livecam.sources._guarded import GuardedSource
from livecam.sources._names import is_camera
from livecam.sources.camera import DEFAULT_FPS, DEFAULT_SIZE, MICROSECONDS, CameraKind, SameCamera
from livecam.types import Frame, Picture, SourceInfo, rgb

STALE_S = 1.0  # a picture older than this is not live any more
OPENING_S = 30.0  # an opening that takes longer is stuck; a camera on Windows may take 20 s
STALL_INTERVALS = 5  # a slow source may be silent for so many of its pictures
LONGEST_DELAY_S = 30.0
JITTER = 0.2  # of the delay, up or down: many that lost one server do not come back at once
WAKE_S = 0.1
LEAVE_S = 1.0

log = logging.getLogger("livecam")
_numbers = count(1)
Opener = Callable[[SourceOptions], Source]


def open_live(spec: str, options: SourceOptions | None = None, *, wait: bool = False) -> Source:
    """Open a source that survives its faults as ``options.reconnect`` says.

    wait: a camera or an address that is not there yet is waited for, with a picture of ``options.size``, 1280×720 if
    not given; such a source always reconnects. Raises as ``open_source`` does.
    """
    options = options or SourceOptions()
    open_again = opener(spec)
    try:
        first = open_again(options)
    except SourceError as error:
        if not wait or not (is_camera(spec) or scheme(spec)):
            raise
        return ReconnectingSource(open_again, options, first=None, name=masked(spec), cause=str(error))
    if wait or (first.info.live if options.reconnect is None else options.reconnect):
        return ReconnectingSource(open_again, options, first=first, name=first.info.name)
    return first


def opener(spec: str) -> Opener:
    """What opens ``spec`` again and again, and never something else in its place."""
    kind = kind_of(spec)
    return SameCamera(spec, kind) if isinstance(kind, CameraKind) else lambda options: kind.open(spec, options)


class ReconnectingSource(GuardedSource):
    """Pictures of a source that is opened again whenever it is lost; ``read`` blocks meanwhile.

    open_again: opens it; raises SourceError while it is not there, which is a fault like any other.
    first: the source, open already, and owned from now on; None: it is not there yet, for the reason ``cause``.
    random: numbers in [0, 1) for the jitter.

    A fault is a SourceError, the end of a live source, or silence: for ``options.stall_timeout_s`` or five of its
    pictures, whichever is longer. A ``read`` that does not return is left behind on its thread, with a warning. A
    source that is not live comes to an end, and is opened again where it broke off.
    All pictures have the size of the first, their indices count on, and their times go on by as long as an outage
    took. ``close`` waits up to a second for the thread that reads. Other exceptions are raised as they are.
    """

    def __init__(
        self,
        open_again: Opener,
        options: SourceOptions,
        *,
        first: Source | None,
        name: str,
        cause: str = "",
        clock: Clock | None = None,
        random: Callable[[], float] = system_random.random,
    ) -> None:
        super().__init__()
        self._open_again, self._options = open_again, options
        self._name = name
        self._clock, self._random = clock or SystemClock(), random
        self._first = first
        self._info = first.info if first else _unseen(name, options)
        self._stop = threading.Event()
        self._connection: _Connection | None = None
        self._seen = self._began = self._clock.now()  # when the last picture came; when the last opening began
        self._failures = 0
        self._times = _Times(self._info.time_base)
        self._retry_at = self._seen
        self._health = SourceHealth(State.CONNECTING, self._seen)
        if first is None:
            self._back_off(self._in_words(cause))

    @property
    def info(self) -> SourceInfo:
        return self._info

    @property
    def decode_errors(self) -> int:
        """Damaged packets or pictures skipped so far."""
        connection = self._connection
        return self._errors + (connection.decode_errors if connection else 0)

    @property
    def health(self) -> SourceHealth:
        """How it is, at this moment, asked by any thread."""
        health, silent_since = self._health, self._seen + STALE_S
        if health.state is State.LIVE and self._clock.now() > silent_since:
            return replace(health, state=State.STALE, since=silent_since, cause="no picture comes")
        return health

    def _next(self) -> Frame | None:
        while not self._stop.is_set():
            connection = self._connection or self._connect()
            if connection is None:
                break
            try:
                return self._taken(connection, connection.frames.get(WAKE_S))
            except TimeoutError:
                self._look_for_a_stall(connection)
            except Closed:
                if not connection.info.live or self._stop.is_set():
                    break
                self._lose(connection, "the stream ended")
            except SourceError as error:
                self._lose(connection, self._in_words(str(error)))
        self._say(State.ENDED)
        return None

    def _connect(self) -> _Connection | None:
        """Begin a new opening when it is due; None when it is to stop meanwhile, or nothing is left to be opened."""
        if self._clock.wait(self._stop, self._retry_at - self._clock.now()):
            return None
        options = self._options if self._info.live else self._times.rest(self._options)
        if options is None:
            return None
        self._began = self._clock.now()
        self._say(State.CONNECTING, self._health.cause, self._health.attempts + 1)
        first, self._first = self._first, None
        self._connection = _Connection(self._info, lambda: first or self._open_again(options))
        return self._connection

    def _taken(self, connection: _Connection, frame: Frame) -> Frame:
        if self._health.state is not State.LIVE:
            if self._health.attempts > 1 or self._health.cause:
                log.warning("%s: back after %.1f s", self._name, self._clock.now() - self._seen)
            self._times.begin(connection.info, frame, self._options.start_s)
            self._failures = 0
            self._say(State.LIVE)
        self._seen = self._clock.now()
        picture = frame.picture
        if picture.shape[:2] != (self._info.height, self._info.width):
            picture = fitted(rgb(picture), self._info.width, self._info.height)
        return self._times.placed(frame, picture)

    def _look_for_a_stall(self, connection: _Connection) -> None:
        limit = self._options.stall_timeout_s
        if self._health.state is State.LIVE:
            limit = max(limit, STALL_INTERVALS / self._info.fps if self._info.fps else 0)
            silent = self._clock.now() - self._seen
        else:
            limit = max(limit, OPENING_S)
            silent = self._clock.now() - self._began
        if silent >= limit:
            self._lose(connection, f"no picture for {silent:.1f} s")
            connection.leave_behind()

    def _lose(self, connection: _Connection, cause: str) -> None:
        connection.close()
        self._errors += connection.decode_errors
        self._connection = None
        self._back_off(cause)

    def _back_off(self, cause: str) -> None:
        before, now = self._health, self._clock.now()
        first = self._options.retry_delay_s
        delay = backed_off(first, self._failures, max(LONGEST_DELAY_S, first))
        delay *= 1 + JITTER * (2 * self._random() - 1)
        self._failures += 1
        self._retry_at = now + delay
        lost = before.state is State.LIVE
        self._health = SourceHealth(
            State.LOST, now, cause, before.attempts, before.outages + lost, retry_at=self._retry_at
        )
        if lost or cause != before.cause:  # and not every half minute of a long night
            log.warning("%s: %s; trying again in %.1f s, and on", self._name, cause, delay)

    def _say(self, state: State, cause: str = "", attempts: int = 0) -> None:
        self._health = SourceHealth(state, self._clock.now(), cause, attempts, self._health.outages)

    def _in_words(self, error: str) -> str:
        return masked(error).removeprefix(f"{self._name}: ")

    def close(self) -> None:
        self._stop.set()
        connection = self._connection
        if connection is not None:
            connection.close()
        super().close()

    def _release(self) -> None:
        if self._first is not None:
            self._first.close()
        if self._connection is not None:
            self._connection.close()
            self._connection.leave_behind(after_s=LEAVE_S)
        self._say(State.ENDED)


class _Connection:
    """One opening of the source and its pictures, on a thread of its own: neither opening nor reading has to return."""

    def __init__(self, expected: SourceInfo, open_again: Callable[[], Source]) -> None:
        self.frames: Channel[Frame] = Channel(1, Full.WAIT)
        self.info = expected
        self._open = open_again
        self._source: Source | None = None
        self._closed = False
        self._thread = threading.Thread(target=self._run, name=f"livecam-source-{next(_numbers)}", daemon=True)
        self._thread.start()

    @property
    def decode_errors(self) -> int:
        return self._source.decode_errors if self._source else 0

    def _run(self) -> None:
        try:
            with self._open() as source:
                self.info, self._source = source.info, source
                if self._closed:  # while it was being opened
                    return
                for frame in iter(source.read, None):
                    self.frames.put(frame)
        except Closed:
            pass
        except BaseException as error:  # noqa: BLE001  it is raised again in the reader's thread
            self.frames.close(error)
        else:
            self.frames.close()

    def close(self) -> None:
        """Let go of the source, without waiting for anything."""
        self._closed = True
        self.frames.discard()
        if self._source is not None:
            self._source.close()

    def leave_behind(self, after_s: float = WAKE_S) -> None:
        """Wait so long for the thread of a closed connection, then go on without it."""
        self._thread.join(after_s)
        if self._thread.is_alive():
            log.warning("%s: %s does not return; left behind", self.info.name, self._thread.name)


class _Times:
    """Indices and times of the pictures of several connections, one after the other, in ticks of ``base``."""

    def __init__(self, base: Fraction) -> None:
        self._base = base
        self._inner = base  # of the connection
        self._shift = 0
        self._last: Frame | None = None
        self._origin = self._position = 0.0  # pts of the beginning, and of what is still to come

    def begin(self, info: SourceInfo, first: Frame, start_s: float | None) -> None:
        """A new connection, with its first picture: as much later than the last one as it was captured later."""
        self._inner, self._shift = info.time_base, 0
        if self._last is None:
            self._origin = first.pts if start_s is None or info.start_s is None else info.start_s - start_s
        else:
            later = round((first.captured_at - self._last.captured_at) / self._base)
            self._shift = self._last.ticks + max(later, 1) - self._ticks(first.ticks)

    def placed(self, frame: Frame, picture: Picture) -> Frame:
        """``frame`` with this picture, later than all before it."""
        last, ticks, captured_at = self._last, self._ticks(frame.ticks) + self._shift, frame.captured_at
        if last is not None:
            ticks, captured_at = max(ticks, last.ticks + 1), max(captured_at, last.captured_at)
        index = 0 if last is None else last.index + 1
        placed = Frame(picture, index, float(ticks * self._base), captured_at, ticks, self._ticks(frame.duration))
        self._last, self._position = placed, frame.pts + float(self._inner) / 2
        return placed

    def rest(self, options: SourceOptions) -> SourceOptions | None:
        """What is left of a recording; None when nothing is."""
        if self._last is None:
            return options
        start_s = self._position - self._origin
        duration_s = options.duration_s
        if duration_s is not None:
            duration_s -= start_s - (options.start_s or 0.0)
            if duration_s <= 0:
                return None
        return replace(options, start_s=start_s, duration_s=duration_s)

    def _ticks(self, inner: int) -> int:
        return inner if self._inner == self._base else round(inner * self._inner / self._base)


def _unseen(name: str, options: SourceOptions) -> SourceInfo:
    """What is said of a source that is not there yet."""
    width, height = options.size or DEFAULT_SIZE
    return SourceInfo(name, width, height, options.fps or DEFAULT_FPS, Fraction(1, MICROSECONDS), live=True)
