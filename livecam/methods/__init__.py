"""Methods: each is one pure function of a Tap, in a file of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from livecam.registry import Registry, load_all
from livecam.tap import Array, Tap


class Method(Protocol):
    def __call__(self, tap: Tap, class_idx: list[int]) -> Array:
        """Raw maps (B, h, w) >= 0 of class ``class_idx[b]`` in picture b."""
        ...


@dataclass(frozen=True, slots=True)
class MethodCard:
    """What ``livecam methods`` says of a method. cost: beside one forward pass."""

    name: str
    title: str
    function: Method
    paper: str
    cost: str


METHODS: Registry[MethodCard] = Registry("method")


def get_method(name: str) -> MethodCard:
    """The method of that name. Raises UnknownName."""
    return methods().get(name)


def methods() -> Registry[MethodCard]:
    load_all(__name__)
    return METHODS
