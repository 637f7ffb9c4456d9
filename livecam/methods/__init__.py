"""Methods: each is one pure function of a Tap, in a file of its own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Literal, Protocol, cast

from livecam.registry import Registry, load_all
from livecam.tap import Array, Need, Tap

if TYPE_CHECKING:
    from collections.abc import Callable


class Formula(Protocol):
    def __call__(self, tap: Tap, class_idx: list[int]) -> Array:
        """Maps (B, h, w) of class ``class_idx[b]`` in picture b, before the formula's last ReLU: an array of the
        backend, or NumPy."""
        ...


Relu = Literal["on", "leaky", "off"]
RELUS: tuple[Relu, ...] = ("on", "leaky", "off")
SLOPE = 0.01
"""Of LeakyReLU below 0."""


@dataclass(frozen=True, slots=True)
class MethodCard:
    """What ``livecam methods`` says of a method.

    cost: beside one forward pass. needs: what the backend must have. same_as: where it equals another method, up to a
    factor. budget: forward passes a frame, of a method that tries many inputs and takes ``budget=``; else None.
    of_class: False where the map shows nothing of a class, and so nothing of "this and not that". logits: True where a
    map is in units of the logit, what each cell adds to it. relu: the formula's last step, ``leaky`` with SLOPE,
    ``off`` to see also what speaks against; it changes nothing where a formula ends otherwise.
    """

    name: str
    title: str
    formula: Formula
    paper: str
    cost: str
    needs: frozenset[Need] = frozenset()
    same_as: str = ""
    budget: int | None = None
    of_class: bool = True
    logits: bool = False
    relu: Relu = "on"

    def function(self, tap: Tap, class_idx: list[int]) -> Array:
        """Raw maps (B, h, w) of class ``class_idx[b]`` in picture b, >= 0 unless ``relu`` lets others through."""
        maps = self.formula(tap, class_idx)
        if self.relu == "on":
            return maps.clip(min=0)
        return maps if self.relu == "off" else maps.clip(min=0) + SLOPE * maps.clip(max=0)

    def with_budget(self, budget: int | None) -> MethodCard:
        """The method with so many forward passes a frame; where it takes no budget, or for None, as it is."""
        if budget is None or self.budget is None:
            return self
        formula = partial(cast("Callable[..., Array]", self.formula), budget=budget)
        return replace(self, formula=formula, budget=budget)


METHODS: Registry[MethodCard] = Registry("method")


def get_method(name: str) -> MethodCard:
    """The method of that name. Raises UnknownName."""
    return methods().get(name)


def methods() -> Registry[MethodCard]:
    load_all(__name__)
    return METHODS
