"""Choices: what a run leaves to its viewer."""

from __future__ import annotations

from dataclasses import dataclass

from livecam.geometry import Region


@dataclass(frozen=True, slots=True)
class Choices:
    """What there is to choose from in a run, and what its viewer sees now.

    colormaps, methods: names, in the order in which a key goes through them. classes: how many; 0: unknown, then none
    can be named. colormap, method, alpha: in use while the View names none. recording: whether there is a sink to
    record into. forbidden: names of actions that this run does not allow, e.g. whatever writes to the disk of a kiosk.
    explained: the class explained now, if one is. level: quality in use. tiles: where each of several cameras lies in
    the picture.
    """

    colormaps: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    classes: int = 0
    colormap: str | None = None
    method: str | None = None
    alpha: float = 0.5
    recording: bool = False
    forbidden: frozenset[str] = frozenset()
    explained: int | None = None
    level: int = 0
    tiles: tuple[Region, ...] = ()
