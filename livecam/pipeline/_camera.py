"""One camera of a wall: what is shown of it, and how it is doing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from livecam.channel import Closed
from livecam.errors import SourceError
from livecam.governor import shared_tick
from livecam.health import SourceHealth, State
from livecam.overlay.grid import Tile, place
from livecam.pipeline._live import Explaining, Feed, Waiting
from livecam.pipeline._run import Run
from livecam.pipeline._screen import STATUS_S, Screen
from livecam.pipeline._signal import NO_FRAME
from livecam.pipeline._turns import Place
from livecam.pipeline._view import resized
from livecam.sources import health_of
from livecam.types import AnnotatedFrame, Image, rgb


class Camera:
    """One camera of a wall. ``shown``: its newest AnnotatedFrame, None before the first. ``error``: what its source was
    lost with for good."""

    def __init__(self, run: Run, title: str, rate: float, place: Place[Waiting], sharing: int) -> None:
        fps = run.source.info.fps or rate
        self.run, self.title = run, title
        self.shown: AnnotatedFrame | None = None
        self.error: SourceError | None = None
        self.over = False
        self.screen = Screen(run, min(fps, rate), shared_tick(), 1 / rate)
        self.screen.paced = fps > rate
        self.feed = Feed(run, self.screen, place)
        self.explaining = Explaining(run, self.screen, sharing)
        self._figures, self._figures_at = "", -STATUS_S

    @property
    def health(self) -> SourceHealth:
        if self.over:
            return SourceHealth(State.ENDED if self.error is None else State.LOST, cause=str(self.error or ""))
        return health_of(self.run.source)

    @property
    def index(self) -> int:
        """Of the picture shown."""
        return NO_FRAME if self.shown is None else self.shown.frame.index

    def show(self, tile: Tile | None, *, alone: bool) -> None:
        """Make ``shown`` of what is new. tile: where it is seen, ``alone`` or beside others; None: it is not."""
        frame, explained, view = None, None, self.run.controls.view
        try:
            if not self.over:
                frame, explained = self.feed.take(0)
        except Closed:
            self._end("it has come to its end")
        except SourceError as error:
            self.error = error
            self._end(str(error).removeprefix(f"{self.run.source.info.name}: "))
        self.screen.overwritten(self.feed.lost, 0)
        picture = self.screen.take(frame, explained, view)
        if tile is None:
            if frame is not None:
                self.run.stats.drop("not in view")
            return
        if view.hud == "full" and not alone:
            view = replace(view, hud="compact")  # the caption has the figures
        self.screen.size = tile.size
        self.shown = self.screen.show(picture, view) or self.shown
        if self.shown is not None:
            self.run.controls.observe(self.shown)

    def presented(self, busy: float) -> None:
        """The sinks have the wall; it took ``busy`` seconds to draw and to hand it over."""
        if self.shown is not None:
            self.screen.presented(self.shown, busy, self.run.controls.view)

    def draw(self, wall: Image, tile: Tile) -> None:
        """What is shown, and its caption, into ``wall``, in place."""
        picture = None if self.shown is None else rgb(resized(self.shown.picture, tile.size))
        place(wall, tile, picture, self.title, self.figures(), self.health.state)

    def figures(self) -> str:
        """What the caption says, made anew twice a second."""
        now = self.run.clock.now()
        if now - self._figures_at >= STATUS_S:
            meter, live = self.run.meter, self.health.state is State.LIVE
            rates = f"{meter.camera.rate:.0f} fps · map {meter.explained.rate:.0f}/s"
            self._figures, self._figures_at = rates if live else self.health.state.value, now
        return self._figures

    def state(self) -> dict[str, Any]:
        """As ``Pipeline.state``, and: input: name of the source. health: a word; cause: why it is not live. outages:
        how often it was lost. lag: pictures by which the shown map is older than its picture, None: no map yet."""
        health, shown = self.health, self.shown
        return {
            "input": self.run.source.info.name,
            "health": health.state.value,
            "cause": health.cause,
            "outages": health.outages,
            "decode_errors": self.run.source.decode_errors,
            "lag": None if shown is None else shown.lag,
            **self.run.state(),
        }

    def _end(self, cause: str) -> None:
        self.over = True
        self.screen.lost(cause)
