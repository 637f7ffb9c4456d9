"""Sources: a string names where pictures come from, and ``open_source`` opens it."""

from __future__ import annotations

from dataclasses import dataclass
from types import TracebackType
from typing import Protocol

from livecam.errors import SourceNotFound
from livecam.health import ALWAYS_LIVE, SourceHealth
from livecam.masking import masked
from livecam.registry import Registry, load_all
from livecam.types import Frame, SourceInfo


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """How to open a source.

    start_s, duration_s: the part of a recording, in media seconds from its beginning; None: all of it.
    size: (width, height) and fps: what to ask a camera for; None: 1280×720, 30. fps is also the rate of still images.
    timeout_s: longest silence of a network source.
    reconnect, retry_delay_s, stall_timeout_s: of ``livecam.sources.reconnecting``. Whether a fault is survived, None:
    if the source is live; seconds before the first new try, doubled with each further one; longest silence of a source
    that is open.
    name: what a file is called in messages and sidecars; None: by its path.
    """

    start_s: float | None = None
    duration_s: float | None = None
    size: tuple[int, int] | None = None
    fps: float | None = None
    timeout_s: float = 10.0
    reconnect: bool | None = None
    retry_delay_s: float = 1.0
    stall_timeout_s: float = 5.0
    name: str | None = None


class Source(Protocol):
    """Pictures in order. ``close`` twice is harmless and works from another thread."""

    @property
    def info(self) -> SourceInfo: ...

    @property
    def decode_errors(self) -> int:
        """Damaged packets or pictures skipped so far."""
        ...

    def read(self) -> Frame | None:
        """The next frame; None at the end, for ever after. Raises SourceError, SourceLost."""
        ...

    def close(self) -> None: ...

    def __enter__(self) -> Source: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class SourceKind(Protocol):
    """One kind of source: a class with ``matches`` and ``open``, registered under a name."""

    def matches(self, spec: str) -> bool:
        """Is ``spec`` for this kind? Cheap: opens nothing."""
        ...

    def open(self, spec: str, options: SourceOptions) -> Source: ...


SOURCES: Registry[SourceKind] = Registry("source")


def open_source(spec: str, options: SourceOptions | None = None) -> Source:
    """Open a source by its name: ``0``, ``/dev/video0``, a path, a glob, a folder of images, ``rtsp://``, ``http://``,
    ``browser:``, ``test://?size=640x480&fps=30&frames=300&seed=0``.

    Raises SourceNotFound when nothing is there, ConfigError when the name makes no sense.
    """
    return kind_of(spec).open(spec, options or SourceOptions())


def kind_of(spec: str) -> SourceKind:
    """The kind of source that ``spec`` names. Raises SourceNotFound."""
    load_all(__name__)
    for name in SOURCES:
        kind = SOURCES.get(name)
        if kind.matches(spec):
            return kind
    raise SourceNotFound(f"{masked(spec)}: no such file, camera or address; see 'livecam devices' for cameras")


def health_of(source: Source) -> SourceHealth:
    """How ``source`` is; one that does not say so is live."""
    health: SourceHealth = getattr(source, "health", ALWAYS_LIVE)
    return health
