"""What every source shares: one reader at a time, and a ``close`` that may come from any thread."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self

from livecam.types import Frame, SourceInfo


class GuardedSource(ABC):
    """A source whose handle is never freed under a running ``read``: FFmpeg and OpenCV would crash the interpreter.

    ``close`` never waits. When a ``read`` is in progress on another thread, that thread frees the handle as it leaves.
    """

    def __init__(self) -> None:
        self._errors = 0
        self._lock = threading.Lock()
        self._closed = False
        self._ended = False
        self._released = False

    @property
    @abstractmethod
    def info(self) -> SourceInfo: ...

    @property
    def decode_errors(self) -> int:
        """Damaged packets or pictures skipped so far."""
        return self._errors

    @abstractmethod
    def _next(self) -> Frame | None:
        """The next frame, None at the end. Runs under the lock."""

    @abstractmethod
    def _release(self) -> None:
        """Free the handle. Runs once, under the lock."""

    def read(self) -> Frame | None:
        """The next frame; None at the end and after ``close``. Raises SourceError, SourceLost."""
        try:
            with self._lock:
                if self._closed or self._ended:
                    return None
                frame = self._next()
                self._ended = frame is None
                return frame
        finally:
            self._release_when_closed()

    def close(self) -> None:
        self._closed = True
        self._release_when_closed()

    def _release_when_closed(self) -> None:
        # The reader asks after it has let go of the lock, the closer after it has set the flag: one of them succeeds.
        if self._closed and self._lock.acquire(blocking=False):
            try:
                if not self._released:
                    self._released = True
                    self._release()
            finally:
                self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
