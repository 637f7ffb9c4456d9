"""A part of a picture hidden by a blurred copy: what is the network left with when it cannot see that part?

Blurred as in Fong & Vedaldi, "Interpretable Explanations of Black Boxes by Meaningful Perturbation", ICCV 2017,
arXiv:1704.03296, section 4.1, with a mask without hard edges: a black box is nothing that a network has ever seen, and
its confidence falls for that alone.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from livecam.types import Heatmap, Image

SHARE = 0.25
"""Of the map's cells that are hidden. Fixed: a map that is hot everywhere hides no more than one that is not."""

_BLUR = 20 / 224  # standard deviation, of the shorter side
_SHRUNK = 4  # a blur so wide is the same to the eye, and cheaper, of a picture that is so much smaller

Cells = NDArray[np.bool_]


def hottest(cam: Heatmap, share: float = SHARE) -> Cells:
    """The hottest ``share`` of the cells of a map (h, w), rounded, at least one; of equal cells the first."""
    count = max(1, round(share * cam.size))
    cells = np.zeros(cam.size, np.bool_)
    cells[np.argsort(-cam, axis=None, kind="stable")[:count]] = True
    return cells.reshape(cam.shape)


def moved_to_the_cold(cells: Cells, cam: Heatmap) -> Cells:
    """``cells`` shifted as a whole, around the edges, to where the least heat of ``cam`` (h, w) lies under them.

    The same shape and area, so that what hiding does by itself (edges, lost detail) is the same as well.
    """
    # Heat under the cells for every shift: a circular correlation. Rounded, so that ties are ties: the first counts.
    spectrum = np.fft.rfft2(cam) * np.conj(np.fft.rfft2(cells))
    under = np.fft.irfft2(spectrum, cam.shape).round(6)
    down, right = np.unravel_index(int(under.argmin()), under.shape)
    return np.roll(cells, (int(down), int(right)), (0, 1))


def hidden(picture: Image, cells: Cells) -> Image:
    """``picture``, (H, W, 3) uint8 RGB, blurred where ``cells`` (h, w), which cover all of it, are True."""
    height, width = picture.shape[:2]
    mask = cv2.resize(cells.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)[..., None]
    mixed = picture + mask * (_blurred(picture).astype(np.float32) - picture)
    return np.rint(mixed).astype(np.uint8)


def _blurred(picture: Image) -> Image:
    height, width = picture.shape[:2]
    small = cv2.resize(picture, (max(1, width // _SHRUNK), max(1, height // _SHRUNK)), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), _BLUR * min(small.shape[:2]), borderType=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)
