"""Who is told how far it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from types import TracebackType
from typing import Protocol

from livecam.types import Frame, SourceInfo


class Bar(Protocol):
    """Of one recording."""

    def update(self, frame: Frame, decode_errors: int) -> None:
        """One more picture is done."""
        ...

    def at(self, frames: int, decode_errors: int = 0) -> None:
        """So many are done."""
        ...

    def __enter__(self) -> Bar: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class MakesBar(Protocol):
    def __call__(self, name: str, source: SourceInfo, max_frames: int | None = None, /) -> Bar: ...


class Shows(Protocol):
    """Shows how far ``annotate`` is."""

    @property
    def bar(self) -> MakesBar: ...

    def counted(self, name: str) -> AbstractContextManager[Callable[..., None]]:
        """Of things that can be counted beforehand: it is called with how many are done, how many there are, and words
        that stand beside."""
        ...


class Told:
    """In place of a bar, where somebody else shows how far it is: ``seen`` is called once a frame."""

    def __init__(self, seen: Callable[[], object] = int) -> None:
        self._seen = seen

    def update(self, _frame: Frame, _decode_errors: int) -> None:
        self._seen()

    def at(self, _frames: int, _decode_errors: int = 0) -> None:
        pass

    def __enter__(self) -> Told:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass


def untold(_name: str, _source: SourceInfo, _max_frames: int | None = None, /) -> Bar:
    """Nobody is told."""
    return Told()


class Silent:
    """Shows nothing."""

    bar: MakesBar = staticmethod(untold)

    @contextmanager
    def counted(self, _name: str) -> Iterator[Callable[..., None]]:
        yield lambda *_: None
