"""A validation picture, and beside it what speaks for the predicted class and for the true one."""

from __future__ import annotations

import cv2
import numpy as np

from livecam.overlay import Painter, Style
from livecam.overlay.text import Font, draw, shorten
from livecam.types import Explanation, Image, Prediction

SIDE = 288  # of the larger side of a picture, in pixels
STRIP = 30  # for the words
GAP = 4
FONT = Font(15, 600)
GROUND, WHITE, RIGHT, WRONG = (24, 24, 27), (244, 244, 245), (134, 239, 172), (252, 165, 165)


def panel(
    picture: Image, for_predicted: Explanation, for_true: Explanation, predicted: Prediction, true: Prediction
) -> Image:
    """(h, w, 3) uint8 RGB. picture: (H, W, 3) uint8 RGB, shown at SIDE pixels."""
    scale = SIDE / max(picture.shape[:2])
    size = max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    shown = np.asarray(cv2.resize(picture, size, interpolation=method), np.uint8)
    painter = Painter(Style(hud=False))
    colour = RIGHT if predicted.class_idx == true.class_idx else WRONG
    tiles = [
        _tile(shown, "picture", WHITE),
        _tile(np.asarray(painter.paint(shown, for_predicted)), f"predicted: {_said(predicted)}", colour),
        _tile(np.asarray(painter.paint(shown, for_true)), f"true: {_said(true)}", WHITE),
    ]
    gap = np.full((tiles[0].shape[0], GAP, 3), GROUND, np.uint8)
    return np.concatenate([tiles[0], gap, tiles[1], gap, tiles[2]], axis=1)


def _said(one: Prediction) -> str:
    return f"{one.score:.0%} {one.label}"


def _tile(picture: Image, words: str, colour: tuple[int, int, int]) -> Image:
    strip = np.full((STRIP, picture.shape[1], 3), GROUND, np.uint8)
    draw(strip, shorten(words, FONT, picture.shape[1] - 12), (6, FONT.baseline(STRIP / 2)), FONT, colour)
    return np.concatenate([picture, strip])
