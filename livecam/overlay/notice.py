"""Words for visitors: what happens with their pictures, an invitation, and that the show goes on soon."""

from __future__ import annotations

from collections.abc import Sequence

from livecam.overlay.glass import glass
from livecam.overlay.hud import pill_row, type_size
from livecam.overlay.no_signal import AMBER, TITLE, backdrop, centred, fitting
from livecam.overlay.text import Colour, Font, draw, width
from livecam.types import Image

PLAIN: Colour = (222, 225, 230)
LINE = 1.45  # of the type size
INVITING = 1.9  # of the HUD's type size
_TITLE_SHARE = 1 / 12


def draw_notice(image: Image, lines: Sequence[str]) -> None:
    """Write ``lines`` at the top right of ``image`` (H, W, 3) uint8 RGB, in place, below the HUD's row of pills."""
    row = pill_row(image)
    margin = row.y
    _block(image, lines, Font(row.size), PLAIN, top=row.y + row.height + margin, right=image.shape[1] - margin)


def draw_invitation(image: Image, lines: Sequence[str]) -> None:
    """Write ``lines`` large, in the middle of ``image``'s upper third; in place."""
    size = round(type_size(image.shape[:2]) * INVITING)
    _block(image, lines, Font(size, 600), AMBER, top=round(image.shape[0] * 0.2), right=None)


def back_soon(size: tuple[int, int], lines: Sequence[str]) -> Image:
    """A picture (H, W, 3) uint8 RGB of ``size`` (H, W) that says ``lines``."""
    image = backdrop(*size).copy()
    font = [fitting(line, round(min(size) * _TITLE_SHARE), 600, round(size[1] * 0.88)) for line in lines]
    centred(image, [(line, one, TITLE) for line, one in zip(lines, font, strict=True)])
    return image


def _block(image: Image, lines: Sequence[str], font: Font, colour: Colour, *, top: int, right: int | None) -> None:
    """A patch of glass with ``lines``, each in its middle. right: its right edge; None: it lies in the middle."""
    room = image.shape[1] - 3 * font.size
    lines = [line for line in lines if line]
    if not lines or room <= 0:
        return
    font = min((fitting(line, font.size, font.weight, room) for line in lines), key=lambda one: one.size)
    pad = font.size * 3 // 4
    wide = max(width(line, font) for line in lines) + 2 * pad
    step = round(font.size * LINE)
    tall = step * len(lines) + pad
    left = (image.shape[1] - wide) // 2 if right is None else right - wide
    view = image[top : top + tall, max(left, 0) : left + wide]
    if view.shape[0] < tall or left < 0:
        return
    glass(view, round(font.size * 0.6))
    for number, line in enumerate(lines):
        middle = pad / 2 + (number + 0.5) * step
        draw(view, line, ((wide - width(line, font)) // 2, font.baseline(middle)), font, colour)
