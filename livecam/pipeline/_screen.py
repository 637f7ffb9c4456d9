"""The caller's side of LIVE: joins a picture with an explanation as the viewer wants it, and governs the quality."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import NamedTuple

from livecam.clock import Pacer
from livecam.controls import View
from livecam.governor import LADDER, Governor, Level
from livecam.health import SourceHealth, State
from livecam.overlay import Painter
from livecam.pipeline._inputs import Inputs
from livecam.pipeline._run import CHANGES_KEPT, Run
from livecam.pipeline._signal import Signal
from livecam.pipeline._view import mirrored, mirrored_map, resized, shrunk
from livecam.smoothing import Motion, SceneCut, thumbnail
from livecam.smoothing.motion import Luma, Moved
from livecam.types import AnnotatedFrame, Explanation, Frame

log = logging.getLogger("livecam")

AGE_SHOWN_S = 0.2  # an overlay older than this says how old
STATUS_S = 0.5  # figures that change with every picture cannot be read
STARVED_S = 2.0  # over which it is counted how many pictures the network misses
PREPARE_S = 10.0  # of time to spare, after which smaller inputs of the network are prepared


class Explained(NamedTuple):
    """A picture and its explanation; ``luma``: its thumbnail."""

    frame: Frame
    explanation: Explanation
    luma: Luma


class Screen:
    """What is shown. ``level`` and ``held`` (the picture that stands, while paused) are read by other threads.

    rate: pictures a second, at best. ladder: what the governor may choose from. tick_s: seconds that drawing and the
    sinks have; None: until the next picture. size: (H, W) in which pictures are drawn, even; None: their own.
    """

    def __init__(self, run: Run, rate: float, ladder: tuple[Level, ...], tick_s: float | None = None) -> None:
        self.inputs = Inputs(run.explainer, ladder)
        self.level, self.held = ladder[run.quality or 0], None
        self.size: tuple[int, int] | None = None
        self.paced = False
        """Whether some pictures are left out because fewer are wanted than the source has."""
        self._governor = Governor(tick_s or 1 / rate, ladder, skip=self._unprepared)
        self._run, self._rate = run, rate
        self._frame: Frame | None = None
        self._explained: Explained | None = None
        self._pacer: Pacer | None = None
        self._painter = run.painter
        self._drawn = self._taken = -1
        self._cut, self._scene = SceneCut(), 0
        self._motion, self._carried = Motion(), (-1, -1, None)
        self._status, self._status_at = "", -STATUS_S
        self._counted, self._counted_at, self._starved = (0, 0), 0.0, 0.0
        self._dropped = self._steps = 0
        self._signal = Signal(run)

    held: Frame | None
    _carried: tuple[int, int, Explanation | None]

    @property
    def period(self) -> float:
        """Seconds from one picture to the next."""
        return 1 / (self._rate * self.level.rate)

    def wait(self) -> int:
        """Wait for the time of the next picture; returns how many were missed. A source that is no faster than what is
        wanted is not held back: its own rhythm is the smoothest."""
        run, fps = self._run, self._run.source.info.fps
        self.paced = self.level.rate < 1.0 or (run.target_fps is not None and not 0 < fps <= run.target_fps)
        if not self.paced:
            self._pacer = None
            return 0
        if self._pacer is None or self._pacer.period != self.period:
            self._pacer = Pacer(self.period, run.clock)
        return self._pacer.tick(run.stop)

    def overwritten(self, total: int, missed: int) -> None:
        """``total`` pictures so far were replaced by newer ones before they could be shown."""
        cause = "paced" if self.paced and not missed else "overwritten"
        if total > self._dropped:
            self._run.stats.drop(cause, total - self._dropped)
        self._dropped = total

    def take(self, frame: Frame | None, explained: Explained | None, view: View) -> Frame | None:
        """The picture to draw. frame, explained: what is new, if anything is."""
        run = self._run
        if view.paused and self._frame is not None:
            self._steps += run.controls.take("step")
            if frame is not None and self._steps:
                self._steps, self._frame = self._steps - 1, frame
            self.held = self._frame
            if frame is not None and frame.index > self.held.index:
                run.stats.drop("paused")
            # What was made of a later picture does not belong to the one that stands.
            if explained is not None and explained.frame.index > self.held.index:
                explained = None
        else:
            self.held, self._steps = None, 0
            self._frame = frame or self._frame
        self._explained = explained or self._explained
        return self._frame

    def show(self, frame: Frame | None, view: View) -> AnnotatedFrame | None:
        """``frame`` explained, and marked when it is old; NO SIGNAL when the source is lost; None before all that."""
        missing = None if self.held else self._signal.instead_of(frame, self.size)
        if missing or frame is None:
            return missing
        annotated = self.draw(frame, view)
        if not self.held:
            self._signal.mark(annotated.picture, frame)
        return annotated

    def lost(self, cause: str) -> None:
        """The source is over, for the reason ``cause``: there will be no more pictures."""
        self._signal.over = SourceHealth(State.LOST, cause=cause)

    def draw(self, frame: Frame, view: View) -> AnnotatedFrame:
        run = self._run
        if view.quality is not None or run.quality is not None:
            self._set(LADDER[run.quality or 0 if view.quality is None else view.quality])
        else:
            self._set(self._governor.ladder[self._governor.level])
        if frame.index != self._drawn:  # and not the last picture once more
            self._drawn = frame.index
            run.progress.frames_out += 1
            if self._cut.is_cut(frame.picture):
                self._scene = frame.index
        explained = self._explained
        if explained is not None and explained.frame.index < self._scene:
            explained = None  # it explains a scene that is over
        with run.stats.stage("motion"):
            heat = None if explained is None else self._moved(frame, explained)
        with run.stats.stage("overlay"):
            picture = frame.picture if self.level.size == 1.0 else shrunk(frame.picture, self.level.size)
            if self.size is not None:
                picture = resized(picture, self.size)
            if view.mirror:
                picture, heat = mirrored(picture), heat and mirrored_map(heat)
            words = heat
            if view.hud == "compact" and heat is not None:
                words = replace(heat, top=() if heat.target is None else (heat.target,))
            age = None if explained is None else frame.captured_at - explained.frame.captured_at
            picture = self._painted(view).paint(
                picture,
                words,
                quality=self.level.quality,
                status=self._figures() if view.hud == "full" else "",
                age_s=age if age is not None and age > AGE_SHOWN_S else None,
            )
        explanation = None if explained is None else explained.explanation
        lag = None if explained is None else frame.index - explained.frame.index
        return AnnotatedFrame(frame, picture, explanation, lag, self.level.quality)

    def presented(self, annotated: AnnotatedFrame, busy: float, view: View) -> None:
        """The sinks have taken it; drawing and they took ``busy`` seconds."""
        run, frame, explained = self._run, annotated.frame, self._explained
        if frame.index == self._taken or self.held is not None:  # the last picture once more says nothing of the load
            if self.held is not None:
                run.meter.rest()
            self._governor.rest()
            return
        self._taken = frame.index
        shown = explained.frame if explained is not None and annotated.explanation is not None else None
        run.meter.presented(frame, shown, self.period)
        if run.quality is None and view.quality is None:
            self._adapt(busy, frame)

    def count(self, offered: int, missed: int) -> None:
        """Of the ``offered`` pictures so far, the network missed so many."""
        now = self._run.clock.now()
        if now - self._counted_at >= STARVED_S:
            before, self._counted, self._counted_at = self._counted, (offered, missed), now
            self._starved = (missed - before[1]) / max(offered - before[0], 1)

    def _adapt(self, busy: float, frame: Frame) -> None:
        run, now = self._run, self._run.clock.now()
        change = self._governor.update(busy, now, self._starved)
        if change:
            level = self._governor.ladder[change.level]
            text = f"quality {change.level} ({level.title}): {change.reason}"
            run.progress.step, run.progress.title = change.level, level.title
            run.progress.changes.append(text)
            del run.progress.changes[:-CHANGES_KEPT]
            self._status_at = -STATUS_S
            log.info("%s", text)
        elif self._governor.calm(now) >= PREPARE_S:
            self.inputs.prepare(frame.picture.shape[:2])

    def _unprepared(self, number: int) -> bool:
        """Is a smaller input all that this rung is about, and not there yet?"""
        level, above = self._governor.ladder[number], self._governor.ladder[max(number - 1, 0)]
        size = self._frame.picture.shape[:2] if self._frame else (0, 0)
        return level.input < above.input and not self.inputs.ready(size, level.input)

    def _set(self, level: Level) -> None:
        self.level = level
        self._run.progress.level = level.quality

    def _moved(self, frame: Frame, explained: Explained) -> Explanation:
        """The explanation with what is drawn of it, map, boxes and mask, where it belongs in ``frame``."""
        if frame.index == explained.frame.index:
            return explained.explanation
        key = frame.index, explained.frame.index
        if self._carried[:2] != key:
            made = explained.explanation
            moved = self._motion.between(explained.luma, thumbnail(frame.picture))
            self._carried = (*key, made if moved is None else _carried(made, moved))
        assert self._carried[2] is not None
        return self._carried[2]

    def _painted(self, view: View) -> Painter:
        """The painter of the view's style; made when the style changes."""
        style = self._run.painter.style
        wanted = replace(
            style,
            colormap=view.colormap or style.colormap,
            alpha=style.alpha if view.alpha is None else view.alpha,
            hud=style.hud and view.hud != "off",
        )
        if wanted != self._painter.style:
            self._painter = self._run.painter if wanted == style else Painter(wanted)
        return self._painter

    def _figures(self) -> str:
        """The status line, made anew twice a second."""
        run, now = self._run, self._run.clock.now()
        if now - self._status_at >= STATUS_S:
            meter, dropped = run.meter, sum(run.stats.dropped.values())
            parts = [run.explainer.title, f"{meter.shown.rate:.0f}/{meter.camera.rate:.0f} fps"]
            age = "" if meter.explanation_age is None else f" {1000 * meter.explanation_age:.0f} ms"
            parts.append(f"map {meter.explained.rate:.0f}/s{age}")
            parts += [f"{dropped} dropped"] * (dropped > 0)
            parts += [run.progress.title] * (run.progress.step > 0)
            self._status, self._status_at = " · ".join(parts), now
        return self._status


def _carried(made: Explanation, moved: Moved) -> Explanation:
    return replace(
        made,
        cam=moved.cam(made.cam, made.region),
        objects=tuple(replace(one, box=moved.box(one.box)) for one in made.objects),
        mask=None if made.mask is None else moved.mask(made.mask, made.region),
    )
