"""The worker of a kiosk: a live run that is dressed for visitors."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

from livecam.assembly import check_apart, make_explainer, source_options
from livecam.cli._interrupt import Interrupt
from livecam.cli._live import Stage, run_live
from livecam.cli.demo import sample
from livecam.config import Kiosk, Settings
from livecam.heartbeat import Heart, Receiver
from livecam.overlay.burn_in import brightness, cared_for, shift
from livecam.overlay.notice import draw_invitation, draw_notice
from livecam.sources import open_source
from livecam.sources.attract import AttractSource
from livecam.sources.reconnecting import open_live
from livecam.types import AnnotatedFrame


class Exhibit(Stage):
    """A picture for visitors: with the notice, the invitation on the clip, and care for the screen. Nobody who passes
    by stops the show, or has anything kept."""

    forbidden = frozenset({"pause", "step", "quit", "record", "snapshot"})

    def __init__(self, kiosk: Kiosk, source: AttractSource, heart: Heart, before_outputs: Callable[[], None]) -> None:
        self._kiosk, self._source, self._heart = kiosk, source, heart
        self._before_outputs = before_outputs

    def before_outputs(self) -> None:
        self._before_outputs()

    def dress(self, annotated: AnnotatedFrame) -> AnnotatedFrame:
        image = annotated.image.copy()
        draw_notice(image, self._kiosk.notice)
        if self._source.is_example(annotated.frame.index):
            draw_invitation(image, self._kiosk.invitation)
        bright = brightness(self._source.silent_s, self._kiosk.dim_after)
        image = cared_for(image, shift(time.monotonic(), image.shape[:2]), bright)
        return AnnotatedFrame(annotated.frame, image, annotated.explanation, annotated.lag, annotated.level)

    def presented(self, annotated: AnnotatedFrame, explained: int) -> None:
        self._heart.presented(annotated.frame.index, explained, self._source.health, time.monotonic())


def run_kiosk(
    source: str,
    outputs: Sequence[str],
    settings: Settings,
    receiver: Receiver,
    interrupt: Interrupt,
    *,
    force: bool,
    before_outputs: Callable[[], None],
) -> dict[str, Any]:
    """Show ``source`` until a signal comes; returns the report. ``receiver``: of the heartbeat. ``before_outputs``:
    called when everything is loaded. Raises as ``run_live`` does, but not for a camera that is lost or not there yet.
    """
    check_apart(outputs)
    kiosk = settings.kiosk
    clip = kiosk.clip or (sample() if kiosk.idle_after else None)
    if clip is not None:
        open_source(str(clip)).close()  # a clip that is not there is to be known before it is needed
    with ExitStack() as stack:
        camera = stack.enter_context(open_live(source, source_options(settings), wait=True))
        explainer = stack.enter_context(make_explainer(settings, "live"))
        shown = stack.enter_context(AttractSource(camera, lambda: open_source(str(clip)), kiosk.idle_after or math.inf))
        stage = Exhibit(kiosk, shown, Heart(receiver), before_outputs)
        return run_live([shown], list(outputs), settings, explainer, interrupt, force=force, stage=stage)
