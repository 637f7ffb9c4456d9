"""EVERY: all frames, in order, for files and exports.

source ─▶ Channel(n, WAIT) ─▶ explain, smooth ─▶ Channel(n, WAIT) ─▶ overlay ─▶ caller
"""

from __future__ import annotations

from collections.abc import Generator

from livecam.channel import Channel, Closed, Full
from livecam.pipeline._run import WAKE_S, Run, Workers, explain_frame, read
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
            explained.put((frame, explain_frame(run, frame, frame.pts)))

    with Workers(run, (decode, frames), (explain, explained)):
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
