"""The predictions: a row each with name, score bar and percentage, on one patch of glass at the bottom left."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from livecam.overlay.bars import Bar, Legend, Slug
from livecam.overlay.colormap import table
from livecam.overlay.glass import lay_glass
from livecam.overlay.stamp import put
from livecam.overlay.text import Colour, Font, shorten, width
from livecam.overlay.words import Words, write
from livecam.types import Picture, Prediction

STRONG: Colour = (255, 255, 255)
PLAIN: Colour = (208, 212, 218)
BAR: Colour = (196, 201, 208)

_ACCENT = 190  # entry of the colour table that marks the explained class: hot, and bright in every table
_MAX_SHARE = 0.4  # of the picture's height


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where things lie in the panel, in pixels. The panel's width never depends on the labels: it does not twitch."""

    size: int
    width: int
    pad: int
    row: int
    name: int
    bar: int
    percent: int
    legend: int

    def height(self, rows: int) -> int:
        return rows * self.row + 2 * (self.pad * 3 // 4) + self.legend


def draw_panel(
    image: Picture,
    top: tuple[Prediction, ...],
    class_idx: int | None,
    colormap: str,
    *,
    size: int,
    margin: int,
    above: int = 0,
) -> int | None:
    """Draw the predictions into ``image``, (H, W, 3) uint8 RGB or planes, in place; as many as fit, at times none.

    class_idx: the explained class, marked, and never left out while others are shown. colormap: colours its mark and
    fills the legend. size: of the type, margin: to the edges, above: taken at the top edge, all in pixels.
    Returns the first row of the picture that the panel covers; None when there is none.
    """
    layout = _layout(size, image.shape[1] - 2 * margin)
    room = min(int(image.shape[0] * _MAX_SHARE), image.shape[0] - above - 2 * margin)
    if layout is None or not top:
        return None
    rows = _chosen(top, class_idx, (room - layout.height(0)) // layout.row)
    if not rows:
        return None
    bottom, right = image.shape[0] - margin, margin + layout.width
    y: int = bottom - layout.height(len(rows))
    lay_glass(image, (y, bottom), (margin, right), round(size * 0.6))
    accent = _accent(colormap)
    for i, prediction in enumerate(rows):
        middle = layout.pad * 3 // 4 + (i + 0.5) * layout.row
        mark = accent if prediction.class_idx == class_idx else None
        _draw_row(image, prediction, (margin, y), middle, layout, mark)
    if layout.legend:
        legend = Legend((layout.legend, layout.width - 2 * layout.pad), size, colormap, PLAIN)
        put(image, legend, bottom - layout.pad * 3 // 4 - layout.legend, margin + layout.pad)
    return y


@lru_cache(maxsize=16)
def _layout(size: int, room: int) -> _Layout | None:
    wide = min(room, size * 22)
    pad = round(size * 0.95)
    percent = width("100%", Font(size, 600))
    name = wide - 2 * pad - percent - round(size * 0.6)
    bar = round(size * 5.2)
    if name < size * 4:
        return None
    has_bar = name - bar > size * 8
    name -= bar + round(size * 0.7) if has_bar else 0
    legend = round(size * 1.5) if has_bar and size >= 14 else 0
    return _Layout(size, wide, pad, round(size * 1.55), name, bar if has_bar else 0, percent, legend)


def _chosen(top: tuple[Prediction, ...], class_idx: int | None, rows: int) -> tuple[Prediction, ...]:
    """The first ``rows`` of ``top``; the explained class takes the last one when it comes later."""
    shown = top[: max(rows, 0)]
    explained = [p for p in top[len(shown) :] if p.class_idx == class_idx]
    return (*shown[:-1], explained[0]) if shown and explained else shown


def _draw_row(
    image: Picture,
    prediction: Prediction,
    origin: tuple[int, int],
    middle: float,
    layout: _Layout,
    accent: Colour | None,
) -> None:
    x, y = origin
    font = Font(layout.size, 600 if accent else 400)
    colour = STRONG if accent else PLAIN
    baseline = y + font.baseline(middle)
    if accent:
        tick, tall = max(2, round(layout.size * 0.22)), round(layout.size * 0.9)
        put(image, Slug((tall, tick), accent), y + round(middle - tall / 2), x + round((layout.pad - tick) * 0.45))
    label = shorten(prediction.label, font, layout.name)
    write(image, Words(label, layout.name, font, colour), x + layout.pad, baseline)
    end = x + layout.width - layout.pad - layout.percent
    write(image, Words(percentage(prediction.score), layout.percent, font, colour, right=True), end, baseline)
    if layout.bar:
        thick = max(4, round(layout.size * 0.3))
        length = max(round(layout.bar * min(prediction.score, 1.0)), thick) if prediction.score > 0 else 0
        left = end - round(layout.size * 0.6) - layout.bar
        put(image, Bar((thick, layout.bar), length, accent or BAR), y + round(middle - thick / 2), left)


def percentage(score: float) -> str:
    """A probability in words of at most four characters.

    >>> percentage(0.874), percentage(0.002), percentage(0.0)
    ('87%', '<1%', '0%')
    """
    return "<1%" if 0 < score < 0.005 else f"{min(max(score, 0.0), 1.0):.0%}"


def _accent(colormap: str) -> Colour:
    red, green, blue = table(colormap)[_ACCENT].tolist()
    return red, green, blue
