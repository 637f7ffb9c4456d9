"""Sinks: a string names where annotated frames go, and ``open_sink`` opens it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Protocol, Self

from livecam.controls import Controls
from livecam.errors import ConfigError, SinkError
from livecam.masking import masked
from livecam.registry import Registry, load_all
from livecam.types import AnnotatedFrame, RunInfo


@dataclass(frozen=True, slots=True)
class SinkOptions:
    """How to write.

    live: pictures carry the time at which they were captured, and the file must be playable at any moment.
    force: overwrite an existing file.
    codec, crf, preset: of videos; None: the codec's default.
    audio: copy the source's audio tracks.
    subtitles: the labels as a text track of the recording, and chapters.
    comment: kept in the metadata of a converted video.
    decode_errors: asked at the end, how many pictures of the source could not be decoded; for the sidecar's last line.
    settings: what was set for the run, as JSON goes; for that line, too.
    segment_s: cut a live video after so many seconds, into ``out-00001.mp4``, ``out-00002.mp4``, … quota: bytes that
    its segments may have together, None: no limit. keep_free: bytes of the disk that stay free; the oldest are deleted.
    drop: told the cause of each picture that a sink does not write though it was given it.
    controls: changed by a sink that the viewer can act on. state: asked for the state of a live run, as JSON goes.
    """

    live: bool = False
    force: bool = False
    codec: str = "h264"
    crf: int | None = None
    preset: str | None = None
    audio: bool = True
    subtitles: bool = False
    segment_s: float | None = None
    quota: int | None = None
    keep_free: int = 0
    comment: str = ""
    decode_errors: Callable[[], int] = int
    settings: Mapping[str, Any] = field(default_factory=dict)
    drop: Callable[[str], object] = str
    controls: Controls = field(default_factory=Controls)
    state: Callable[[], dict[str, Any]] = dict


class Sink(Protocol):
    """Takes annotated frames. All of its calls come from one thread, ``close`` from any; twice is harmless."""

    def write(self, annotated: AnnotatedFrame) -> bool:
        """Take a frame. False when the viewer has ended (window closed, ``q``), else True. Raises SinkError, also once
        closed. The sink may keep the picture: it is not changed afterwards, by nobody."""
        ...

    def finish(self) -> None:
        """The source has ended by itself: take what belongs after its last picture (the rest of the audio)."""
        ...

    def close(self) -> None:
        """Finalise what was written."""
        ...

    def abort(self) -> None:
        """Leave nothing half-written: like ``close`` for a live recording, else what was written is removed."""
        ...

    def __enter__(self) -> Sink: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """``close``; after an exception other than KeyboardInterrupt, ``abort``."""
        ...


class BaseSink:
    """What most sinks share: nothing to finish, nothing to abort, and the context manager."""

    closed = False

    def check_open(self) -> None:
        if self.closed:
            raise SinkError("write after close: this sink takes no more frames")

    def finish(self) -> None:
        return

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None or issubclass(kind, KeyboardInterrupt):
            self.close()
        else:
            self.abort()


class SinkKind(Protocol):
    """One kind of sink: a class with ``matches`` and ``open``, registered under a name."""

    def matches(self, spec: str) -> bool:
        """Is ``spec`` for this kind? Cheap: opens nothing."""
        ...

    def open(self, spec: str, options: SinkOptions, run: RunInfo | None) -> Sink: ...


SINKS: Registry[SinkKind] = Registry("sink")


def open_sink(spec: str, options: SinkOptions | None = None, run: RunInfo | None = None) -> Sink:
    """Open a sink by its name: ``display``, ``out.mp4``, ``frames/%05d.png``, ``out.jsonl``, ``rtmp://…``, ``memory``,
    ``null``.

    run: where the pictures come from (audio, time base) and who explains them; needed by ``.jsonl``.
    Raises ConfigError when the name makes no sense, SinkError when it cannot be written.
    """
    load_all(__name__)
    for name in SINKS:
        kind = SINKS.get(name)
        if kind.matches(spec):
            return kind.open(spec, options or SinkOptions(), run)
    raise ConfigError(
        f"{masked(spec)}: not a sink; known: display, http://HOST:PORT, rtmp://…, rtsp://…, FILE.mp4, "
        "FOLDER/%05d.png, FILE.jsonl, memory, null"
    )
