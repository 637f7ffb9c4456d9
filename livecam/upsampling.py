"""From feature size to picture size: smoothly, or along the edges of the picture."""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from livecam.geometry import WHOLE, Region, averaged, part, paste, place, size_of
from livecam.planes import Planes

Plane = NDArray[np.float32]
Upsample = Literal["bilinear", "cubic", "guided"]
UPSAMPLES: tuple[Upsample, ...] = ("bilinear", "cubic", "guided")

SIDE = 160
"""Short side, in pixels, at which the guided filter is solved: a map of 7 rows has nothing to say about more."""
FINE = 360
"""Short side beyond which edges are not followed: the heat of a large picture is interpolated from here on."""
RADIUS, CELLS = 0.055, 0.35
"""Radius of its windows: a share of the short side, and so many cells, for a coarse map knows places less well."""
EPSILON = 1e-3
"""Variance of the luma, in [0, 1]², that counts as an edge: below it, texture is smoothed away."""


def upsample(
    cam: Plane,
    size: tuple[int, int],
    region: Region = WHOLE,
    how: Upsample = "bilinear",
    guide: NDArray[np.uint8] | Planes | None = None,
) -> Plane:
    """A map (h, w) in [0, 1] on a picture of ``size``: (H, W) float32 in [0, 1], zero outside ``region``.

    guide: the picture, of any size, (H', W', 3) uint8 RGB or planes; without one, ``guided`` is ``cubic``.
    """
    if how == "bilinear":
        return place(cam, size, region)
    target = size_of(region, size)
    if how == "cubic" or guide is None:
        return paste(np.clip(_cubic(cam, target), 0, 1), size, region)
    fine = _at_most(FINE, target)
    heat = guided(cam, _luma(guide, region, fine))
    return paste(_linear(heat, target), size, region)


def guided(cam: Plane, luma: Plane) -> Plane:
    """A map (h, w) in [0, 1] upsampled along the edges of ``luma`` (H, W) float32 in [0, 1]: (H, W) in [0, 1].

    The fast guided filter (He & Sun, arXiv:1505.00996; He et al., TPAMI 2013, eqs. 5, 6, 8): in each window ω the map
    p is a linear function of the picture I,
        a = cov(I, p) / (var(I) + ε),   b = mean(p) − a mean(I),   q = mean(a) I + mean(b),
    solved at reduced size; a and b, which are smooth, are interpolated.
    """
    size = luma.shape
    small = _at_most(SIDE, (size[0], size[1]))
    I, p = averaged(luma, small), _cubic(cam, small)  # noqa: E741, N806  the paper's symbols
    radius = max(1, round((RADIUS + CELLS / min(cam.shape)) * min(small)))
    mean_i, mean_p = _box(I, radius), _box(p, radius)
    covariance = _box(_times(I, p), radius) - mean_i * mean_p
    variance = _box(_times(I, I), radius) - mean_i * mean_i
    a = np.asarray(covariance / (variance + np.float32(EPSILON)), np.float32)
    b = np.asarray(mean_p - a * mean_i, np.float32)
    q = _times(_linear(_box(a, radius), size), luma)
    q += _linear(_box(b, radius), size)
    return np.clip(q, 0, 1, out=q)


def _luma(guide: NDArray[np.uint8] | Planes, region: Region, size: tuple[int, int]) -> Plane:
    """``region`` of the picture in grey at ``size``, float32 in [0, 1]."""
    plane = part(guide.y if isinstance(guide, Planes) else guide, region)
    if plane.ndim == 3:
        plane = np.asarray(cv2.cvtColor(plane, cv2.COLOR_RGB2GRAY), np.uint8)
    return np.asarray(averaged(plane, size) * np.float32(1 / 255), np.float32)


def _at_most(short: int, size: tuple[int, ...]) -> tuple[int, int]:
    """``size`` shrunk so that its short side is at most ``short``."""
    scale = min(1.0, short / min(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _times(x: Plane, y: Plane) -> Plane:
    return np.asarray(cv2.multiply(x, y), np.float32)


def _box(x: Plane, radius: int) -> Plane:
    side = 2 * radius + 1
    return np.asarray(cv2.blur(x, (side, side), borderType=cv2.BORDER_REFLECT), np.float32)


def _linear(x: Plane, size: tuple[int, ...]) -> Plane:
    return np.asarray(cv2.resize(x, (size[1], size[0]), interpolation=cv2.INTER_LINEAR), np.float32)


def _cubic(x: Plane, size: tuple[int, ...]) -> Plane:
    return np.asarray(cv2.resize(x, (size[1], size[0]), interpolation=cv2.INTER_CUBIC), np.float32)
