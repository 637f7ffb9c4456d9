"""Controls of several cameras: what is asked for is meant for the one that is enlarged, or for all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

from livecam.controls import ACTIONS, Choices, Controls, View
from livecam.errors import ConfigError
from livecam.geometry import Region

OF_THE_WALL = frozenset({"enlarge", "snapshot", "record", "fullscreen", "help", "quit"})
EACH_FOR_ITSELF = frozenset({"lock", "step"})  # each holds on to its own class


class WallControls(Controls):
    """Controls of a wall. ``cameras``: those of each camera, in their order.

    ``view`` is that of the enlarged camera, else what was last asked of all of them. A spot is one of the wall's
    picture; it is asked of the enlarged camera, and of none while all are shown.
    """

    def __init__(self, cameras: int, view: View | None = None, choices: Choices | None = None) -> None:
        super().__init__(view, choices)
        self.cameras = tuple(Controls(view, choices) for _ in range(cameras))
        self._common = self._view
        self._whole: tuple[Region, ...] = ()

    def arranged(self, tiles: Sequence[Region], whole: Sequence[Region]) -> None:
        """Where the cameras lie in the wall's picture: each beside the others, and each when it is enlarged."""
        with self._lock:
            self._choices, self._whole = replace(self._choices, tiles=tuple(tiles)), tuple(whole)

    def change(self, **wishes: Any) -> View:
        with self._lock:
            self._common = replace(self._common, **wishes)
            for camera in self.cameras:
                camera.change(**wishes)
            return self._joined()

    def _do(self, name: Any, value: Any, *, at_the_machine: bool) -> View:
        with self._lock:
            number = self._common.enlarged
            if not isinstance(name, str) or name in OF_THE_WALL:
                self._common = self._changed(self._common, name, value, at_the_machine)
            elif number is not None:
                spot = self._seen_at(number, value) if name == "spot" else value
                self.cameras[number]._do(name, spot, at_the_machine=at_the_machine)
            elif name == "spot" and value not in (None, "off"):
                raise ConfigError("spot: enlarge a camera first")
            elif name in EACH_FOR_ITSELF:
                self._each(name, value, at_the_machine)
            else:
                self._all(self._changed(self._common, name, value, at_the_machine))
            return self._joined()

    def _all(self, after: View) -> None:
        """What has changed is the same for all cameras from now on."""
        before, self._common = self._common, after
        wishes = {one.name: getattr(after, one.name) for one in fields(View)}
        wishes = {name: wish for name, wish in wishes.items() if wish != getattr(before, name)}
        for camera in self.cameras:
            camera.change(**wishes)

    def _each(self, name: str, value: Any, at_the_machine: bool) -> None:
        """Raises ConfigError when no camera can do it."""
        if name == "lock" and value is None and any(camera.view.locked is not None for camera in self.cameras):
            value = "off"
        refused = []
        for camera in self.cameras:
            try:
                camera._do(name, value, at_the_machine=at_the_machine)
            except ConfigError as error:
                refused.append(error)
        if len(refused) == len(self.cameras):
            raise refused[0]
        self._common = replace(self._common, paused=self.cameras[0].view.paused)

    def _joined(self) -> View:
        common, number = self._common, self._common.enlarged
        own: dict[str, Any] = {"enlarged": number, "help": common.help, "recording": common.recording}
        self._view = common if number is None else replace(self.cameras[number].view, **own)
        return self._view

    def _seen_at(self, number: int, value: Any) -> Any:
        """A spot of the wall as one of the picture of the enlarged camera; "off" beside it. Raises ConfigError."""
        spot = ACTIONS.get("spot").change(self._common, value, self._choices).spot
        if spot is None:
            return "off"
        y0, x0, y1, x1 = self._whole[number]
        x, y = (spot[0] - x0) / (x1 - x0), (spot[1] - y0) / (y1 - y0)
        return [x, y] if 0 <= x <= 1 and 0 <= y <= 1 else "off"
