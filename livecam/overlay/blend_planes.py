"""A heatmap over the planes of a recording: bytes and table look-ups only, and only where there is heat."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np
from cv2.typing import MatLike

from livecam.overlay.blend import DEFAULT_ALPHA, check_heatmap, resized, steps
from livecam.overlay.colormap import DEFAULT_COLORMAP
from livecam.overlay.tint import tint
from livecam.planes import Matrix, Plane, Planes, rgb_to_yuv
from livecam.types import Heatmap

_BAND_ROWS = 60  # a band, and what is mixed into it, stay in the second-level cache
_GENTLE = 3  # steps of heat between neighbours in chroma; a pixel of luma is a quarter of that away, which is rounding


def blend_planes(
    planes: Planes, heatmap: Heatmap, *, colormap: str = DEFAULT_COLORMAP, alpha: float = DEFAULT_ALPHA
) -> Planes:
    """What ``blend`` does in mode ``alpha``, on planes; cold areas stay bit-identical.

    planes: never changed. heatmap: (h, w) float32 or float64 in [0, 1], of any size, best at that of the chroma planes.
    Returns new Planes of the same matrix and range. Raises ConfigError and UnknownName as ``blend`` does.
    """
    check_heatmap(heatmap)
    tables = planes_tint(colormap, float(alpha), planes.matrix, planes.full)
    out = planes.copy()
    heat = steps(resized(heatmap, planes.u.shape))
    x, y, width, height = cv2.boundingRect(heat)
    if not width:
        return out
    # A cold margin of one pixel: interpolation fades there as it does in the whole.
    top, left, bottom, right = max(y - 1, 0), max(x - 1, 0), y + height + 1, x + width + 1
    heat = heat[top:bottom, left:right]
    u, v = out.u[top:bottom, left:right], out.v[top:bottom, left:right]
    luma = out.y[2 * top : 2 * bottom, 2 * left : 2 * right]
    for first in range(0, len(heat), _BAND_ROWS):
        last = min(first + _BAND_ROWS, len(heat))
        above = min(first, 1)  # a row more on either side: interpolation in a band is what it is in the whole
        around, inside = heat[first - above : last + 1], slice(above, above + last - first)
        keep = cv2.LUT(around, tables.keep)
        _mix(u[first:last], keep[inside], cv2.LUT(around[inside], tables.u))
        _mix(v[first:last], keep[inside], cv2.LUT(around[inside], tables.v))
        doubled = _interpolated if _is_steep(around) else _repeated
        # Looking up a quarter of the pixels and doubling takes less time than looking up all of them.
        inside = slice(2 * above, 2 * (above + last - first))
        _mix(luma[2 * first : 2 * last], doubled(keep)[inside], doubled(cv2.LUT(around, tables.y))[inside])
    return out


class PlanesTint(NamedTuple):
    """The tables of ``Tint`` for planes, (256,) uint8 each: how much of a value stays, and what is added to it."""

    keep: Plane
    y: Plane
    u: Plane
    v: Plane


@lru_cache(maxsize=256)
def planes_tint(colormap: str, alpha: float, matrix: Matrix, full: bool) -> PlanesTint:
    """``tint`` of mode ``alpha`` in the values of a matrix and range. Raises ConfigError and UnknownName."""
    tables, weights = tint(colormap, alpha, "alpha"), rgb_to_yuv(matrix, full)
    covered = 1 - tables.keep / 255.0
    # Black and grey lie at 16 and 128: where less of the picture stays, less of these stays, too.
    added = weights[:, :3] @ tables.colour.reshape(256, 3).T + weights[:, 3:] * covered
    return PlanesTint(tables.keep, *np.rint(added).clip(0, 255).astype(np.uint8))


def _mix(view: Plane, keep: MatLike, added: MatLike) -> None:
    cv2.multiply(view, keep, dst=view, scale=1 / 255)
    cv2.add(view, added, dst=view)


def _is_steep(heat: MatLike) -> bool:
    """Whether a difference of neighbours is over _GENTLE."""
    return max(cv2.norm(heat[1:], heat[:-1], cv2.NORM_INF), cv2.norm(heat[:, 1:], heat[:, :-1], cv2.NORM_INF)) > _GENTLE


def _interpolated(values: MatLike) -> MatLike:
    height, width = values.shape
    return cv2.resize(values, (2 * width, 2 * height), interpolation=cv2.INTER_LINEAR)


def _repeated(values: MatLike) -> MatLike:
    height, width = values.shape
    return np.repeat(cv2.merge([values, values]).reshape(height, 2 * width), 2, axis=0)
