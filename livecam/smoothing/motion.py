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
CORE = 0.2  # of the middle of a box, from which its motion is read: its corners are background
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
    """Carries maps, boxes and masks from one picture of a scene to a later one. One thread at a time; keeps nothing
    between calls."""

    def __init__(self) -> None:
        self._dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
        self._dis.setFinestScale(SCALE)

    def carried(self, cam: Heatmap, region: Region, before: Luma, after: Luma) -> Heatmap:
        """``cam`` of the picture ``before``, where it belongs in the picture ``after``; see ``Moved.cam``."""
        moved = self.between(before, after)
        return cam if moved is None else moved.cam(cam, region)

    def between(self, before: Luma, after: Luma) -> Moved | None:
        """What moves from one picture to the other: thumbnails of one size. None where there is nothing to compare."""
        if before.shape != after.shape or np.array_equal(before, after):
            return None
        raw = np.asarray(self._dis.calc(after, before, np.zeros((*after.shape, 2), np.float32)), np.float32)
        return Moved(raw, before.astype(np.float32), after.astype(np.float32))


class Moved:
    """From one picture to a later one. raw: (H, W, 2), flow from each pixel of ``after`` to where it was in ``before``.
    Things stay where they are if nothing moves there, or no motion explains the change."""

    def __init__(self, raw: NDArray[np.float32], before: NDArray[np.float32], after: NDArray[np.float32]) -> None:
        self._raw, self._before, self._after = raw, before, after

    def cam(self, cam: Heatmap, region: Region) -> Heatmap:
        """cam: (h, w) float32, >= 0, over ``region`` of the picture. Returns a map of its shape and range: the very
        same one where it stays."""
        peak = float(cam.max())
        if peak <= 0:
            return cam
        weight = _at(place(cam / np.float32(peak), self._raw.shape[:2], region), self._raw) ** 2
        share = _spread(weight) + np.float32(1e-3)
        flow: NDArray[np.float32] = _spread(self._raw * weight[..., None]) / share[..., None]
        return _warped_cam(cam, flow, region, peak) if self._explains(flow, weight) else cam

    def mask(self, mask: NDArray[np.bool_], region: Region) -> NDArray[np.bool_]:
        """mask: (h, w) over ``region``."""
        heat = mask.astype(np.float32)
        carried = self.cam(heat, region)
        return mask if carried is heat else np.asarray(carried > 0.5)

    def box(self, box: Region) -> Region:
        """A box in fractions of the picture, as far as it moves as a whole, and no farther than to the picture's edge.

        It moves by the median of the flow, which is the object's even where a third or so of the box is background.
        """
        weight = _at(_bump(box, self._raw.shape[:2]), self._raw)
        inside = weight > CORE
        if not inside.any():
            return box
        step = np.asarray(np.median(self._raw[inside], 0), np.float32)
        if not self._explains(np.broadcast_to(step, self._raw.shape), np.where(inside, weight, np.float32(0))):
            return box
        (height, width), (y0, x0, y1, x1) = self._raw.shape[:2], box
        down = min(max(float(-step[1]) / height, -y0), 1 - y1)
        right = min(max(float(-step[0]) / width, -x0), 1 - x1)
        return y0 + down, x0 + right, y1 + down, x1 + right

    def _explains(self, flow: NDArray[np.float32], weight: NDArray[np.float32]) -> bool:
        """Is it motion, and does it explain the change where ``weight``, (H, W), lies?"""
        if float(np.abs(flow).max()) < STILL:
            return False
        unmoved, moved = np.abs(self._after - self._before), np.abs(self._after - _at(self._before, flow))
        return float((weight * moved).sum()) < BETTER * float((weight * unmoved).sum())


def _bump(box: Region, size: tuple[int, int]) -> NDArray[np.float32]:
    """(H, W): 1 in the middle of a box in fractions, falling to 0 at its edges."""
    sides = [
        np.maximum(1 - np.abs((np.arange(count, dtype=np.float32) + 0.5) / count * 2 - start - end) / (end - start), 0)
        for count, start, end in ((size[0], box[0], box[2]), (size[1], box[1], box[3]))
    ]
    return np.asarray(np.outer(*sides), np.float32)


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
