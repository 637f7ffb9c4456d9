"""Name → thing. A duplicate name raises at import; an unknown one suggests what was meant."""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from livecam.errors import UnknownName

T = TypeVar("T")


def load_all(package: str) -> None:
    """Import every module of ``package``, so that each registers what it defines: a new thing is one new file."""
    for module in pkgutil.iter_modules(importlib.import_module(package).__path__):
        importlib.import_module(f"{package}.{module.name}")


class Registry(Generic[T]):
    """Ordered table of named things of one kind.

    >>> colours = Registry[int]("colour")
    >>> colours.add("red", 1)
    1
    >>> colours.get("rde")
    Traceback (most recent call last):
    ...
    livecam.errors.UnknownName: unknown colour 'rde'; did you mean 'red'?
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._things: dict[str, T] = {}

    def add(self, name: str, thing: T) -> T:
        if name in self._things:
            raise ValueError(f"{self.kind} {name!r} is registered twice")
        self._things[name] = thing
        return thing

    def register(self, name: str) -> Callable[[T], T]:
        """Decorator form of ``add``."""
        return lambda thing: self.add(name, thing)

    def get(self, name: str) -> T:
        try:
            return self._things[name]
        except KeyError:
            raise UnknownName(f"unknown {self.kind} {name!r}; {self._hint(name)}") from None

    def _hint(self, name: str) -> str:
        close = difflib.get_close_matches(name.lower(), self._things, n=2, cutoff=0.5)
        if close:
            return "did you mean " + " or ".join(repr(c) for c in close) + "?"
        return "known: " + ", ".join(self._things)

    def __iter__(self) -> Iterator[str]:
        return iter(self._things)

    def __contains__(self, name: object) -> bool:
        return name in self._things

    def __len__(self) -> int:
        return len(self._things)
