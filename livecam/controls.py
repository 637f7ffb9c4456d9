"""Controls: what the viewer has asked for. Keys and messages of a browser change it, the pipeline reads it."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from typing import Any, Literal

from livecam.errors import ConfigError
from livecam.types import AnnotatedFrame

HudLevel = Literal["full", "compact", "off"]


@dataclass(frozen=True, slots=True)
class View:
    """The wishes of the viewer at one moment.

    paused: the picture stands, explaining it goes on. mirror: shown as in a mirror. hud: how much is written.
    colormap, alpha, quality, method: None leaves what the run was started with. quality: 0 (best) and up.
    smooth: whether maps are averaged in time. recording: whether recording sinks get pictures.
    rank: the class explained, 1 for the best. locked: a class that is explained whatever is best.
    against: "why the explained class and not this one". spot: (x, y), fractions of the picture, whose votes are asked
    for. help: whether the keys are explained on the picture.
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
    against: int | None = None
    spot: tuple[float, float] | None = None
    help: bool = False


class Controls:
    """The current View. Any thread may read it or change it."""

    def __init__(self, view: View | None = None) -> None:
        self._view = view or View()
        self._explained: int | None = None
        self._lock = threading.Lock()

    @property
    def view(self) -> View:
        return self._view

    def change(self, **wishes: Any) -> View:
        """Replace fields of the view; returns the new one."""
        with self._lock:
            self._view = replace(self._view, **wishes)
            return self._view

    def observe(self, annotated: AnnotatedFrame) -> None:
        """What the viewer sees now: "this class" is the one explained there. Said by the sink that shows it."""
        with self._lock:
            self._explained = annotated.explanation.class_idx if annotated.explanation else None

    def act(self, name: str, value: Any = None) -> View:
        """Do what a browser asks for; returns the new View. Raises ConfigError when that makes no sense."""
        if name == "spot":
            return self.change(spot=None if value in (None, "off") else (float(value[0]), float(value[1])))
        if name == "contrast":
            return self.change(against=None if value == "off" or self.view.against is not None else value or 0)
        if name == "lock":
            return self.change(locked=self._explained if self.view.locked is None else None)
        fields = {"pause": "paused", "mirror": "mirror", "smooth": "smooth", "colormap": "colormap", "explain": "rank"}
        if name not in fields:
            raise ConfigError(f"{name}: no such action")
        field = fields[name]
        now = getattr(self.view, field)
        return self.change(**{field: not now if value is None and isinstance(now, bool) else value})
