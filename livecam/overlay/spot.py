"""What one spot of the picture votes for: its cell marked, and the classes beside it."""

from __future__ import annotations

import cv2

from livecam.geometry import cell_at
from livecam.overlay.glass import glass
from livecam.overlay.hud import type_size
from livecam.overlay.panel import PLAIN, STRONG
from livecam.overlay.text import Font, draw, shorten, width
from livecam.types import Explanation, Image

TITLE = "this spot votes for"
FIRST_ORDER = "to first order"
UNSEEN = "the network does not see this spot"
_INK = (0, 0, 0)


def draw_spot(image: Image, explanation: Explanation, *, mirror: bool = False) -> None:
    """Draw the votes of ``explanation.spot``, if it has one, into ``image`` (H, W, 3) uint8 RGB, in place.

    mirror: ``image`` is the mirror image of what was explained. Votes that are not exact are said to be so.
    """
    if explanation.spot is None:
        return
    height, wide = image.shape[:2]
    size = type_size((height, wide))
    box = _cell(explanation, (height, wide), mirror=mirror)
    if box:
        _frame(image, box, size)
    (x, y) = explanation.spot
    at = round((1 - x if mirror else x) * wide), round(y * height)
    _board(image, _lines(explanation), box or (*at, *at), size)


def _cell(explanation: Explanation, size: tuple[int, int], *, mirror: bool) -> tuple[int, int, int, int] | None:
    """(x0, y0, x1, y1) in pixels of the cell that the spot lies in."""
    cells = explanation.cam.shape[0], explanation.cam.shape[1]
    cell = cell_at(explanation.spot, explanation.region, cells) if explanation.spot else None
    if cell is None:
        return None
    (y, x), (y0, x0, y1, x1), (height, wide) = cell, explanation.region, size
    tall, broad = (y1 - y0) / cells[0], (x1 - x0) / cells[1]
    left, right = x0 + x * broad, x0 + (x + 1) * broad
    if mirror:
        left, right = 1 - right, 1 - left
    top, bottom = y0 + y * tall, y0 + (y + 1) * tall
    return round(left * wide), round(top * height), round(right * wide) - 1, round(bottom * height) - 1


def _frame(image: Image, box: tuple[int, int, int, int], size: int) -> None:
    thick = max(1, size // 10)
    cv2.rectangle(image, box[:2], box[2:], _INK, 3 * thick)  # seen on light and on dark
    cv2.rectangle(image, box[:2], box[2:], STRONG, thick)


def _lines(explanation: Explanation) -> list[tuple[str, str]]:
    """(words, figure) from top to bottom."""
    votes = explanation.votes
    if not votes:
        return [(UNSEEN, "")]
    rows = [(vote.label, f"{vote.contribution:+.2f}".replace("-", "−")) for vote in votes]
    return [(TITLE, "" if all(vote.exact for vote in votes) else FIRST_ORDER), *rows]


def _board(image: Image, lines: list[tuple[str, str]], box: tuple[int, int, int, int], size: int) -> None:
    """Beside ``box``, on the side with more room, wholly in the picture."""
    height, wide = image.shape[:2]
    font, bold, row, pad, gap = Font(size, 400), Font(size, 600), round(size * 1.5), round(size * 0.8), size // 2
    figures = max(width(figure, bold if number else font) for number, (_, figure) in enumerate(lines))
    room = min(size * 20, wide - 2 * gap) - 2 * pad
    tall, broad = len(lines) * row + pad, room + 2 * pad
    if tall > height or room < size * 6:
        return
    x = box[2] + gap if wide - box[2] >= box[0] else box[0] - gap - broad
    x = min(max(x, gap), wide - gap - broad)
    y = min(max(box[1], gap), max(height - gap - tall, 0))
    view = image[y : y + tall, x : x + broad]
    glass(view, round(size * 0.6))
    for number, (words, figure) in enumerate(lines):
        middle = pad / 2 + (number + 0.5) * row
        face, colour = (bold, STRONG) if number == 1 else (font, PLAIN)
        taken = (figures if number else width(figure, font)) + gap if figure else 0
        draw(view, shorten(words, face, room - taken), (pad, face.baseline(middle)), face, colour)
        draw(view, figure, (broad - pad - width(figure, face), face.baseline(middle)), face, colour)
