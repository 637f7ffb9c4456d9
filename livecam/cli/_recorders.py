"""What writes while a live run goes on: each sink in a thread of its own, and none of them ends the show."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Self

from livecam.channel import Full
from livecam.cli._console import say
from livecam.controls import Controls
from livecam.errors import SinkError
from livecam.masking import masked
from livecam.sinks import Sink
from livecam.sinks._files import reason
from livecam.sinks.push import PushSink
from livecam.sinks.threaded import ThreadedSink
from livecam.stats import Stats
from livecam.types import AnnotatedFrame

RECORDING_QUEUE = 30  # pictures that wait for an encoder that is late for a moment
PUSHING_QUEUE = 4  # fewer, for who watches a stream sees each of them as delay


class Recorders:
    """Files and streams of a live run. A context manager: leaving it finalises them.

    open_sink: opens an output by its name. others: is there something else to show the pictures to?
    A sink that writes files and fails (the disk is full, the folder is gone) is given up with what it has written;
    viewers are told, and ``failure`` is why. It is raised at once when there is nothing else to go on for, and so is
    what a stream fails with, for its first connection must succeed. What a slow disk or network does not take is
    counted in ``stats`` while it happens.
    """

    def __init__(
        self, specs: list[str], open_sink: Callable[[str], Sink], controls: Controls, stats: Stats, *, others: bool
    ) -> None:
        self.failure: SinkError | None = None
        self._specs, self._open = specs, open_sink
        self._controls, self._stats, self._others = controls, stats, others
        self._sinks: dict[str, ThreadedSink] = {}
        self._stopped: dict[str, str] = {}
        self._counted: dict[str, int] = dict.fromkeys(specs, 0)
        self._stack = ExitStack()

    def write(self, annotated: AnnotatedFrame) -> bool:
        """Hand the picture to all; recording can be switched off, a stream goes on. False: nobody wants more."""
        wanted = True
        for spec, sink in list(self._sinks.items()):
            with self._outlived(spec):
                if self._controls.view.recording or is_push(spec) or sink.failed:
                    wanted &= sink.write(annotated)
            self._count(spec, sink)
        return wanted

    def finish(self) -> None:
        for spec, sink in list(self._sinks.items()):
            with self._outlived(spec):
                sink.finish()

    def state(self) -> dict[str, Any]:
        """recordings: output → ``recording``, ``complete``, or why it was stopped. stopped: how many were."""
        well = "recording" if self._sinks else "complete"
        recordings = {masked(spec): self._stopped.get(spec, well) for spec in self._specs}
        return {"recordings": recordings, "recordings_stopped": len(self._stopped)}

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            for spec in self._specs:
                sink = ThreadedSink(
                    self._open(spec), PUSHING_QUEUE if is_push(spec) else RECORDING_QUEUE, full=Full.LATEST
                )
                self._sinks[spec] = sink
                stack.push(lambda kind, error, trace, spec=spec: self._leave(spec, kind, error, trace))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *raised: Any) -> None:
        self._stack.__exit__(*raised)

    def _leave(self, spec: str, *raised: Any) -> None:
        sink = self._sinks.get(spec)
        if sink is None:
            return
        with self._outlived(spec):
            sink.__exit__(*raised)
            del self._sinks[spec]
        self._count(spec, sink)

    @contextmanager
    def _outlived(self, spec: str) -> Iterator[None]:
        try:
            yield
        except SinkError as error:
            if is_push(spec):
                raise
            self._sinks.pop(spec)
            self.failure = self.failure or error
            why = reason(error.__cause__ or error).lower()
            self._stopped[spec] = f"stopped: {why}"
            self._controls.alarm(f"recording stopped: {why}")
            say(f"{error}; this output is stopped")
            if not (self._others or self._sinks):
                raise

    def _count(self, spec: str, sink: ThreadedSink) -> None:
        new, self._counted[spec] = sink.dropped - self._counted[spec], sink.dropped
        if new:
            self._stats.drop("network too slow" if is_push(spec) else "encoder too slow", new)


def is_push(spec: str) -> bool:
    return PushSink.matches(spec)
