"""What a viewer may do in a run, and what the loop does when it is asked."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType

from livecam.config import Settings
from livecam.controls import Choices, Controls
from livecam.controls.wall import WallControls
from livecam.errors import LivecamError
from livecam.explainer import Explainer
from livecam.overlay import COLORMAPS, DEFAULT_ALPHA, DEFAULT_COLORMAP
from livecam.sinks.snapshot import FOLDER, write_snapshot
from livecam.types import AnnotatedFrame, RunInfo


def make_controls(
    settings: Settings, explainer: Explainer, *, recording: bool, forbidden: frozenset[str], cameras: int = 1
) -> Controls:
    """The controls of a run. recording: whether there is a sink to record into. forbidden: actions that this run
    does not allow. cameras: several have WallControls."""
    choices = Choices(
        colormaps=tuple(COLORMAPS),
        methods=explainer.methods,
        classes=len(explainer.labels),
        colormap=settings.colormap or DEFAULT_COLORMAP,
        method=explainer.method,
        alpha=DEFAULT_ALPHA if settings.alpha is None else settings.alpha,
        recording=recording,
        forbidden=forbidden,
    )
    return Controls(choices=choices) if cameras == 1 else WallControls(cameras, choices=choices)


class Acts:
    """After each frame: the events that wait in ``controls``. A context manager; leaving it waits for what is written.

    A snapshot is encoded in a thread of its own, one at a time; where it is kept, or why it is not, is told to the
    viewer and to ``say``. It is no reason to end the show.
    """

    def __init__(self, controls: Controls, run: RunInfo, say: Callable[[str], None], *, folder: Path = FOLDER) -> None:
        self._controls, self._run, self._say, self._folder = controls, run, say, folder
        self._writer = ThreadPoolExecutor(1, "livecam-snapshot")
        self._pending: Future[Path] | None = None

    def after(self, annotated: AnnotatedFrame) -> bool:
        """Do what was asked for while ``annotated`` was shown. False when somebody has asked to end."""
        if self._controls.take("snapshot") and (self._pending is None or self._pending.done()):
            self._pending = self._writer.submit(write_snapshot, annotated, self._run, self._folder)
            self._pending.add_done_callback(self._tell)
        return not self._controls.take("quit")

    def _tell(self, done: Future[Path]) -> None:
        error = done.exception()
        if error is not None and not isinstance(error, LivecamError):
            raise error
        news = f"kept as {done.result().name}" if error is None else str(error)
        self._controls.tell(news)
        self._say(f"snapshot {done.result()}" if error is None else f"no snapshot: {error}")

    def __enter__(self) -> Acts:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.shutdown()
