"""What the sinks of one file have in common: how they end, and what becomes of the file when they fail."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from livecam._av import av
from livecam.errors import SinkError
from livecam.sinks import BaseSink, SinkOptions
from livecam.sinks._files import OutFile, cannot_write


class FileSink(BaseSink):
    """Writes ``path``, which appears when it is complete; live it stays as far as it came. One thread at a time.

    A kind of file says how it is completed (``_complete``) and what is let go of after a failure (``_release``).
    """

    def __init__(self, path: Path, options: SinkOptions) -> None:
        self._path, self._options = path, options
        self._lock = threading.Lock()
        self._file = OutFile(path, options)

    def close(self) -> None:
        with self._lock:
            if self.closed:
                return
            self.closed = True
            with self._guarded():
                self._complete()

    def abort(self) -> None:
        if self._options.live:
            self.close()
            return
        with self._lock:
            if not self.closed:
                self._give_up()

    def _complete(self) -> None:
        """Write what is left, and commit the file."""
        raise NotImplementedError

    def _release(self) -> None:
        """Close what writes into the file."""
        raise NotImplementedError

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """A failure within is the file's end, and becomes a SinkError."""
        try:
            yield
        except SinkError:
            self._give_up()
            raise
        except (OSError, av.FFmpegError) as exc:
            self._give_up()
            raise cannot_write(self._path, exc) from exc

    def _give_up(self) -> None:
        self.closed = True
        self._file.discard()  # before it is closed: a film's index is not moved to the front of what is thrown away
        with suppress(OSError, ValueError, av.FFmpegError):  # the failure that led here has been told
            self._release()
