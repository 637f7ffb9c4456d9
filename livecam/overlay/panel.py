"""The predictions: a row each with name, score bar and percentage, on one patch of glass at the bottom left."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from livecam.overlay.colormap import table
from livecam.overlay.glass import glass, paste
from livecam.overlay.patch import patch
from livecam.overlay.text import Colour, Font, draw, shorten, width
from livecam.overlay.tint import FLOOR_STEPS, tint
from livecam.types import Image, Picture, Prediction

STRONG: Colour = (255, 255, 255)
PLAIN: Colour = (208, 212, 218)
BAR: Colour = (196, 201, 208)
TRACK: Colour = (104, 108, 117)

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
) -> None:
    """Draw the predictions into ``image``, (H, W, 3) uint8 RGB or planes, in place; as many as fit, at times none.

    class_idx: the explained class, marked, and never left out while others are shown. colormap: colours its mark and
    fills the legend. size: of the type, margin: to the edges, above: taken at the top edge, all in pixels.
    """
    layout = _layout(size, image.shape[1] - 2 * margin)
    room = min(int(image.shape[0] * _MAX_SHARE), image.shape[0] - above - 2 * margin)
    if layout is None or not top:
        return
    rows = _chosen(top, class_idx, (room - layout.height(0)) // layout.row)
    if not rows:
        return
    bottom = image.shape[0] - margin
    with patch(image, (bottom - layout.height(len(rows)), bottom), (margin, margin + layout.width)) as view:
        glass(view, round(size * 0.6))
        accent = _accent(colormap)
        for i, prediction in enumerate(rows):
            middle = layout.pad * 3 // 4 + (i + 0.5) * layout.row
            _draw_row(view, prediction, middle, layout, accent if prediction.class_idx == class_idx else None)
        if layout.legend:
            _draw_legend(view, layout, colormap)


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
    return _Layout(size, wide, pad, round(size * 1.55), name, bar if has_bar else 0, legend)


def _chosen(top: tuple[Prediction, ...], class_idx: int | None, rows: int) -> tuple[Prediction, ...]:
    """The first ``rows`` of ``top``; the explained class takes the last one when it comes later."""
    shown = top[: max(rows, 0)]
    explained = [p for p in top[len(shown) :] if p.class_idx == class_idx]
    return (*shown[:-1], explained[0]) if shown and explained else shown


def _draw_row(view: Image, prediction: Prediction, middle: float, layout: _Layout, accent: Colour | None) -> None:
    font = Font(layout.size, 600 if accent else 400)
    colour = STRONG if accent else PLAIN
    baseline = font.baseline(middle)
    if accent:
        tick, tall = max(2, round(layout.size * 0.22)), round(layout.size * 0.9)
        _draw_slug(view, (layout.pad - tick) * 0.45, middle - tall / 2, tick, tall, accent)
    draw(view, shorten(prediction.label, font, layout.name), (layout.pad, baseline), font, colour)
    percent = percentage(prediction.score)
    right = layout.width - layout.pad
    draw(view, percent, (right - width(percent, font), baseline), font, colour)
    if layout.bar:
        end = right - width("100%", Font(layout.size, 600)) - round(layout.size * 0.6)
        _draw_bar(view, prediction.score, (end - layout.bar, end), middle, layout.size, accent or BAR)


def percentage(score: float) -> str:
    """A probability in words of at most four characters.

    >>> percentage(0.874), percentage(0.002), percentage(0.0)
    ('87%', '<1%', '0%')
    """
    return "<1%" if 0 < score < 0.005 else f"{min(max(score, 0.0), 1.0):.0%}"


def _draw_bar(view: Image, score: float, span: tuple[int, int], middle: float, size: int, colour: Colour) -> None:
    thick = max(4, round(size * 0.3))
    left, right = span
    _draw_slug(view, left, middle - thick / 2, right - left, thick, TRACK)
    if score > 0:
        length = round((right - left) * min(score, 1.0))
        _draw_slug(view, left, middle - thick / 2, max(length, thick), thick, colour)


def _draw_slug(view: Image, x: float, y: float, wide: int, high: int, colour: Colour) -> None:
    """A filled shape with round ends, its top left corner at (x, y)."""
    left, top = round(x), round(y)
    spot = view[top : top + high, left : left + wide]
    paste(spot, np.full_like(spot, colour), min(spot.shape[:2]) // 2)


def _draw_legend(view: Image, layout: _Layout, colormap: str) -> None:
    """What the colours mean: weak to strong evidence, with the opacity that it has on the picture."""
    font = Font(max(11, round(layout.size * 0.72)), 400)
    middle = view.shape[0] - layout.pad * 3 // 4 - layout.legend / 2 + layout.size * 0.15
    baseline, gap = font.baseline(middle), round(layout.size * 0.5)
    right = layout.width - layout.pad
    draw(view, "weak", (layout.pad, baseline), font, PLAIN)
    draw(view, "strong", (right - width("strong", font), baseline), font, PLAIN)
    left, right = layout.pad + width("weak", font) + gap, right - width("strong", font) - gap
    thick = max(4, round(layout.size * 0.34))
    y = round(middle - thick / 2)
    strip = view[y : y + thick, left:right]
    paste(strip, _scale(strip, colormap), thick // 2)


def _scale(backdrop: Image, colormap: str) -> Image:
    tables = tint(colormap, 1.0, "alpha")
    steps = np.linspace(0, 255 - FLOOR_STEPS, backdrop.shape[1]).astype(np.uint8)
    heat = np.repeat(steps[None], backdrop.shape[0], axis=0)
    keep = cv2.cvtColor(tables.keep[heat], cv2.COLOR_GRAY2RGB)
    dimmed = cv2.multiply(backdrop, keep, scale=1 / 255)
    return np.asarray(cv2.add(dimmed, cv2.applyColorMap(heat, tables.colour)), np.uint8)


def _accent(colormap: str) -> Colour:
    red, green, blue = table(colormap)[_ACCENT].tolist()
    return red, green, blue
