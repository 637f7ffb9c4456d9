"""How much each moment of a clip's window matters: a bar a moment, the newest at the right."""

from __future__ import annotations

from livecam.overlay.bars import TRACK
from livecam.overlay.colormap import table
from livecam.overlay.glass import lay_glass
from livecam.overlay.patch import patch
from livecam.overlay.text import Colour, Font, draw, width
from livecam.types import Picture

WORDS: Colour = (222, 225, 230)
ACCENT = 190  # entry of the colour table, hot, and bright in every table


def draw_moments(image: Picture, weights: tuple[float, ...], colormap: str, *, x: int, bottom: int, size: int) -> None:
    """Draw ``weights`` >= 0, oldest first, into ``image``, in place; the largest fills its bar's height.

    size: of the type; x, bottom: of the lower left corner, in pixels. Left out where there is no room.
    """
    font, pad, height = Font(max(11, round(size * 0.8)), 400), round(size * 0.7), round(size * 2.6)
    ends = "earlier", "now"
    step = max(3, min(size, 14 * size // len(weights)))
    start = pad + width(ends[0], font) + pad // 2
    stop = start + step * len(weights)
    wide = stop + pad // 2 + width(ends[1], font) + pad
    if bottom - height < 0 or x + wide > image.shape[1]:
        return
    rows, columns = (bottom - height, bottom), (x, x + wide)
    lay_glass(image, rows, columns, round(size * 0.6))
    hot = tuple(int(value) for value in table(colormap)[ACCENT])
    with patch(image, rows, columns) as view:
        baseline = font.baseline(height / 2)
        draw(view, ends[0], (pad, baseline), font, WORDS)
        draw(view, ends[1], (stop + pad // 2, baseline), font, WORDS)
        tallest, room, peak = height - pad, max(1, step // 5), max(weights)
        for number, weight in enumerate(weights):
            left, foot = start + number * step, height - pad // 2
            view[foot - tallest : foot, left : left + step - room] = TRACK
            filled = round(tallest * weight / peak) if peak > 0 else 0
            view[foot - filled : foot, left : left + step - room] = hot
