"""What is not of the picture but of its showing: paused, being recorded, a word of news. At the bottom right."""

from __future__ import annotations

from collections.abc import Callable

import cv2

from livecam.overlay.glass import glass
from livecam.overlay.hud import type_size
from livecam.overlay.panel import STRONG
from livecam.overlay.text import Font, draw, shorten, width
from livecam.types import Image

RED = (255, 64, 64)
Icon = Callable[[Image, float, float, int], None]


def draw_marks(image: Image, *, paused: bool = False, recording: bool = False, news: str = "") -> None:
    """Draw them into ``image`` (H, W, 3) uint8 RGB, in place; what finds no room is left out, ``news`` first."""
    size = type_size(image.shape[:2])
    right = image.shape[1] - size * 2 // 3
    if recording:
        right = _pill(image, "REC", _dot, right, size)
    if paused:
        right = _pill(image, "PAUSED", _bars, right, size)
    if news:
        _pill(image, news, None, right, size)


def _pill(image: Image, text: str, icon: Icon | None, right: int, size: int) -> int:
    """Draw one that ends at ``right``; returns where the next one to its left ends."""
    font, pad, tall, margin = Font(size, 600), round(size * 0.8), round(size * 1.9), size * 2 // 3
    before = round(size * 1.2) if icon else 0
    text = shorten(text, font, right - image.shape[1] // 2 - before - 2 * pad)  # the left half is the panel's
    bottom = image.shape[0] - margin
    if not text or bottom < tall:
        return right
    wide = before + width(text, font) + 2 * pad
    view = image[bottom - tall : bottom, right - wide : right]
    glass(view, tall // 2)
    if icon:
        icon(view, pad + size * 0.4, tall / 2, size)
    draw(view, text, (pad + before, font.baseline(tall / 2)), font, STRONG)
    return right - wide - size // 2


def _dot(view: Image, x: float, y: float, size: int) -> None:
    cv2.circle(view, (round(x), round(y)), round(size * 0.4), RED, cv2.FILLED, cv2.LINE_AA)


def _bars(view: Image, x: float, y: float, size: int) -> None:
    wide, tall = max(2, round(size * 0.24)), round(size * 0.42)
    for left in (round(x - size * 0.36), round(x + size * 0.12)):
        view[round(y) - tall : round(y) + tall, left : left + wide] = STRONG
