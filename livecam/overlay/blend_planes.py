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
    keep = cv2.LUT(heat, tables.keep)
    _mix(out.u[top:bottom, left:right], keep, cv2.LUT(heat, tables.u))
    _mix(out.v[top:bottom, left:right], keep, cv2.LUT(heat, tables.v))
    luma = out.y[2 * top : 2 * bottom, 2 * left : 2 * right]
    # Looking up a quarter of the pixels and interpolating takes less time than looking up all of them.
    _mix(luma, _doubled(keep), _doubled(cv2.LUT(heat, tables.y)))
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


def _doubled(values: MatLike) -> MatLike:
    height, width = values.shape
    return cv2.resize(values, (2 * width, 2 * height), interpolation=cv2.INTER_LINEAR)
