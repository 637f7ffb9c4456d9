"""``memory``: annotated frames kept in a list. ``null``: annotated frames thrown away."""

from __future__ import annotations

from collections import deque

from livecam.sinks import SINKS, BaseSink, SinkOptions
from livecam.types import AnnotatedFrame, RunInfo


class MemorySink(BaseSink):
    """Keeps the newest ``limit`` frames, None: all of them. They can still be read when the sink is closed."""

    def __init__(self, limit: int | None = None) -> None:
        self._kept: deque[AnnotatedFrame] = deque(maxlen=limit)

    @staticmethod
    def matches(spec: str) -> bool:
        return spec == "memory"

    @staticmethod
    def open(spec: str, options: SinkOptions, run: RunInfo | None) -> MemorySink:
        return MemorySink()

    @property
    def frames(self) -> list[AnnotatedFrame]:
        """Oldest first."""
        return list(self._kept)

    def write(self, annotated: AnnotatedFrame) -> bool:
        self.check_open()
        self._kept.append(annotated)
        return True


class NullSink(BaseSink):
    @staticmethod
    def matches(spec: str) -> bool:
        return spec == "null"

    @staticmethod
    def open(spec: str, options: SinkOptions, run: RunInfo | None) -> NullSink:
        return NullSink()

    def write(self, annotated: AnnotatedFrame) -> bool:
        self.check_open()
        return True


SINKS.add("memory", MemorySink)
SINKS.add("null", NullSink)
