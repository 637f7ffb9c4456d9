"""Bars: the length of a score, and what the colours of the heat mean. Drawn once, put on picture after picture."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from livecam.overlay.glass import paste
from livecam.overlay.text import Colour, Font, draw, width
from livecam.overlay.tint import FLOOR_STEPS, tint
from livecam.types import Image

TRACK: Colour = (104, 108, 117)


@dataclass(frozen=True, slots=True)
class Slug:
    """A filled shape (h, w) with round ends."""

    size: tuple[int, int]
    colour: Colour

    def draw(self, view: Image) -> None:
        paste(view, np.full_like(view, self.colour), min(self.size) // 2)


@dataclass(frozen=True, slots=True)
class Bar:
    """A slug of ``length`` pixels on its track (h, w); 0 for the track alone."""

    size: tuple[int, int]
    length: int
    colour: Colour

    def draw(self, view: Image) -> None:
        Slug(self.size, TRACK).draw(view)
        if self.length:
            Slug((self.size[0], self.length), self.colour).draw(view[:, : self.length])


@dataclass(frozen=True, slots=True)
class Legend:
    """What the colours mean: weak to strong evidence, with the opacity that it has on the picture.

    type_size: of the words beside it. colour: of the words.
    """

    size: tuple[int, int]
    type_size: int
    colormap: str
    colour: Colour

    def draw(self, view: Image) -> None:
        height, right = self.size
        font = Font(max(11, round(self.type_size * 0.72)), 400)
        middle = height / 2 + self.type_size * 0.15
        baseline, gap = font.baseline(middle), round(self.type_size * 0.5)
        strong = right - width("strong", font)
        draw(view, "weak", (0, baseline), font, self.colour)
        draw(view, "strong", (strong, baseline), font, self.colour)
        thick = max(4, round(self.type_size * 0.34))
        y = round(middle - thick / 2)
        strip = view[y : y + thick, width("weak", font) + gap : strong - gap]
        paste(strip, _scale(strip, self.colormap), thick // 2)


def _scale(backdrop: Image, colormap: str) -> Image:
    tables = tint(colormap, 1.0, "alpha")
    steps = np.linspace(0, 255 - FLOOR_STEPS, backdrop.shape[1]).astype(np.uint8)
    heat = np.repeat(steps[None], backdrop.shape[0], axis=0)
    keep = cv2.cvtColor(tables.keep[heat], cv2.COLOR_GRAY2RGB)
    dimmed = cv2.multiply(backdrop, keep, scale=1 / 255)
    return np.asarray(cv2.add(dimmed, cv2.applyColorMap(heat, tables.colour)), np.uint8)
