"""What LIVE shows when the source has fallen silent: an old picture says so, and a lost source has no picture."""

from __future__ import annotations

import numpy as np

from livecam.health import SourceHealth, State
from livecam.overlay.no_signal import mark_stale, no_signal
from livecam.pipeline._run import Run
from livecam.sources import health_of
from livecam.types import AnnotatedFrame, Frame, Picture

STALE_S = 1.0  # a picture older than this does not pass for a live one
NO_FRAME = -1  # index of the frame under NO SIGNAL before the first picture: no sink records it


class Signal:
    """Watches the silence of one run, on the caller's thread."""

    def __init__(self, run: Run) -> None:
        self._run, self._began = run, run.clock.now()
        self.over: SourceHealth | None = None
        """How the source is when it is over and does not say so itself."""

    def instead_of(self, frame: Frame | None, drawn: tuple[int, int] | None) -> AnnotatedFrame | None:
        """NO SIGNAL instead of the last ``frame`` when the source is lost; None while there is no need. drawn: (H, W)
        of the picture, None: that of the source."""
        run, now = self._run, self._run.clock.now()
        health, info = self.over or health_of(run.source), run.source.info
        silent_s = now - (frame.captured_at if frame else self._began)
        if health.state not in (State.CONNECTING, State.LOST) or silent_s <= STALE_S:
            return None
        size = frame.picture.shape[:2] if frame else (info.height, info.width)
        frame = frame or Frame(np.zeros((*size, 3), np.uint8), NO_FRAME, 0.0, now)
        return AnnotatedFrame(frame, no_signal(drawn or size, info.name, health, now), None, None, run.progress.level)

    def mark(self, picture: Picture, frame: Frame) -> None:
        """Say in ``picture``, drawn from ``frame``, how old it is, when it is old."""
        age_s = self._run.clock.now() - frame.captured_at
        if age_s > STALE_S:
            mark_stale(picture, age_s)
