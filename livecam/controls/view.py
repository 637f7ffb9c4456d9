"""View: what the viewer wishes to see, at one moment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

HudLevel = Literal["full", "compact", "off"]
RUNNER_UP: Literal["runner-up"] = "runner-up"


@dataclass(frozen=True, slots=True)
class View:
    """The wishes of the viewer at one moment.

    paused: the picture stands, explaining it goes on. mirror: shown as in a mirror. hud: how much is written.
    colormap, alpha, quality, method: None leaves what the run was started with. quality: 0 (best) and up.
    smooth: whether maps are averaged in time. recording: whether recording sinks get pictures.
    rank: the class explained, 1 for the best. locked: a class that is explained whatever is best.
    against: "why the explained class and not this one", an index or the best of the others. spot: (x, y), fractions of
    the source's picture (not of its mirror image), whose votes are asked for. help: whether the keys are explained on
    the picture. enlarged: the one of several cameras that is shown alone, by its number from 0.
    """

    paused: bool = False
    mirror: bool = False
    hud: HudLevel = "full"
    colormap: str | None = None
    alpha: float | None = None
    quality: int | None = None
    method: str | None = None
    smooth: bool = True
    recording: bool = True
    rank: int = 1
    locked: int | None = None
    against: int | Literal["runner-up"] | None = None
    spot: tuple[float, float] | None = None
    help: bool = False
    enlarged: int | None = None
