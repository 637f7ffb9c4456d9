"""One line of text, drawn once and put on picture after picture."""

from __future__ import annotations

from dataclasses import dataclass

from livecam.overlay.stamp import put
from livecam.overlay.text import Colour, Font, draw, width
from livecam.types import Image, Picture

_ABOVE, _BELOW, _BESIDE = 1.25, 0.5, 0.25  # room for ink around the baseline and the advance, of the type size


@dataclass(frozen=True, slots=True)
class Words:
    """``text`` at the left, or at the right, of ``room`` pixels."""

    text: str
    room: int
    font: Font
    colour: Colour
    right: bool = False

    @property
    def origin(self) -> tuple[int, int]:
        """(x, y) of the left end of the room, on the baseline."""
        return round(self.font.size * _BESIDE), round(self.font.size * _ABOVE)

    @property
    def size(self) -> tuple[int, int]:
        x, y = self.origin
        return y + round(self.font.size * _BELOW), self.room + 2 * x

    def draw(self, view: Image) -> None:
        x, y = self.origin
        x += self.room - width(self.text, self.font) if self.right else 0
        draw(view, self.text, (x, y), self.font, self.colour)


def write(picture: Picture, words: Words, x: int, baseline: int) -> None:
    """Put ``words`` on ``picture``, (H, W, 3) uint8 RGB or planes, in place; their room begins at (x, baseline)."""
    left, above = words.origin
    put(picture, words, baseline - above, x - left)
