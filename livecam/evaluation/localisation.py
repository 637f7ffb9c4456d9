"""Does the map point at the object? Against masks (H, W) bool, or boxes (K, 4) x0, y0, x1, y1 in fractions.

Maps are ranged first: h = (m − min m) / (max m − min m). A mask without a pixel, or no box, has nothing to be found:
the caller leaves such pictures out.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from livecam.methods._maps import ranged
from livecam.types import Heatmap

Mask = NDArray[np.bool_]
Boxes = NDArray[np.float64]
Values = NDArray[np.float64]

IOU_THRESHOLDS: Values = np.arange(0.1, 0.95, 0.05)
"""Of the heat, at which it is compared with a mask."""
BOX_THRESHOLDS: Values = np.arange(0.05, 0.95, 0.05)
"""Of the heat, at which a box is put around it."""
DELTAS = (0.3, 0.5, 0.7)
"""Of MaxBoxAccV2: the least IoU of a box that counts as found."""


def mask_of(boxes: ArrayLike, size: tuple[int, int]) -> Mask:
    """(H, W): the pixels of a picture of ``size`` whose centres lie in one of the boxes, edges included."""
    y, x = ((np.arange(side) + 0.5) / side for side in size)
    x0, y0, x1, y1 = np.asarray(boxes, np.float64).reshape(-1, 4, 1).transpose(1, 0, 2)
    across, down = (x0 <= x) & (x <= x1), (y0 <= y) & (y <= y1)
    return np.asarray((down[:, :, None] & across[:, None, :]).any(0))


def box_of(mask: Mask) -> Boxes:
    """(1, 4): the tightest box around all pixels of a mask that has some."""
    (height, width), rows, columns = mask.shape, np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return np.array([[columns[0] / width, rows[0] / height, (columns[-1] + 1) / width, (rows[-1] + 1) / height]])


def pointing(heat: Heatmap, mask: Mask) -> bool:
    """Whether the hottest pixel, of equals the first, lies on the object. Its mean in [0, 1]: higher is better.

    The pointing game of Zhang et al., "Top-down Neural Attention by Excitation Backprop", IJCV 2018, arXiv:1608.00507,
    without its tolerance of 15 pixels.
    """
    return bool(mask.flat[int(np.argmax(heat))])


def energy_in_region(heat: Heatmap, mask: Mask) -> float:
    """Σ_mask h / Σ h in [0, 1], higher is better; 0 for a flat map.

    The energy-based pointing game of Wang et al., "Score-CAM", CVPRW 2020, arXiv:1910.01279.
    """
    h = ranged(heat).astype(np.float64)
    total = float(h.sum())
    return float(h[mask].sum()) / total if total > 0 else 0.0


def ious(heat: Heatmap, mask: Mask, thresholds: Values = IOU_THRESHOLDS) -> Values:
    """(T,): |{h > t} ∩ mask| / |{h > t} ∪ mask| for each of the rising thresholds t, in [0, 1], higher is better.

    The intersection over union (Jaccard's index). Its maximum is the picture's best-threshold IoU, its mean the IoU
    over thresholds; the best single threshold of a data set is found by ``best_threshold``.
    """
    beyond = np.searchsorted(thresholds, ranged(heat).ravel(), side="left")  # so many thresholds are below each pixel
    hot, hit = (_at_least(counted, len(thresholds)) for counted in (beyond, beyond[mask.ravel()]))
    return np.asarray(hit / np.maximum(hot + mask.sum() - hit, 1), np.float64)


def iou(heat: Heatmap, mask: Mask, threshold: float = 0.5) -> float:
    """The IoU at one threshold of the ranged heat, in [0, 1], higher is better."""
    return float(ious(heat, mask, np.array([threshold]))[0])


def best_threshold(table: Values, thresholds: Values = IOU_THRESHOLDS) -> tuple[float, float]:
    """From the ``ious`` of a data set (N, T): the highest mean over the pictures, and the threshold that gives it."""
    means = table.mean(0)
    best = int(means.argmax())
    return float(means[best]), float(thresholds[best])


def box_ious(heat: Heatmap, boxes: ArrayLike, thresholds: Values = BOX_THRESHOLDS, *, every: bool = False) -> Values:
    """(T,): for each threshold t, the IoU (0…1) of the box around {h >= t} and the object's box that it fits best.

    Around the component, of pixels that touch or meet at a corner, with most pixels; ``every``: around each component,
    and the best of them counts. For ``max_box_acc``.
    """
    h = ranged(heat)
    height, width = h.shape
    truth = np.asarray(boxes, np.float64).reshape(-1, 4) * (width, height, width, height)
    hot = ((h >= t).astype(np.uint8) for t in thresholds)
    return np.array([_overlaps(_component_boxes(one, every), truth).max(initial=0.0) for one in hot])


def max_box_acc(table: Values, delta: float = 0.5) -> float:
    """From the ``box_ious`` of a data set (N, T): max_t of the share of pictures with IoU >= δ; in [0, 1], higher is
    better.

    MaxBoxAcc of Choe et al., "Evaluating Weakly Supervised Object Localization Methods Right", CVPR 2020,
    arXiv:2001.07437. The largest component is the one with most pixels, as there; their code takes the
    contour that encloses most, of heat in 256 steps, and boxes with an extra pixel.
    """
    return float((table >= delta).mean(0).max())


def max_box_acc_v2(table: Values) -> float:
    """The mean of ``max_box_acc`` over the δ of DELTAS, each at its own best threshold; in [0, 1], higher is better.

    Choe et al., "Evaluation for Weakly Supervised Object Localization: Protocol, Metrics, and Datasets", TPAMI,
    arXiv:2007.04178. What they publish is of ``box_ious(every=True)``; with the largest component alone it is stricter.
    """
    return float(np.mean([max_box_acc(table, delta) for delta in DELTAS]))


def _at_least(beyond: NDArray[np.intp], count: int) -> NDArray[np.intp]:
    """(T,): how many are beyond each threshold, of how many thresholds each is beyond."""
    return np.bincount(beyond, minlength=count + 1)[::-1].cumsum()[::-1][1:]


def _component_boxes(hot: NDArray[np.uint8], every: bool) -> Boxes:
    """(K, 4) x0, y0, x1, y1 in pixels."""
    stats = cv2.connectedComponentsWithStats(hot, connectivity=8)[2][1:]
    if not every:
        stats = stats[np.argsort(-stats[:, cv2.CC_STAT_AREA], kind="stable")[:1]]  # of equals the first
    x, y, width, height = stats[:, :4].T
    return np.stack([x, y, x + width, y + height], 1).astype(np.float64)


def _overlaps(ours: Boxes, theirs: Boxes) -> Values:
    """(K, 4), (L, 4) → (K, L): the IoU of boxes."""
    a, b = ours[:, None], theirs[None]
    shared = (np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])).clip(min=0).prod(-1)
    return np.asarray(shared / (_area(a) + _area(b) - shared), np.float64)


def _area(boxes: Boxes) -> Values:
    return np.asarray((boxes[..., 2:] - boxes[..., :2]).prod(-1), np.float64)
