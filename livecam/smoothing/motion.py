"""Maps carried along with what moves in the picture, by dense optical flow between two thumbnails.

DIS (Kroeger et al., "Fast Optical Flow using Dense Inverse Search", ECCV 2016) finds the flow. It is wrong where a
picture has no texture, and around an object it is the background's, so each place is carried by the flow of the heat
nearby, and only if the hot part of the new picture is found again where the flow says that it was.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from livecam.geometry import Region, place
from livecam.planes import Planes
from livecam.types import Heatmap, Picture

Luma = NDArray[np.uint8]

LONG_SIDE = 96  # of a thumbnail: finer ones took longer and, on the masks of DAVIS, carried maps no better
SHORT_SIDE = 24  # at least: DIS needs a few of its patches
SCALE = 1  # flow is found at 1/2 of the thumbnail
REACH = 6.0  # pixels of the thumbnail over which heat shares its flow: a cell or so of a 7×12 map
STILL = 0.25  # pixels of the thumbnail: less is noise, and warping for it would only blur the map
BETTER = 0.9  # a flow counts if it leaves less than this share of the change between the pictures unexplained


def thumbnail(picture: Picture) -> Luma:
    """The luma of a small copy, long side LONG_SIDE. picture: (H, W, 3) uint8 RGB, or planes."""
    height, width = picture.shape[:2]
    scale = LONG_SIDE / max(height, width)
    size = max(round(width * scale), SHORT_SIDE), max(round(height * scale), SHORT_SIDE)
    plane = picture.y if isinstance(picture, Planes) else picture
    # Nearest first: averaging a whole 4K picture costs more than the flow.
    near = cv2.resize(plane, (4 * size[0], 4 * size[1]), interpolation=cv2.INTER_NEAREST)
    luma = near if near.ndim == 2 else cv2.cvtColor(near, cv2.COLOR_RGB2GRAY)
    return np.asarray(cv2.resize(luma, size, interpolation=cv2.INTER_AREA), np.uint8)


class Motion:
    """Carries maps from one picture of a scene to a later one. One thread at a time; keeps nothing between calls."""

    def __init__(self) -> None:
        self._dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
        self._dis.setFinestScale(SCALE)

    def carried(self, cam: Heatmap, region: Region, before: Luma, after: Luma) -> Heatmap:
        """``cam`` of the picture ``before``, where it belongs in the picture ``after``.

        cam: (h, w) float32, >= 0, over ``region`` of the picture. before, after: thumbnails of one size. Returns a map
        of the shape and range of ``cam``: the very same one where nothing moves, or no motion explains the change.
        """
        peak = float(cam.max())
        if peak <= 0 or before.shape != after.shape or np.array_equal(before, after):
            return cam
        flow = self._flow(place(cam / np.float32(peak), before.shape, region), before, after)
        return cam if flow is None else _warped_cam(cam, flow, region, peak)

    def _flow(self, heat: Heatmap, before: Luma, after: Luma) -> NDArray[np.float32] | None:
        """(H, W, 2): from each pixel of ``after`` to where it was in ``before``; None: nowhere else."""
        raw = np.asarray(self._dis.calc(after, before, np.zeros((*after.shape, 2), np.float32)), np.float32)
        weight = _at(heat, raw) ** 2
        share = _spread(weight) + np.float32(1e-3)
        flow: NDArray[np.float32] = _spread(raw * weight[..., None]) / share[..., None]
        if float(np.abs(flow).max()) < STILL:
            return None
        old, new = before.astype(np.float32), after.astype(np.float32)
        unmoved, moved = np.abs(new - old), np.abs(new - _at(old, flow))
        return flow if float((weight * moved).sum()) < BETTER * float((weight * unmoved).sum()) else None


def _spread(values: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(cv2.GaussianBlur(values, (0, 0), REACH, borderType=cv2.BORDER_REPLICATE), np.float32)


def _at(values: NDArray[np.float32], flow: NDArray[np.float32], how: int = cv2.INTER_LINEAR) -> NDArray[np.float32]:
    """``values`` (H, W) at each pixel's place plus its ``flow`` (H, W, 2)."""
    height, width = values.shape
    x = flow[..., 0] + np.arange(width, dtype=np.float32)
    y = flow[..., 1] + np.arange(height, dtype=np.float32)[:, None]
    return np.asarray(cv2.remap(values, x, y, how, borderMode=cv2.BORDER_REPLICATE), np.float32)


def _warped_cam(cam: Heatmap, flow: NDArray[np.float32], region: Region, peak: float) -> Heatmap:
    """The map warped in its own cells: ``flow`` at their centres, in units of cells."""
    (height, width), (y0, x0, y1, x1) = cam.shape, region
    tall, wide = flow.shape[:2]
    x = (x0 + (np.arange(width, dtype=np.float32) + 0.5) / width * (x1 - x0)) * wide - 0.5
    y = (y0 + (np.arange(height, dtype=np.float32) + 0.5) / height * (y1 - y0)) * tall - 0.5
    x, y = np.meshgrid(x.astype(np.float32), y.astype(np.float32))
    centres = np.asarray(cv2.remap(flow, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.float32)
    cells = np.array([width / wide / (x1 - x0), height / tall / (y1 - y0)], np.float32)
    # Cubic: an average that is warped for every picture would spread with bilinear interpolation.
    warped = _at(cam, centres * cells, cv2.INTER_CUBIC)
    return np.clip(warped, np.float32(0), np.float32(peak))
