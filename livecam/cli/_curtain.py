"""What visitors see while the worker does not run: a supervisor shows it, without loading a model."""

from __future__ import annotations

import html
import threading
import time
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Protocol

from livecam.addresses import is_page
from livecam.cli._console import say
from livecam.overlay.burn_in import cared_for, shift
from livecam.overlay.notice import back_soon
from livecam.sinks.fullscreen import FullScreenSink
from livecam.web.address import parse

SIZE = 1280, 720
SCRIPT = """setInterval(async () => {
  try {
    if ((await fetch(location.href, {cache: "no-store"})).ok) location.reload();
  } catch { /* nobody answers for a moment */ }
}, 1000);
"""
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>livecam</title><script src="/back-soon.js" defer></script>
<noscript><meta http-equiv="refresh" content="2"></noscript>
<style>
html {{ height: 100%; cursor: none; background: #0c0e13 radial-gradient(#181c24, #0c0e13); color: #eceff4 }}
body {{ margin: 0; height: 100%; display: grid; place-content: center; text-align: center }}
p {{ margin: .3em; font: 600 min(9vw, 9vh)/1.2 system-ui, sans-serif }}
</style></head><body>{lines}</body></html>
"""
POLICY = "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'unsafe-inline'"


class Curtain(Protocol):
    """Before the worker's pictures, or not."""

    def drop(self) -> None:
        """Show it. Also when it is shown already."""
        ...

    def part(self) -> None:
        """The worker is about to show something: let go of what it needs."""
        ...

    def lift(self) -> None:
        """The worker has shown something."""
        ...

    def tick(self) -> None:
        """Called ten times a second."""
        ...

    def close(self) -> None: ...


def curtains(outputs: Sequence[str], lines: Sequence[str]) -> list[Curtain]:
    """One for each output that somebody looks at. Raises SinkError when there is no display, ConfigError."""
    made: list[Curtain] = [WindowCurtain(lines) for spec in outputs if spec == "fullscreen"]
    return made + [PageCurtain(spec, lines) for spec in outputs if is_page(spec)]


class WindowCurtain:
    """A window on the whole screen, always there: the worker's covers it, and when that is gone, it is seen at once.

    It is not closed in between, also because Qt does not show a second window once the first has been closed.
    """

    def __init__(self, lines: Sequence[str]) -> None:
        self._lines = lines
        self._window = FullScreenSink("livecam kiosk: back soon")
        self.tick()

    def drop(self) -> None:
        self.tick()

    def part(self) -> None:
        return

    def lift(self) -> None:
        return

    def tick(self) -> None:
        wide, high = self._window.size or SIZE
        picture = back_soon((high, wide), self._lines)
        self._window.show(cared_for(picture, shift(time.monotonic(), picture.shape[:2]), 1.0))

    def close(self) -> None:
        self._window.close()


class PageCurtain:
    """Answers at the address of the page, whatever is asked: 503, and a page that looks whether that has changed."""

    def __init__(self, spec: str, lines: Sequence[str]) -> None:
        address = parse(spec)
        self._address = address.host, address.port
        page = PAGE.format(lines="".join(f"<p>{html.escape(line)}</p>" for line in lines))
        self._handler = _handler(page.encode(), SCRIPT.encode())
        self._server: ThreadingHTTPServer | None = None
        self._thread: threading.Thread | None = None
        self.drop()

    def drop(self) -> None:
        if self._server is not None:
            return
        try:
            self._server = ThreadingHTTPServer(self._address, self._handler)
        except OSError as error:  # the worker says it, too, and nothing is lost but this page
            say(f"'back soon' cannot be shown at {self._address[0]}:{self._address[1]}: {error.strerror}")
            return
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), name="livecam-curtain")
        self._thread.start()

    def part(self) -> None:
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()
            self._server = None

    def lift(self) -> None:
        self.part()

    def tick(self) -> None:
        return

    def close(self) -> None:
        self.part()


def _handler(page: bytes, script: bytes) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 5.0

        def do_GET(self) -> None:
            body, kind, code = (page, "text/html; charset=utf-8", 503)
            if self.path == "/back-soon.js":
                body, kind, code = (script, "text/javascript", 200)
            self.send_response(code)
            headers = {"Content-Type": kind, "Content-Length": str(len(body)), "Cache-Control": "no-store"}
            headers |= {"Content-Security-Policy": POLICY, "Retry-After": "1"}
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Who looks is nobody's business."""

    return Handler
