"""Pictures of a clip for calibrating and checking: spread over all of it, each for one of the two."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from livecam.errors import SourceError
from livecam.geometry import Region, take
from livecam.masking import masked
from livecam.sources import SourceOptions, open_source

COUNT = 32
INT8_COUNT = 128  # half of them calibrate
LONGEST_S = 120.0  # of a longer clip, its first two minutes


def pictures(spec: str, size: tuple[int, int], count: int = COUNT) -> NDArray[np.uint8]:
    """Pictures of ``spec``, evenly spread, the centre of each: (N, H, W, 3) uint8 RGB.

    Where it has so many, N is at least ``count`` and less than twice that. Raises SourceNotFound, SourceError.
    """
    taken: list[NDArray[np.uint8]] = []
    step = 1
    with open_source(spec, SourceOptions(duration_s=LONGEST_S)) as source:
        number = 0
        while (frame := source.read()) is not None:
            if number % step == 0:
                taken.append(take(frame.image, centre(frame.image.shape[:2], size), size))
            number += 1
            if len(taken) == 2 * count:  # the length is not known before the end: thin out, go on at half the rate
                taken, step = taken[::2], step * 2
    if not taken:
        raise SourceError(f"{masked(spec)}: there is no picture in it")
    return np.stack(taken)


def centre(picture: tuple[int, int], size: tuple[int, int]) -> Region:
    """The largest central part of a picture (H, W) that has the shape of ``size`` (H, W).

    >>> centre((720, 1280), (224, 224))
    (0.0, 0.21875, 1.0, 0.78125)
    """
    scale = min(picture[0] / size[0], picture[1] / size[1])
    y, x = ((1 - scale * side / whole) / 2 for side, whole in zip(size, picture, strict=True))
    return (y, x, 1 - y, 1 - x)
