"""A heatmap over a picture, fast: bytes and table look-ups only, and only where there is heat."""

from __future__ import annotations

import cv2
import numpy as np

from livecam.errors import ConfigError
from livecam.overlay.colormap import DEFAULT_COLORMAP
from livecam.overlay.tint import FLOOR_STEPS, Tint, tint
from livecam.types import Heatmap, Image, check_picture

DEFAULT_ALPHA = 0.6
DEFAULT_MODE = "alpha"
QUALITIES = (0, 1, 2, 3)

_ROWS = (1, 2, 4, 4)  # picture rows that share one row of colours, by quality
_SMOOTH = 90  # picture rows for each row of a map from which on two rows share colours: they differ by rounding
BAND_PIXELS = 1 << 16
"""A band and its colours stay in the second-level cache, and OpenCV starts no threads for so few pixels."""
_MOSTLY = 0.75  # share of a band from which heat is mixed into all of it: that saves copying


def working_size(size: tuple[int, int], quality: int) -> tuple[int, int]:
    """Size (h, w) at which a heatmap for a picture of ``size`` (H, W) is worth having: 1, 1/2, 1/4, 1/8 of it.

    >>> working_size((720, 1280), 2)
    (180, 320)
    """
    if quality not in QUALITIES:
        raise ConfigError(f"quality {quality!r} is not 0 (best), 1, 2 or 3")
    return -(-size[0] >> quality), -(-size[1] >> quality)


def blend(
    image: Image,
    heatmap: Heatmap,
    *,
    colormap: str = DEFAULT_COLORMAP,
    alpha: float = DEFAULT_ALPHA,
    mode: str = DEFAULT_MODE,
    quality: int = 0,
) -> Image:
    """``image`` with ``heatmap`` over it; opacity follows the heat, cold areas stay bit-identical.

    image: (H, W, 3) uint8 RGB, never changed. heatmap: (h, w) float32 or float64 in [0, 1], of any size, upsampled
    bilinearly; values outside saturate, NaN is cold. Heat is absolute: never normalised by the maximum of this call.
    colormap: a name of ``colormap.COLORMAPS``. alpha: opacity in [0, 1] of the hottest areas.
    mode: ``alpha`` mixes, ``additive`` adds light. quality: 0 (best) to 3, see ``working_size``; from 1 on,
    neighbouring rows of pixels also share their colours.
    Returns a new (H, W, 3) uint8 RGB. Raises ConfigError on wrong arguments, UnknownName on a wrong colour map.

    >>> picture = np.full((4, 4, 3), 200, np.uint8)
    >>> blend(picture, np.ones((1, 1), np.float32), colormap="grey", alpha=0.5)[0, 0].tolist()
    [228, 228, 228]
    """
    check_picture(image)
    check_heatmap(heatmap)
    tables = tint(colormap, float(alpha), mode)
    working_size(image.shape[:2], quality)
    height, width = image.shape[:2]
    pairs = height % 2 == 0 and height >= _SMOOTH * heatmap.shape[0]
    rows = max(_ROWS[quality], 1 + pairs)
    tall = resized(heatmap, (-(-height // rows), heatmap.shape[1]))
    out = np.empty(image.shape, np.uint8)
    band = max(1, BAND_PIXELS // width)
    for y in range(0, len(tall), band):
        part = np.s_[y * rows : (y + band) * rows]
        heat = tall[y : y + band]
        _blend_band(image[part], out[part], steps(resized(heat, (len(heat), width))), rows, tables)
    return out


def check_heatmap(heatmap: Heatmap) -> None:
    """Raise ConfigError for what is no heatmap."""
    if heatmap.dtype not in (np.float32, np.float64) or heatmap.ndim != 2 or not heatmap.size:
        raise ConfigError(f"a heatmap is (h, w) float32 in [0, 1], not {heatmap.shape} {heatmap.dtype}")


def resized(heatmap: Heatmap, size: tuple[int, ...]) -> Heatmap:
    """A heatmap at ``size`` (H, W), bilinear."""
    if heatmap.shape == size:
        return heatmap
    return np.asarray(cv2.resize(heatmap, size[::-1], interpolation=cv2.INTER_LINEAR), np.float32)


def steps(heat: Heatmap) -> Image:
    """Heat above the floor in steps of 1/255, as uint8."""
    # One pass that rounds and saturates at both ends; convertScaleAbs would turn -0.1 into heat.
    return np.asarray(cv2.addWeighted(heat, 255.0, heat, 0.0, -FLOOR_STEPS, dtype=cv2.CV_8U), np.uint8)


def _blend_band(image: Image, out: Image, heat: Image, rows: int, tables: Tint) -> None:
    """Blend some rows of the picture into those of ``out``, inside the box that holds their heat."""
    x, y, width, height = cv2.boundingRect(heat)
    if width * height < _MOSTLY * heat.size:
        np.copyto(out, image)
        if not width:
            return
        box = np.s_[y * rows : (y + height) * rows, x : x + width]
        heat, image, out = heat[y : y + height, x : x + width], out[box], out[box]
    colour = cv2.applyColorMap(heat, tables.colour)
    keep = cv2.cvtColor(cv2.LUT(heat, tables.keep), cv2.COLOR_GRAY2RGB)
    for phase in range(rows):
        target = out[phase::rows]
        n = len(target)  # the last row of colours may serve fewer rows of the picture
        if n:
            cv2.multiply(image[phase::rows], keep[:n], dst=target, scale=1 / 255)
            cv2.add(target, colour[:n], dst=target)
