"""What is shown while there is nothing to show: a picture that says NO SIGNAL, and the badge of an old picture.

Both can be read from across a room, and neither can pass for a live picture.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from livecam.health import SourceHealth, State
from livecam.overlay.glass import glass
from livecam.overlay.patch import patch
from livecam.overlay.text import Colour, Font, clean, draw, shorten, width
from livecam.types import Image, Picture

INK: Colour = (24, 28, 36)
EDGE: Colour = (12, 14, 19)
TITLE: Colour = (236, 239, 244)
WORDS: Colour = (190, 197, 208)
AMBER: Colour = (255, 190, 84)

_TITLE_SHARE, _WORDS_SHARE = 1 / 8, 1 / 22  # of the shorter side
_SMALLEST = 11
_ROOM = 0.88  # of the picture's width for a line
_BADGE_INK: Colour = (122, 62, 0)
_BADGE_OPACITY = 0.9


def no_signal(size: tuple[int, int], name: str, health: SourceHealth, now: float) -> Image:
    """A picture (H, W, 3) uint8 RGB of ``size`` (H, W): what is missing, why, and when it is tried again.

    name: of the source, without credentials. now: seconds of the clock of ``health``.
    """
    height, wide = size
    image = backdrop(height, wide).copy()
    title = "CONNECTING" if health.state is State.CONNECTING and not health.cause else "NO SIGNAL"
    short = min(size)
    heading = fitting(title, round(short * _TITLE_SHARE), 700, round(wide * _ROOM))
    words = max(_SMALLEST, round(short * _WORDS_SHARE))
    lines = [(title, heading, TITLE), (name, Font(words, 600), WORDS)]
    lines += [(line, Font(words), WORDS) for line in _wrapped(health.cause, Font(words), round(wide * _ROOM))]
    lines += [(next_try(health, now), Font(words), AMBER)]
    centred(image, [line for line in lines if line[0]])
    return image


def next_try(health: SourceHealth, now: float) -> str:
    """When it is tried again, in words; "" where that needs no saying.

    >>> next_try(SourceHealth(State.LOST, retry_at=12.0), 8.7)
    'next try in 4 s'
    """
    if health.state is State.LOST and health.retry_at is not None:
        return f"next try in {max(1, math.ceil(health.retry_at - now))} s"
    return "connecting …" if health.state is State.CONNECTING and health.cause else ""


def mark_stale(image: Picture, age_s: float) -> None:
    """Say in ``image``, in place, that it is ``age_s`` seconds old: (H, W, 3) uint8 RGB, or planes of nobody else."""
    height, wide = image.shape[:2]
    text = f"NO NEW PICTURE FOR {age_s:.0f} s"
    font = fitting(text, max(_SMALLEST, round(min(height, wide) / 18)), 700, round(wide * _ROOM) - 2 * _SMALLEST)
    pad, tall = font.size, round(font.size * 2.1)
    across = min(width(text, font) + 2 * pad, wide)
    top, left = max((height - tall) // 2, 0), (wide - across) // 2
    with patch(image, (top, min(top + tall, height)), (left, left + across)) as view:
        glass(view, tall // 2, _BADGE_INK, _BADGE_OPACITY)
        draw(view, text, (pad, font.baseline(tall / 2)), font, TITLE)


@lru_cache(maxsize=1)  # it takes longer than the words, and the words change every second
def backdrop(height: int, wide: int) -> Image:
    """Dark, a little lighter in the middle."""
    y, x = np.linspace(-1, 1, height)[:, None], np.linspace(-1, 1, wide)
    away = np.clip((x * x + y * y) / 2, 0, 1)[:, :, None]
    return np.asarray(np.rint(np.array(INK) * (1 - away) + np.array(EDGE) * away), np.uint8)


def centred(image: Image, lines: list[tuple[str, Font, Colour]]) -> None:
    gaps = [round(font.size * 1.5) for _, font, _ in lines]
    y = (image.shape[0] - sum(gaps)) / 2
    for (text, font, colour), gap in zip(lines, gaps, strict=True):
        shown = shorten(text, font, round(image.shape[1] * _ROOM))
        draw(image, shown, ((image.shape[1] - width(shown, font)) // 2, font.baseline(y + gap / 2)), font, colour)
        y += gap


def fitting(text: str, size: int, weight: int, room: int) -> Font:
    """The largest font up to ``size`` in which ``text`` fits ``room`` pixels."""
    size = max(size, _SMALLEST)
    return Font(max(_SMALLEST, min(size, size * room // max(width(text, Font(size, weight)), 1))), weight)


def _wrapped(text: str, font: Font, room: int, lines: int = 2) -> list[str]:
    """``text`` broken between words into at most ``lines``; the last one takes the rest."""
    broken = [""]
    for word in clean(text).split():
        longer = f"{broken[-1]} {word}".lstrip()
        if width(longer, font) <= room or len(broken) == lines or not broken[-1]:
            broken[-1] = longer
        else:
            broken.append(word)
    return broken
