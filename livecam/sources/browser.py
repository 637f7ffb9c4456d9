"""``browser:``: the camera of a phone or a laptop, whose page sends its pictures."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import cv2
import numpy as np

from livecam.errors import SinkError, SourceNotFound
from livecam.sources import SOURCES, Source, SourceOptions
from livecam.sources._fit import fitted
from livecam.sources._guarded import GuardedSource
from livecam.sources._names import BROWSER, is_browser
from livecam.types import Frame, SourceInfo
from livecam.web.address import DEFAULT, parse

if TYPE_CHECKING:
    from livecam.web.server import Server

USUAL = (640, 480)
FPS = 30.0
MICROSECONDS = 1_000_000


class BrowserSource(GuardedSource):
    """Pictures that a page sends to ``server``, as they come; waits for the first one, and for a page that has left.

    The first picture decides the size, for a phone may be held upright; until then ``info`` says the one asked for.
    Pictures of another shape are fitted into it, with black beside them. pts: seconds since the first picture, ticks
    the same in microseconds. ``captured_at`` is when a picture arrived. Owns one use of ``server``.
    """

    def __init__(self, server: Server, options: SourceOptions | None = None) -> None:
        super().__init__()
        options = options or SourceOptions()
        self._server = server
        self._feed = server.open_feed()
        self._index = 0
        self._start = 0.0
        self._last = -1
        width, height = options.size or USUAL
        self._info = self._describe(width, height)

    @property
    def info(self) -> SourceInfo:
        return self._info

    def close(self) -> None:
        self._feed.close()  # wakes a reader that waits for a page
        super().close()

    def _next(self) -> Frame | None:
        while (arrived := self._feed.take()) is not None:
            decoded = cv2.imdecode(np.frombuffer(arrived.jpeg, np.uint8), cv2.IMREAD_COLOR_RGB)
            if decoded is None:
                self._errors += 1
                continue
            image = np.asarray(decoded, np.uint8)
            if self._index == 0:
                self._start = arrived.at
                self._info = self._describe(image.shape[1], image.shape[0])
            self._last = max(round((arrived.at - self._start) * MICROSECONDS), self._last + 1)
            self._index += 1
            image = fitted(image, self._info.width, self._info.height)
            return Frame(image, self._index - 1, self._last / MICROSECONDS, arrived.at, self._last)
        return None

    def _describe(self, width: int, height: int) -> SourceInfo:
        return SourceInfo(
            name=f"{BROWSER}http://{self._server.address.netloc}",
            width=width,
            height=height,
            fps=FPS,
            time_base=Fraction(1, MICROSECONDS),
            live=True,
            detail="the camera of a page",
        )

    def _release(self) -> None:
        from livecam.web.server import give_back

        self._server.close_feed()
        give_back(self._server)


class BrowserKind:
    """``browser:``, ``browser:http://HOST:PORT``: where the page is served; a sink of that address shows there, too."""

    def matches(self, spec: str) -> bool:
        return is_browser(spec)

    def open(self, spec: str, options: SourceOptions) -> Source:
        address = parse(spec.removeprefix(BROWSER) or DEFAULT)
        from livecam.web.server import give_back, lend

        try:
            server = lend(address)
            try:
                return BrowserSource(server, options)
            except BaseException:
                give_back(server)
                raise
        except SinkError as error:
            raise SourceNotFound(f"{spec}: {error}") from error


SOURCES.add("browser", BrowserKind())
