"""Several pictures as one: where each lies in the wall, and its caption. Sizes are (H, W), boxes (y0, x0, y1, x1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from livecam.geometry import Region
from livecam.health import State
from livecam.overlay.text import Colour, Font, draw, shorten, width
from livecam.types import Image

Size = tuple[int, int]
Box = tuple[int, int, int, int]

LARGEST: Size = (1080, 1920)
GAP = 4
_CAPTION_SHARE, _CAPTION_MIN, _CAPTION_MAX = 1 / 18, 20, 36  # of the height of a cell

WALL: Colour = (8, 9, 12)
CAPTION: Colour = (24, 28, 36)
NAME: Colour = (236, 239, 244)
FIGURES: Colour = (160, 168, 180)
LAMPS: dict[State, Colour] = {
    State.LIVE: (76, 201, 118),
    State.STALE: (255, 190, 84),
    State.CONNECTING: (255, 190, 84),
    State.LOST: (235, 87, 87),
    State.ENDED: (120, 128, 140),
}


class Tile(NamedTuple):
    """Where one picture lies: its caption, and the picture below it. In pixels."""

    caption: Box
    picture: Box

    @property
    def size(self) -> Size:
        """Of the picture."""
        y0, x0, y1, x1 = self.picture
        return y1 - y0, x1 - x0


@dataclass(frozen=True, slots=True)
class Grid:
    """size: of the wall. tiles: of each picture beside the others. whole: of each when it has the wall for itself."""

    size: Size
    tiles: tuple[Tile, ...]
    whole: tuple[Tile, ...]

    def regions(self) -> tuple[Region, ...]:
        """The tiles with their captions, as fractions of the wall."""
        return tuple(self.region((*tile.caption[:2], tile.picture[2], tile.caption[3])) for tile in self.tiles)

    def region(self, box: Box) -> Region:
        height, wide = self.size
        y0, x0, y1, x1 = box
        return y0 / height, x0 / wide, y1 / height, x1 / wide


def arrange(sizes: Sequence[Size], largest: Size = LARGEST) -> Grid:
    """The grid in which pictures of ``sizes`` are shown largest, on a wall of at most ``largest``.

    All cells are alike; a picture fills its cell in its own shape, and no cell is larger than its largest picture
    needs. The wall has the shape of ``largest``, and even sides.

    >>> arrange([(480, 640)] * 2).size
    (722, 1284)
    """
    count = len(sizes)
    cells = {columns: _cell(-(-count // columns), columns, largest) for columns in range(1, count + 1)}
    columns = max(cells, key=lambda columns: sum(_area(_fit(size, cells[columns])) for size in sizes))
    rows, cell = -(-count // columns), cells[columns]
    # Nothing is gained by showing the finest picture larger than it is.
    enlarged = max(1.0, min(min(cell[0] / height, cell[1] / wide) for height, wide in sizes))
    fits = [_fit(size, (int(cell[0] / enlarged), int(cell[1] / enlarged))) for size in sizes]
    cell = max(height for height, _ in fits), max(wide for _, wide in fits)
    strip = _strip(cell[0])
    inner = rows * (cell[0] + strip) + (rows - 1) * GAP, columns * cell[1] + (columns - 1) * GAP
    # In the shape of a screen: one that is enlarged has room to grow.
    wall = (
        max(inner[0], _even(inner[1] * largest[0] / largest[1])),
        max(inner[1], _even(inner[0] * largest[1] / largest[0])),
    )
    above, beside = ((outer - own) // 2 for outer, own in zip(wall, inner, strict=True))
    tiles = []
    for number, fit in enumerate(fits):
        row, column = divmod(number, columns)
        missing = columns - min(columns, count - row * columns)  # a row that is not full stands in the middle
        top = above + row * (cell[0] + strip + GAP)
        left = beside + column * (cell[1] + GAP) + missing * (cell[1] + GAP) // 4 * 2
        tiles.append(_tile((top, left), cell, strip, fit))
    high = _strip(wall[0])
    room = wall[0] - high, wall[1]
    return Grid(wall, tuple(tiles), tuple(_tile((0, 0), room, high, _fit(size, room)) for size in sizes))


def empty(size: Size) -> Image:
    """The wall with nothing on it."""
    return np.full((*size, 3), WALL, np.uint8)


def place(wall: Image, tile: Tile, picture: Image | None, name: str, figures: str, state: State) -> None:
    """Draw a picture of the tile's size and its caption into ``wall``, in place. None: there is no picture yet."""
    y0, x0, y1, x1 = tile.picture
    wall[y0:y1, x0:x1] = CAPTION if picture is None else picture
    y0, x0, y1, x1 = tile.caption
    wall[y0:y1, x0:x1] = _caption((y1 - y0, x1 - x0), name, figures, LAMPS[state])


@lru_cache(maxsize=64)  # they change twice a second
def _caption(size: Size, name: str, figures: str, lamp: Colour) -> Image:
    height, wide = size
    image = np.full((height, wide, 3), CAPTION, np.uint8)
    font, small = Font(round(height * 0.58), 600), Font(round(height * 0.52))
    pad, dot = height // 3, height // 3
    top = (height - dot) // 2
    image[top : top + dot, pad : pad + dot] = lamp
    left = 2 * pad + dot
    title = shorten(name, font, wide - left - pad)
    draw(image, title, (left, font.baseline(height / 2)), font, NAME)
    right = wide - pad - width(figures, small)
    if right > left + width(title, font) + 2 * pad:  # what does not fit is left out
        draw(image, figures, (right, small.baseline(height / 2)), small, FIGURES)
    return image


def _cell(rows: int, columns: int, largest: Size) -> Size:
    """Room for a picture, without its caption."""
    height, wide = (largest[0] - (rows - 1) * GAP) // rows, (largest[1] - (columns - 1) * GAP) // columns
    return height - _strip(height), wide


def _strip(height: int) -> int:
    return _even(min(max(height * _CAPTION_SHARE, _CAPTION_MIN), _CAPTION_MAX))


def _fit(size: Size, room: Size) -> Size:
    """``size`` in its own shape, as large as ``room``, even."""
    scale = min(room[0] / size[0], room[1] / size[1])
    return _even(size[0] * scale), _even(size[1] * scale)


def _tile(corner: tuple[int, int], cell: Size, strip: int, fit: Size) -> Tile:
    (top, left), (height, wide) = corner, cell
    y, x = top + strip + (height - fit[0]) // 2, left + (wide - fit[1]) // 2
    return Tile((top, left, top + strip, left + wide), (y, x, y + fit[0], x + fit[1]))


def _even(side: float) -> int:
    return max(2, int(side) // 2 * 2)


def _area(size: Size) -> int:
    return size[0] * size[1]
