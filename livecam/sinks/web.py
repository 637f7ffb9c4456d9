"""``http://127.0.0.1:8080``: a page in a browser, and the same pictures as a stream."""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING

from livecam.sinks import SINKS, BaseSink, SinkOptions
from livecam.types import AnnotatedFrame, RunInfo
from livecam.web.address import parse

if TYPE_CHECKING:
    from livecam.web.server import Server


class WebSink(BaseSink):
    """Shows the newest picture to whoever watches; ``write`` never waits, and costs nothing when nobody does.

    Pictures are sent as they are drawn; the page writes the words itself. Owns one use of ``server``.
    """

    def __init__(self, server: Server, options: SinkOptions | None = None, run: RunInfo | None = None) -> None:
        self._server = server
        self._options = options or SinkOptions()
        self._lock = threading.Lock()
        server.attach(self._options.controls, self._options.state, run)

    @staticmethod
    def matches(spec: str) -> bool:
        return re.fullmatch(r"(?i:http)://[^/]*/?", spec) is not None

    @staticmethod
    def open(spec: str, options: SinkOptions, run: RunInfo | None) -> WebSink:
        """Raises ConfigError, SinkError, MissingExtra."""
        address = parse(spec)
        from livecam.web.server import lend

        return WebSink(lend(address), options, run)

    def write(self, annotated: AnnotatedFrame) -> bool:
        self.check_open()
        self._options.controls.observe(annotated)
        self._server.show(annotated)
        return True

    def close(self) -> None:
        with self._lock:
            first, self.closed = not self.closed, True
        if first:
            from livecam.web.server import give_back

            give_back(self._server)


SINKS.add("web", WebSink)
