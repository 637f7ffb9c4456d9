"""EVERY: all frames, in order, for files and exports.

source ─▶ Channel(n, WAIT) ─▶ explain, smooth ─▶ Channel(n, WAIT) ─▶ overlay ─▶ caller
"""

from __future__ import annotations

from collections.abc import Generator

from livecam.channel import Channel, Closed, Full
from livecam.pipeline._run import WAKE_S, Run, Workers, asked_of, read, smoothed
from livecam.types import AnnotatedFrame, Explanation, Frame

DEPTH = 1  # frames that wait between two threads: more take memory and no less time


def every(run: Run) -> Generator[AnnotatedFrame, None, None]:
    """Every frame, in order."""
    frames: Channel[Frame] = Channel(DEPTH, Full.WAIT)
    explained: Channel[tuple[Frame, Explanation]] = Channel(DEPTH, Full.WAIT)

    def decode() -> None:
        for frame in read(run):
            frames.put(frame)

    def explain() -> None:
        for frame in frames:
            with run.stats.stage("explain"):
                asked = asked_of(run, frame, frame.pts, run.smoother)
                if run.window is not None:
                    run.window.add(frame.picture, frame.pts)
                    asked["clip"] = run.window.ending(frame.picture, frame.pts)
                made = run.explainer.explain(frame.picture, **asked)
            explained.put((frame, smoothed(run, frame, made, run.smoother)))

    with Workers(run.stop, [run.source], (decode, frames), (explain, explained)):
        while not run.stop_requested():
            try:
                frame, explanation = explained.get(WAKE_S)
            except TimeoutError:
                continue
            except Closed:
                return
            with run.stats.stage("overlay"):
                picture = run.painter.paint(
                    frame.picture, explanation, quality=run.progress.level, status=run.explainer.title
                )
            run.progress.frames_out += 1
            yield AnnotatedFrame(frame, picture, explanation, 0, run.progress.level)
        run.progress.complete = False
