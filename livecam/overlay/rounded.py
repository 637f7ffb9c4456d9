"""Rectangles with round corners: which pixels they cover wholly, and how much of the others."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from livecam.planes import Plane
from livecam.types import Image

_OVERSAMPLING = 4


class Edge(NamedTuple):
    """A part whose pixels are covered partly. inside: how much of them, 255 for all; outside: the rest. uint8."""

    part: tuple[slice, slice]
    inside: Image
    outside: Image


class Shape(NamedTuple):
    """solid: the part whose pixels are covered wholly. edges: the parts around it, disjoint, as few as there are."""

    solid: tuple[slice, slice]
    edges: tuple[Edge, ...]


@lru_cache(maxsize=64)
def rounded(shape: tuple[int, ...], radius: int) -> Shape:
    """The rectangle (h, w) of a plane, or (h, w, 3) of RGB. radius: of its corners, at most half its shorter side."""
    return _parts(_cover(shape[0], shape[1], radius), shape[2:])


@lru_cache(maxsize=64)
def rounded_chroma(size: tuple[int, int], radius: int, down: int, right: int) -> Shape:
    """The same in a plane of half the size. size: (h, w) in pixels. down, right: 1 where it begins within a value."""
    below, after = (down + size[0]) % 2, (right + size[1]) % 2
    cover = cv2.copyMakeBorder(_cover(*size, radius), down, below, right, after, cv2.BORDER_CONSTANT, value=0)
    return _parts(np.asarray(cv2.resize(cover, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.uint8), ())


def _parts(cover: Plane, channels: tuple[int, ...]) -> Shape:
    # Full columns first: what has round corners on pictures is wide, and its ends are small.
    top, bottom = _span(cover[:, cover.shape[1] // 2] == 255)
    left, right = _span((cover[top:bottom] == 255).all(axis=0))
    around = np.s_[:, :left], np.s_[:, right:], np.s_[:top, left:right], np.s_[bottom:, left:right]
    edges = []
    for part in around:
        inside = cover[part]
        if inside.size:
            inside = np.repeat(inside[..., None], 3, axis=2) if channels else np.ascontiguousarray(inside)
            edges.append(Edge(part, inside, np.asarray(255 - inside, np.uint8)))
    return Shape(np.s_[top:bottom, left:right], tuple(edges))


def _span(whole: NDArray[np.bool_]) -> tuple[int, int]:
    """From the first to behind the last true one."""
    (where,) = np.nonzero(whole)
    return (int(where[0]), int(where[-1]) + 1) if len(where) else (0, 0)


def _cover(height: int, width: int, radius: int) -> Plane:
    """(height, width) uint8, 255 inside, anti-aliased."""
    r = max(0, min(radius, height // 2, width // 2))
    cover = np.full((height, width), 255, np.uint8)
    if r:
        n = r * _OVERSAMPLING
        away = n - 0.5 - np.arange(n)
        disc = away[:, None] ** 2 + away[None, :] ** 2 <= n * n
        share = disc.reshape(r, _OVERSAMPLING, r, _OVERSAMPLING).mean(axis=(1, 3))
        corner = np.rint(255 * share).astype(np.uint8)
        cover[:r, :r], cover[:r, width - r :] = corner, corner[:, ::-1]
        cover[height - r :] = cover[:r][::-1]
    return cover
