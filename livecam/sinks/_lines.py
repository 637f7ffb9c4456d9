"""A sink that writes text, some lines a frame."""

from __future__ import annotations

from pathlib import Path

from livecam.sinks import SinkOptions
from livecam.sinks._file_sink import FileSink
from livecam.types import AnnotatedFrame


class LinesSink(FileSink):
    """The file appears when it is complete; live it grows line by line. Raises SinkError.

    head: what the file begins with. A kind of text says what belongs to a frame (``lines``), and to the end (``tail``).
    """

    def __init__(self, path: Path, options: SinkOptions, head: str) -> None:
        super().__init__(path, options)
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

    def _complete(self) -> None:
        self._put(self.tail())
        self._out.close()
        self._file.commit()

    def _put(self, text: str) -> None:
        with self._guarded():
            self._out.write(text)

    def _release(self) -> None:
        self._out.close()
