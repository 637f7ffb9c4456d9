"""Lines around things: drawn on the planes as they are, so that nothing beside them changes."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from livecam.overlay.text import Colour
from livecam.planes import Plane, Planes, rgb_to_yuv
from livecam.types import Picture

Polygon = NDArray[np.float32]
INK: Colour = (13, 15, 20)
_BITS = 4  # of fractions of a pixel


def outline(picture: Picture, polygons: Sequence[Polygon], colour: Colour, thick: int) -> None:
    """Draw closed lines into ``picture``, in place: (H, W, 3) uint8 RGB, or planes that nobody else has.

    polygons: (n, 2), x and y in fractions of the picture. thick: pixels of the line, which has a dark edge: it is seen
    on light and on dark.
    """
    for shade, wide in ((INK, thick + 2 * max(1, thick // 2)), (colour, thick)):
        if isinstance(picture, Planes):
            values = cv2.transform(np.array([[shade]], np.uint8), rgb_to_yuv(picture.matrix, picture.full))[0, 0]
            _lines(picture.y, polygons, int(values[0]), wide)
            for plane, value in ((picture.u, values[1]), (picture.v, values[2])):
                _lines(plane, polygons, int(value), max(1, wide // 2))
        else:
            _lines(picture, polygons, shade, wide)


def box(top: float, left: float, bottom: float, right: float) -> Polygon:
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)], np.float32)


def _lines(plane: Plane, polygons: Sequence[Polygon], colour: Colour | int, thick: int) -> None:
    height, width = plane.shape[:2]
    sides = np.array([width, height], np.float32)
    # A pixel's centre is at a whole number here.
    points = [np.rint((one * sides - 0.5) * (1 << _BITS)).astype(np.int32) for one in polygons]
    shade = (colour,) if isinstance(colour, int) else colour
    cv2.polylines(plane, points, True, shade, thick, cv2.LINE_AA, _BITS)
