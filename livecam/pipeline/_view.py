"""A picture as its viewer wants it: mirrored, smaller. Nothing is changed in place."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from livecam.geometry import Region
from livecam.planes import Plane, Planes
from livecam.types import Explanation, Picture


def mirrored(picture: Picture) -> Picture:
    """Left and right exchanged. picture: (H, W, 3) uint8 RGB, or planes."""
    if isinstance(picture, Planes):
        y, u, v = (_flipped(plane) for plane in (picture.y, picture.u, picture.v))
        return Planes(y, u, v, picture.matrix, picture.full)
    return _flipped(picture)


def mirrored_map(explanation: Explanation) -> Explanation:
    """The explanation of the mirrored picture."""
    return replace(
        explanation,
        cam=np.ascontiguousarray(explanation.cam[:, ::-1]),
        region=_mirrored(explanation.region),
        objects=tuple(replace(one, box=_mirrored(one.box), cam=one.cam[:, ::-1]) for one in explanation.objects),
        mask=None if explanation.mask is None else np.ascontiguousarray(explanation.mask[:, ::-1]),
    )


def _mirrored(region: Region) -> Region:
    y0, x0, y1, x1 = region
    return y0, 1 - x1, y1, 1 - x0


def shrunk(picture: Picture, share: float) -> Picture:
    """The picture at ``share`` of its width and height, rounded to even pixels; area-averaged."""
    height, width = (max(2, 2 * round(side * share / 2)) for side in picture.shape[:2])
    return resized(picture, (height, width))


def resized(picture: Picture, size: tuple[int, int]) -> Picture:
    """The picture in another ``size`` (H, W), both even; area-averaged when it shrinks."""
    height, width = size
    if size == picture.shape[:2]:
        return picture
    if isinstance(picture, Planes):
        y = _resized(picture.y, height, width)
        u, v = (_resized(plane, height // 2, width // 2) for plane in (picture.u, picture.v))
        return Planes(y, u, v, picture.matrix, picture.full)
    return _resized(picture, height, width)


def _flipped(image: Plane) -> Plane:
    return np.asarray(cv2.flip(image, 1), np.uint8)


def _resized(image: Plane, height: int, width: int) -> Plane:
    way = cv2.INTER_AREA if height < image.shape[0] else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (width, height), interpolation=way), np.uint8)
