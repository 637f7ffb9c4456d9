"""The picture of sharpening: frames of the sample clip, the same explanation in each ``--detail``, and the picture.

python scripts/make_sharpening.py
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from livecam.cli.demo import sample
from livecam.detail import DETAILS
from livecam.explainer import Explainer
from livecam.overlay import Painter, Style
from livecam.overlay.text import Font, draw, width
from livecam.sources import SourceOptions, open_source

TIMES_S = (5.5, 8.0)
COLOURMAP = "viridis"  # inferno on an espresso is brown on brown
TILE, STRIP, GAP = (320, 180), 26, 4
FONT, INK, PAPER = Font(16, 600), (235, 235, 235), 20
COLOURS = 256  # of the PNG's palette


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, default=Path("recordings/sharpening.png"))
    args = parser.parse_args()
    images = [frame_at(time_s) for time_s in TIMES_S]
    columns = [column("the picture", images)]
    for detail in DETAILS:
        with Explainer(detail=detail) as explainer:
            painter = Painter(Style(colormap=COLOURMAP, hud=False))
            columns.append(column(f"--detail {detail}", [painter.paint(one, explainer.explain(one)) for one in images]))
    whole = Image.fromarray(np.hstack(columns)[:, :-GAP])
    # Given a palette, PIL dithers: bands of colour would pass for edges of the map.
    whole.quantize(palette=whole.quantize(COLOURS)).save(args.output, optimize=True)


def frame_at(time_s: float) -> np.ndarray:
    with open_source(str(sample()), SourceOptions(start_s=time_s, duration_s=0.1)) as source:
        return source.read().image


def column(title: str, pictures: list[np.ndarray]) -> np.ndarray:
    """Pictures one above the other, under a title."""
    strip = np.full((STRIP, TILE[0] + GAP, 3), PAPER, np.uint8)
    draw(strip, title, ((TILE[0] - width(title, FONT)) // 2, FONT.baseline(STRIP / 2)), FONT, INK)
    tiles = []
    for picture in pictures:
        tile = np.full((TILE[1] + GAP, TILE[0] + GAP, 3), PAPER, np.uint8)
        tile[: TILE[1], : TILE[0]] = cv2.resize(picture, TILE, interpolation=cv2.INTER_AREA)
        tiles.append(tile)
    return np.vstack([strip, *tiles])[: -GAP or None]


if __name__ == "__main__":
    main()
