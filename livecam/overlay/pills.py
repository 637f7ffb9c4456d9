"""One row of pills along the top edge: short texts, each on its own rounded patch, from both ends inwards."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from livecam.overlay.glass import INK, OPACITY, lay_glass
from livecam.overlay.text import Colour, Font, clean, shorten, width
from livecam.overlay.words import Words, write
from livecam.types import Picture

SEPARATOR = " · "


@dataclass(frozen=True, slots=True)
class Look:
    colour: Colour
    weight: int = 400
    ink: Colour = INK
    opacity: float = OPACITY
    whole: bool = False  # rather left out than shortened


class PillRow:
    """The top edge of ``image``, (H, W, 3) uint8 RGB or planes, drawn in place. It knows how much room is left.

    y: its first row in the picture, when that is not ``margin``.
    """

    def __init__(self, image: Picture, size: int, margin: int, y: int | None = None) -> None:
        self.image = image
        self.size = size
        self.y = margin if y is None else y
        self.height = round(size * 1.9)
        self.empty = True
        self._pad = round(size * 0.8)
        self._left: int = margin
        self._right: int = image.shape[1] - margin
        if image.shape[0] < self.height + 2 * margin:
            self._right = self._left

    @property
    def bottom(self) -> int:
        """Rows taken from the top edge, 0 when nothing was drawn."""
        return 0 if self.empty else self.y + self.height

    def add_right(self, text: str, look: Look) -> None:
        """Shortened when it does not fit, unless its look forbids it."""
        label = shorten(text, self._font(look), self._room)
        if label and (label == clean(text) or not look.whole):
            wide = self._wide(label, look)
            self._right -= wide
            self._draw(label, look, self._right, wide)
            self._right -= self.size // 2

    def add_left(self, text: str, look: Look) -> None:
        """As many whole parts of a text such as "model · method · rate" as fit, from the first; or nothing."""
        if label := whole_parts(text, self._font(look), self._room):
            wide = self._wide(label, look)
            self._draw(label, look, self._left, wide)
            self._left += wide + self.size // 2

    def _font(self, look: Look) -> Font:
        return Font(self.size, look.weight)

    @property
    def _room(self) -> int:
        return self._right - self._left - 2 * self._pad

    def _wide(self, label: str, look: Look) -> int:
        return width(label, self._font(look)) + 2 * self._pad

    def _draw(self, label: str, look: Look, x: int, wide: int) -> None:
        rows = self.y, self.y + self.height
        lay_glass(self.image, rows, (x, x + wide), self.height // 2, look.ink, look.opacity)
        font = self._font(look)
        words = Words(label, wide - 2 * self._pad, font, look.colour)
        write(self.image, words, x + self._pad, self.y + font.baseline(self.height / 2))
        self.empty = False


@lru_cache(maxsize=64)
def whole_parts(line: str, font: Font, room: int) -> str:
    """As many parts of ``line`` as fit ``room`` pixels, from the first; "" when not even that one does.

    >>> whole_parts("model · method · 30 fps", Font(20), 160)
    'model · method'
    """
    parts = clean(line).split(SEPARATOR)
    for n in range(len(parts), 0, -1):
        shown = SEPARATOR.join(parts[:n])
        if width(shown, font) <= room:
            return shown
    return ""
