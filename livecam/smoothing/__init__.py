"""Steady explanations: label hysteresis, averaging in seconds along with the motion, reset at cuts. Pure: time comes
with the frames."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livecam.errors import ConfigError
from livecam.smoothing.average import MapAverage
from livecam.smoothing.hysteresis import Hysteresis
from livecam.smoothing.motion import Luma, Motion, Moved, thumbnail
from livecam.smoothing.scene import SceneCut
from livecam.smoothing.tracking import DOUBTFUL, Found, Tracker
from livecam.types import Explanation, Picture

DEFAULT_SECONDS = 0.35
TINY = 1e-6  # heat that is none

Memory = dict[str, NDArray[Any]]
"""What a Smoother remembers: name → array; what is not remembered is left out."""

REMEMBERED = (
    ("_cut", "_previous"),
    ("_cut", "_usual"),
    ("_hysteresis", "_average"),
    ("_hysteresis", "_held"),
    ("_hysteresis", "_last"),
    ("_average", "_map"),
    ("_average", "_scale"),
    ("_average", "_last"),
)

__all__ = [
    "DEFAULT_SECONDS",
    "DOUBTFUL",
    "Found",
    "Hysteresis",
    "MapAverage",
    "Memory",
    "Motion",
    "SceneCut",
    "Smoother",
    "Tracker",
    "thumbnail",
]


class Smoother:
    """One stream's memory. Per frame: ``observe`` the picture, let ``choose`` name the class and ``track`` the objects,
    ``smooth`` the result.

    seconds: time constant of the averages; 0 switches them off, every map is then scaled by its own peak.
    """

    def __init__(self, seconds: float = DEFAULT_SECONDS) -> None:
        if seconds < 0:
            raise ConfigError(f"smooth takes seconds >= 0 or 'off', not {seconds}")
        self._on = seconds > 0
        self._cut = SceneCut()
        self._hysteresis = Hysteresis(seconds)
        self._average = MapAverage(seconds)
        self._motion = Motion()
        self._tracker = Tracker(seconds)
        self._moved: Moved | None = None
        self._luma: Luma | None = None
        self._shown: tuple[int | None, int | None, str] | None = None
        self._now = 0.0

    def observe(self, image: Picture, now: float) -> None:
        """Look at the picture of time ``now`` (seconds): a cut, or a jump back in time, forgets everything before."""
        if self._cut.is_cut(image) or now < self._now:
            self.reset()
        self._now = now
        if self._on:
            before, self._luma = self._luma, thumbnail(image)
            self._moved = None if before is None else self._motion.between(before, self._luma)
            if self._moved is not None:
                self._tracker.move(self._moved)

    @property
    def luma(self) -> Luma | None:
        """The thumbnail of the observed picture; None where nothing is averaged."""
        return self._luma

    def choose(self, scores: NDArray[np.float32]) -> int:
        """The class to explain in the observed picture. scores: (C,) probabilities."""
        return self._hysteresis.choose(scores, self._now) if self._on else int(scores.argmax())

    def track(self, found: Sequence[Found], least: float = 0.0) -> list[int | None]:
        """The number of each object of the observed picture, None for what is not there; see ``Tracker.update``. Where
        nothing is averaged, what is above ``least`` is there. Without it, what comes to be smoothed is."""
        numbers = self._tracker.update(found, self._now, least)
        if self._on:
            return numbers
        return [number if one.score > least else None for one, number in zip(found, numbers, strict=True)]

    def smooth(self, explanation: Explanation) -> Explanation:
        """The explanation of the observed picture with its map and the boxes of its objects averaged; ``peak``, and the
        objects' maps, stay the raw frame's own."""
        if any(one.track is None for one in explanation.objects):
            found = [Found(one.box, one.prediction.class_idx, one.prediction.score) for one in explanation.objects]
            tracked = zip(explanation.objects, self.track(found), strict=True)
            explanation = replace(explanation, objects=tuple(replace(one, track=number) for one, number in tracked))
        if not self._on:
            return explanation
        if explanation.objects:
            boxes = self._tracker.boxes()
            placed = (replace(one, box=boxes[one.track]) if one.track in boxes else one for one in explanation.objects)
            explanation = replace(explanation, objects=tuple(placed))
        rival = explanation.against.class_idx if explanation.against else None
        # Of objects, the map is that of all of them, whichever is the surest.
        shown = None if explanation.objects else explanation.class_idx, rival, explanation.method
        if shown != self._shown:
            self._average.reset()
            self._shown = shown
        if (moved := self._moved) is not None:
            self._average.move(lambda cam: moved.cam(cam, explanation.region))
        if explanation.normalise != "peak":  # what is hot was chosen: heat itself is averaged
            cam = self._average.update(explanation.cam, self._now, scale=1.0)
        elif explanation.objects:  # each has its own peak, and the average has one again, wherever hot spots move about
            cam = self._average.update(explanation.cam, self._now, scale=1.0)
            cam /= max(float(cam.max()), TINY)
        else:
            cam = self._average.update(explanation.cam * explanation.peak, self._now)
        return replace(explanation, cam=cam)

    def memory(self) -> Memory:
        """Everything that counts for the next picture: one that is given it to ``recall`` goes on in its place."""
        found = {f"{part}.{name}": getattr(getattr(self, part), name) for part, name in REMEMBERED}
        shown = None if self._shown is None else json.dumps(self._shown)
        found |= {"luma": self._luma, "now": self._now, "shown": shown}
        return {name: np.array(value) for name, value in found.items() if value is not None} | self._tracker.memory()

    def recall(self, memory: Memory) -> None:
        """Go on where the Smoother was that ``memory`` is of."""
        for part, name in REMEMBERED:
            value = memory.get(f"{part}.{name}")
            setattr(getattr(self, part), name, None if value is None else value.item() if value.ndim == 0 else value)
        self._tracker.recall(memory)
        self._luma = memory.get("luma")
        self._now = float(memory["now"])
        shown = memory.get("shown")
        self._shown = None if shown is None else tuple(json.loads(str(shown)))

    def reset(self) -> None:
        """Forget everything before the next picture."""
        self._hysteresis.reset()
        self._average.reset()
        self._tracker.reset()
        self._moved = self._luma = None
