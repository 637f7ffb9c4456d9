"""The picture of the methods: one frame of the sample clip, explained for its best class by each that the
network can have; those of attention need a Vision Transformer.

python scripts/make_grid.py
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from livecam.cli.demo import sample
from livecam.explainer import Explainer
from livecam.overlay import Painter, Style
from livecam.overlay.text import Font, draw, width
from livecam.sources import SourceOptions, open_source

COLUMNS, TILE, STRIP, GAP = 6, (208, 117), 22, 4
FONT, INK, PAPER = Font(14, 600), (235, 235, 235), 20
COLOURS = 256  # of the PNG's palette
FINEST = 32  # columns of a map: what is finer cannot be seen in a tile


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-t", "--time", type=float, default=4.5, help="seconds into the sample clip")
    parser.add_argument("-o", "--output", type=Path, default=Path("recordings/methods.png"))
    args = parser.parse_args()
    with open_source(str(sample()), SourceOptions(start_s=args.time, duration_s=0.1)) as source:
        image = source.read().image
    with Explainer(backend="torch") as explainer:
        names = explainer.methods
    tiles = [tile(image, name) for name in names]
    blank = np.full_like(tiles[0], PAPER)
    tiles += [blank] * (-len(tiles) % COLUMNS)
    rows = [np.hstack(tiles[start : start + COLUMNS]) for start in range(0, len(tiles), COLUMNS)]
    Image.fromarray(np.vstack(rows)).quantize(COLOURS).save(args.output, optimize=True)


def tile(image: np.ndarray, method: str) -> np.ndarray:
    with Explainer(method=method) as explainer:
        explanation = explainer.explain(image)
        title = explainer.title.rpartition(" · ")[2]
    if explanation.cam.shape[1] > FINEST:
        explanation = replace(explanation, cam=seen_from_afar(explanation.cam))
    painted = Painter(Style(hud=False)).paint(image, explanation)
    small = cv2.resize(painted, TILE, interpolation=cv2.INTER_AREA)
    out = np.full((TILE[1] + STRIP + GAP, TILE[0] + GAP, 3), PAPER, np.uint8)
    out[STRIP : STRIP + TILE[1], : TILE[0]] = small
    draw(out, title, ((TILE[0] - width(title, FONT)) // 2, FONT.baseline(STRIP / 2)), FONT, INK)
    return out


def seen_from_afar(cam: np.ndarray) -> np.ndarray:
    """A map of single strong pixels, most of it faint: coarser, and as bright as its strongest hundredth."""
    height, width = cam.shape
    coarse = cv2.resize(cam, (FINEST, round(FINEST * height / width)), interpolation=cv2.INTER_AREA)
    return np.clip(coarse / np.quantile(coarse, 0.99), 0, 1)


if __name__ == "__main__":
    main()
