"""What a detector found: a box around each thing in the colour of its track, and what it is."""

from __future__ import annotations

from livecam.overlay.contours import box, outline
from livecam.overlay.glass import lay_glass
from livecam.overlay.hud import type_size
from livecam.overlay.panel import percentage
from livecam.overlay.text import Colour, Font, shorten, width
from livecam.overlay.words import Words, write
from livecam.types import Detected, Picture

COLOURS: tuple[Colour, ...] = (
    (86, 196, 255),
    (255, 196, 61),
    (92, 224, 142),
    (255, 128, 178),
    (190, 160, 255),
    (255, 146, 84),
    (230, 236, 80),
    (110, 232, 226),
)
"""Bright enough for black type, and told apart by more than their hue."""
_INK: Colour = (12, 14, 18)


def draw_objects(picture: Picture, objects: tuple[Detected, ...], *, words: bool = True) -> None:
    """Draw them into ``picture``, in place: (H, W, 3) uint8 RGB, or planes that nobody else has; the surest last.

    An object without a track has the colour of its place in the list. words: whether it is said what they are.
    """
    size = type_size(picture.shape[:2])
    for place, one in reversed(list(enumerate(objects))):
        colour = COLOURS[(place if one.track is None else one.track) % len(COLOURS)]
        outline(picture, [box(*one.box)], colour, max(2, size // 7))
        if words:
            _label(picture, one, colour, size)


def _label(picture: Picture, one: Detected, colour: Colour, size: int) -> None:
    """Above the box; inside, where there is no room above."""
    height, wide = picture.shape[:2]
    font, pad, tall = Font(size, 600), size // 2, round(size * 1.5)
    text = shorten(f"{one.prediction.label} {percentage(one.prediction.score)}", font, wide // 2)
    broad = width(text, font) + 2 * pad
    left = min(max(round(one.box[1] * wide), 0), wide - broad)
    top = round(one.box[0] * height) - tall
    top = min(top if top >= 0 else top + tall, height - tall)
    if text and left >= 0 and top >= 0:
        lay_glass(picture, (top, top + tall), (left, left + broad), size // 4, colour, 0.92)
        write(picture, Words(text, broad - 2 * pad, font, _INK), left + pad, top + font.baseline(tall / 2))
