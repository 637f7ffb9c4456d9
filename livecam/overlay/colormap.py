"""Colour tables: heat, as a byte, → colour. Sampled once, held in memory, looked up by name."""

from __future__ import annotations

import cv2
import numpy as np

from livecam.registry import Registry
from livecam.types import Image

COLORMAPS: Registry[Image] = Registry("colormap")
DEFAULT_COLORMAP = "inferno"
"""Perceptually even: it glows where the heat is and keeps the object visible, where a rainbow draws rings."""

_OPENCV = {
    "turbo": cv2.COLORMAP_TURBO,
    "inferno": cv2.COLORMAP_INFERNO,
    "magma": cv2.COLORMAP_MAGMA,
    "plasma": cv2.COLORMAP_PLASMA,
    "viridis": cv2.COLORMAP_VIRIDIS,
    "cividis": cv2.COLORMAP_CIVIDIS,  # made to look the same with and without colour blindness
    "hot": cv2.COLORMAP_HOT,
    "jet": cv2.COLORMAP_JET,  # only for likeness with older pictures: its edges are not in the data
}


def table(name: str) -> Image:
    """The colours of ``name``: (256, 3) uint8 RGB, from cold to hot, read-only. Raises UnknownName.

    >>> table("viridis")[0].tolist()
    [68, 1, 84]
    """
    return COLORMAPS.get(name)


def _frozen(colours: Image) -> Image:
    colours.setflags(write=False)  # shared by everyone who asks for this name
    return colours


def _sample(opencv_id: int) -> Image:
    steps = np.arange(256, dtype=np.uint8).reshape(256, 1)
    bgr = np.asarray(cv2.applyColorMap(steps, opencv_id), np.uint8).reshape(256, 3)
    return _frozen(np.ascontiguousarray(bgr[:, ::-1]))


for _name, _id in _OPENCV.items():
    COLORMAPS.add(_name, _sample(_id))
COLORMAPS.add("grey", _frozen(np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)))
