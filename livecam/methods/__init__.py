"""Methods: each is one pure function of a Tap, in a file of its own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Protocol, cast

from livecam.registry import Registry, load_all
from livecam.tap import Array, Need, Tap

if TYPE_CHECKING:
    from collections.abc import Callable


class Method(Protocol):
    def __call__(self, tap: Tap, class_idx: list[int]) -> Array:
        """Raw maps (B, h, w) >= 0 of class ``class_idx[b]`` in picture b: an array of the backend, or NumPy."""
        ...


@dataclass(frozen=True, slots=True)
class MethodCard:
    """What ``livecam methods`` says of a method.

    cost: beside one forward pass. needs: what the backend must have. same_as: where it equals another method, up to a
    factor. budget: forward passes a frame, of a method that tries many inputs and takes ``budget=``; else None.
    of_class: False where the map shows nothing of a class, and so nothing of "this and not that".
    """

    name: str
    title: str
    function: Method
    paper: str
    cost: str
    needs: frozenset[Need] = frozenset()
    same_as: str = ""
    budget: int | None = None
    of_class: bool = True

    def with_budget(self, budget: int | None) -> MethodCard:
        """The method with so many forward passes a frame; where it takes no budget, or for None, as it is."""
        if budget is None or self.budget is None:
            return self
        return replace(
            self, function=partial(cast("Callable[..., Array]", self.function), budget=budget), budget=budget
        )


METHODS: Registry[MethodCard] = Registry("method")


def get_method(name: str) -> MethodCard:
    """The method of that name. Raises UnknownName."""
    return methods().get(name)


def methods() -> Registry[MethodCard]:
    load_all(__name__)
    return METHODS
