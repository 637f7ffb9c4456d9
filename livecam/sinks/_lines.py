"""A sink that writes text, some lines a frame."""

from __future__ import annotations

import threading
from pathlib import Path

from livecam.sinks import BaseSink, SinkOptions
from livecam.sinks._files import OutFile, cannot_write
from livecam.types import AnnotatedFrame


class LinesSink(BaseSink):
    """The file appears when it is complete; live it grows line by line. Raises SinkError.

    head: what the file begins with. A kind of text says what belongs to a frame (``lines``), and to the end (``tail``).
    """

    def __init__(self, path: Path, options: SinkOptions, head: str) -> None:
        self._path, self._options = path, options
        self._lock = threading.Lock()
        self._file = OutFile(path, options)
        self._out = self._file.work.open(
            "w",
            encoding="utf-8",
            errors="backslashreplace",  # a file name that is no text: \\udcff is also how JSON would write it
            newline="\n",
            buffering=1 if options.live else -1,
        )
        self._put(head)
        if options.live:
            self._file.commit()

    def lines(self, annotated: AnnotatedFrame) -> str:
        raise NotImplementedError

    def tail(self) -> str:
        raise NotImplementedError

    def write(self, annotated: AnnotatedFrame) -> bool:
        with self._lock:
            self.check_open()
            self._put(self.lines(annotated))
        return True

    def close(self) -> None:
        with self._lock:
            if self.closed:
                return
            self._put(self.tail())
            self.closed = True
            try:
                self._out.close()
                self._file.commit()
            except OSError as exc:
                self._give_up()
                raise cannot_write(self._path, exc) from exc

    def abort(self) -> None:
        if self._options.live:
            self.close()
            return
        with self._lock:
            if not self.closed:
                self._give_up()

    def _put(self, text: str) -> None:
        try:
            self._out.write(text)
        except OSError as exc:
            self._give_up()
            raise cannot_write(self._path, exc) from exc

    def _give_up(self) -> None:
        self.closed = True
        self._file.discard()
        try:
            self._out.close()
        except OSError:
            return  # the failure that led here has been told
