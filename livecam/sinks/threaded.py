"""A sink in a thread of its own, so that an encoder does not hold up the display."""

from __future__ import annotations

import threading

from livecam.channel import Channel, Closed, Full
from livecam.sinks import BaseSink, Sink
from livecam.types import AnnotatedFrame


class ThreadedSink(BaseSink):
    """Writes to ``sink`` from a worker thread, through a queue of ``capacity`` frames.

    full: when the sink is too slow, WAIT makes ``write`` wait, LATEST drops the oldest queued frame and counts it in
    ``dropped``. A failure of the sink is raised, the original one, by the next ``write``, ``finish`` or ``close``;
    the sink is aborted then. No thread is left after ``close`` or ``abort``.
    """

    def __init__(self, sink: Sink, capacity: int = 8, *, full: Full = Full.WAIT) -> None:
        self._sink = sink
        self._queue = Channel[AnnotatedFrame](capacity, full)
        self._wanted = True
        self._error: BaseException | None = None
        self._lock = threading.Lock()
        self._worker = threading.Thread(target=self._work, name="livecam-sink", daemon=True)
        self._worker.start()

    @property
    def failed(self) -> bool:
        """Has the sink failed? The next call raises why."""
        return self._error is not None

    @property
    def dropped(self) -> int:
        return self._queue.dropped

    def write(self, annotated: AnnotatedFrame) -> bool:
        """Queue a frame. False when the sink's viewer has ended, as of the frames that it has taken so far."""
        self.check_open()
        try:
            self._queue.put(annotated)
        except Closed:
            self._fail()
            self.check_open()
        return self._wanted

    def finish(self) -> None:
        """Wait until everything that is queued is written, then finish the sink."""
        self.check_open()
        self._drain()
        self._sink.finish()

    def close(self) -> None:
        if self._end():
            self._drain()
            self._sink.close()

    def abort(self) -> None:
        if self._end():
            self._queue.discard()
            self._worker.join()
            self._sink.abort()

    def _end(self) -> bool:
        """True for the one who ends it."""
        with self._lock:
            first, self.closed = not self.closed, True
            return first

    def _drain(self) -> None:
        self._queue.close()
        self._worker.join()
        self._fail()

    def _fail(self) -> None:
        """If the worker has failed: abort the sink and raise that failure, once."""
        error, self._error = self._error, None
        if error is None:
            return
        self.closed = True
        self._worker.join()
        try:
            self._sink.abort()
        finally:
            raise error

    def _work(self) -> None:
        try:
            for annotated in self._queue:
                self._wanted = self._sink.write(annotated) and self._wanted
        except BaseException as error:  # noqa: BLE001  it is the caller's: raised by the next call
            self._error = error
            self._queue.discard()
