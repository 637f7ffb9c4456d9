"""Anti-aliased Unicode text, with the typeface that OpenCV carries. Sizes are pixels, positions (x, baseline)."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import lru_cache

import cv2

from livecam.types import Image

Colour = tuple[int, int, int]

ELLIPSIS = "…"
_CAP = 0.73  # height of a capital in this typeface, of its size


@dataclass(frozen=True, slots=True)
class Font:
    """A size in pixels and a weight: 400 regular, 600 semibold, 800 bold."""

    size: int
    weight: int = 400

    def baseline(self, middle: float) -> int:
        """Where the baseline lies when capitals are centred on the row ``middle``."""
        return round(middle + self.size * _CAP / 2)


def clean(text: str) -> str:
    """``text`` on one line, without what the typeface cannot set: OpenCV 5.0 crashes on a lone surrogate.

    >>> clean("two" + chr(10) + "lines" + chr(0xD800))
    'two lines'
    """
    drawn = "".join(
        " " if c.isspace() else c for c in text if c.isspace() or unicodedata.category(c) not in ("Cc", "Cs")
    )
    return " ".join(drawn.split())


@lru_cache(maxsize=1024)
def width(text: str, font: Font) -> int:
    """Pixels that ``text`` advances; 0 for an empty one."""
    # The face is made anew (under 1 µs; glyphs are cached below it), so that no thread shares one.
    return int(cv2.getTextSize((0, 0), clean(text), (0, 0), cv2.FontFace("sans"), font.size, font.weight)[2])


def draw(image: Image, text: str, origin: tuple[int, int], font: Font, colour: Colour) -> None:
    """Write ``text`` into ``image`` (H, W, 3) uint8, in place, clipped at its edges.

    origin: (x, baseline) of the first character. colour: in the channel order of the picture.
    """
    cv2.putText(image, clean(text), origin, colour, cv2.FontFace("sans"), font.size, font.weight)


@lru_cache(maxsize=1024)
def shorten(text: str, font: Font, room: int) -> str:
    """``text``, or as much of its beginning as fits ``room`` pixels with an ellipsis; "" when nothing does.

    >>> shorten("a very long label", Font(20), 100)
    'a very lo…'
    """
    text = clean(text)
    if width(text, font) <= room:
        return text
    fits, too_long = 0, len(text)
    while too_long - fits > 1:
        middle = (fits + too_long) // 2
        if width(text[:middle].rstrip() + ELLIPSIS, font) <= room:
            fits = middle
        else:
            too_long = middle
    return _at_a_name(text[:fits].rstrip()) + ELLIPSIS if fits else ""


def _at_a_name(text: str) -> str:
    # Labels such as "cab, hack, taxi, taxicab" list synonyms: a whole one says more than a piece of the next.
    return text.rsplit(",", 1)[0] if "," in text else text
