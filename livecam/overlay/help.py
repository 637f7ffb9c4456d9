"""The keys, explained on the picture: two columns of key caps and words on one patch of glass in the middle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from livecam.overlay.glass import glass, paste
from livecam.overlay.hud import type_size
from livecam.overlay.panel import PLAIN, STRONG
from livecam.overlay.text import Font, draw, width
from livecam.types import Image

Keys = Sequence[tuple[tuple[str, ...], str]]
CAP = (72, 77, 88)
OPACITY = 0.86  # more than under a label: this is read at length
_LEAST = 9  # below this size of type nothing is drawn


@dataclass(frozen=True, slots=True)
class _Layout:
    """In pixels. caps, words: widths of the two parts of each column."""

    size: int
    caps: tuple[int, ...]
    words: tuple[int, ...]
    row: int
    pad: int

    @property
    def width(self) -> int:
        return sum(self.caps) + sum(self.words) + len(self.caps) * self.size + (len(self.caps) + 1) * self.pad

    def height(self, rows: int) -> int:
        return rows * self.row + 2 * self.pad


def draw_help(image: Image, keys: Keys) -> None:
    """Draw ``keys``, (what is on the caps, what they do), into ``image`` (H, W, 3) uint8 RGB, in place.

    The type is as large as the picture has room for, up to the HUD's. One too small for legible type stays as it is.
    """
    rows = -(-len(keys) // 2)
    columns = keys[:rows], keys[rows:]
    height, wide = image.shape[:2]
    for size in range(type_size((height, wide)), _LEAST - 1, -1):
        layout = _layout(size, columns)
        if layout.width <= wide * 0.96 and layout.height(rows) <= height * 0.92:
            break
    else:
        return
    top, left = (height - layout.height(rows)) // 2, (wide - layout.width) // 2
    view = image[top : top + layout.height(rows), left : left + layout.width]
    glass(view, round(layout.size * 0.8), opacity=OPACITY)
    font, x = Font(layout.size, 400), layout.pad
    for column, caps_wide, words_wide in zip(columns, layout.caps, layout.words, strict=True):
        for line, (caps, words) in enumerate(column):
            middle = layout.pad + (line + 0.5) * layout.row
            _draw_caps(view, caps, x, middle, layout)
            draw(view, words, (x + caps_wide + layout.size, font.baseline(middle)), font, PLAIN)
        x += caps_wide + layout.size + words_wide + layout.pad


def _layout(size: int, columns: Sequence[Keys]) -> _Layout:
    gap = _gap(size)
    caps = [
        max((sum(_cap_width(c, size) + gap for c in caps) - gap for caps, _ in keys), default=0) for keys in columns
    ]
    words = [max((width(text, Font(size, 400)) + 1 for _, text in keys), default=0) for keys in columns]
    return _Layout(size, tuple(caps), tuple(words), round(size * 1.95), round(size * 1.6))


def _draw_caps(view: Image, caps: tuple[str, ...], x: int, middle: float, layout: _Layout) -> None:
    font, tall = Font(round(layout.size * 0.88), 600), round(layout.size * 1.5)
    top = round(middle - tall / 2)
    for cap in caps:
        wide = _cap_width(cap, layout.size)
        key = view[top : top + tall, x : x + wide]
        paste(key, np.full_like(key, CAP), round(layout.size * 0.35))
        draw(view, cap, (x + (wide - width(cap, font)) // 2, font.baseline(middle)), font, STRONG)
        x += wide + _gap(layout.size)


def _cap_width(cap: str, size: int) -> int:
    return max(round(size * 1.6), width(cap, Font(round(size * 0.88), 600)) + round(size * 0.8))


def _gap(size: int) -> int:
    return max(3, round(size * 0.35))
