"""Against loops over pixels, cases with a known answer, and known figures of the development data."""

import json

import cv2
import numpy as np
import pytest

from livecam.evaluation import localisation
from livecam.evaluation.localisation import BOX_THRESHOLDS, IOU_THRESHOLDS

SIZE = (30, 40)


def smooth(seed):
    coarse = np.random.default_rng(seed).random((6, 8), np.float32)
    return 3 + cv2.resize(coarse, SIZE[::-1], interpolation=cv2.INTER_CUBIC)


@pytest.fixture
def mask():
    mask = np.zeros(SIZE, bool)
    mask[5:20, 10:30] = True
    return mask


def test_a_map_that_is_the_mask_is_perfect(mask):
    heat = mask.astype(np.float32) * 7 - 3
    assert localisation.pointing(heat, mask)
    assert localisation.energy_in_region(heat, mask) == 1
    assert (localisation.ious(heat, mask) == 1).all()
    box = localisation.box_of(mask)
    assert box.tolist() == [[10 / 40, 5 / 30, 30 / 40, 20 / 30]]
    assert localisation.box_ious(heat, box) == pytest.approx(np.ones(len(BOX_THRESHOLDS)))


def test_a_map_that_is_everything_else_is_worthless(mask):
    heat = (~mask).astype(np.float32)
    assert not localisation.pointing(heat, mask)
    assert localisation.energy_in_region(heat, mask) == 0
    assert (localisation.ious(heat, mask) == 0).all()


def test_a_flat_map_finds_nothing(mask):
    heat = np.full(SIZE, 5, np.float32)
    assert localisation.energy_in_region(heat, mask) == 0
    assert (localisation.ious(heat, mask) == 0).all()
    assert (localisation.box_ious(heat, localisation.box_of(mask)) == 0).all()


@pytest.mark.parametrize("seed", range(3))
def test_ious_equal_counting(seed, mask):
    heat = smooth(seed)
    h = heat.astype(np.float64)
    h = (h - h.min()) / (h.max() - h.min())
    expected = [((h > t) & mask).sum() / ((h > t) | mask).sum() for t in IOU_THRESHOLDS]
    assert localisation.ious(heat, mask) == pytest.approx(np.array(expected), abs=2e-3)
    half = ((h > 0.5) & mask).sum() / ((h > 0.5) | mask).sum()
    assert localisation.iou(heat, mask) == pytest.approx(half, abs=2e-3)
    assert localisation.energy_in_region(heat, mask) == pytest.approx(h[mask].sum() / h.sum(), abs=1e-5)


def test_a_value_on_the_threshold_is_cold_for_masks_and_hot_for_boxes():
    heat = np.array([[0, 0.5, 1]], np.float32)
    mask, half = np.array([[False, True, True]]), np.array([0.5])
    assert localisation.ious(heat, mask, half)[0] == 0.5
    assert localisation.box_ious(heat, [1 / 3, 0, 1, 1], half)[0] == pytest.approx(1)


def test_the_best_threshold_is_that_of_the_mean():
    table = np.array([[0.9, 0.5, 0.0], [0.0, 0.5, 0.8]])
    assert localisation.best_threshold(table, np.array([0.2, 0.4, 0.6])) == (0.5, 0.4)


def test_the_largest_component_is_boxed_and_every_one_if_asked(mask):
    heat = np.zeros(SIZE, np.float32)
    heat[5:20, 10:30] = 0.6
    heat[22, :] = 0.6  # longer box, fewer pixels
    heat[25, 35] = heat[26, 36] = 1  # one component: they meet at a corner
    thresholds = np.array([0.5, 0.9])
    box = localisation.box_of(mask)
    assert localisation.box_ious(heat, box, thresholds) == pytest.approx(np.array([1, 0]))
    speck = np.array([[35 / 40, 25 / 30, 37 / 40, 27 / 30]])
    assert localisation.box_ious(heat, speck, thresholds) == pytest.approx(np.array([0, 1]))
    assert localisation.box_ious(heat, speck, thresholds, every=True) == pytest.approx(np.ones(2))
    assert localisation.box_ious(heat, [*speck, *box], thresholds) == pytest.approx(np.ones(2))


def test_the_overlap_of_boxes_counts_their_shared_area():
    heat = np.zeros((10, 10), np.float32)
    heat[:, :5] = 1
    found = localisation.box_ious(heat, [0.25, 0, 0.75, 1], np.array([0.5]))
    assert found[0] == pytest.approx(0.25 / 0.75)


def test_max_box_acc_takes_one_threshold_for_the_data_set_and_a_mean_over_deltas():
    table = np.array([[0.5, 0.1], [0.35, 0.9], [0.0, 0.6]])
    assert localisation.max_box_acc(table) == pytest.approx(2 / 3)
    assert localisation.max_box_acc_v2(table) == pytest.approx((2 / 3 + 2 / 3 + 1 / 3) / 3)


def test_a_pixel_belongs_to_a_box_by_its_centre():
    found = localisation.mask_of([[0.05, 0.0, 0.3, 1.0], [0.95, 0.0, 1.0, 0.4]], (2, 10))
    assert found.tolist() == [[True, True, True, *[False] * 6, True], [True, True, True, *[False] * 7]]


def quality_of_a_mask(heat, mask):
    """The figures of the development data, as they were defined before this module."""
    h = heat - heat.min()
    h = h / (h.max() + 1e-9)
    y, x = np.unravel_index(h.argmax(), h.shape)
    scores = [((h > t) & mask).sum() / (((h > t) | mask).sum() + 1e-9) for t in np.arange(0.1, 0.95, 0.05)]
    return mask[y, x], max(scores), ((h > 0.5) & mask).sum() / ((h > 0.5) | mask).sum()


@pytest.mark.parametrize("seed", range(4))
def test_equals_the_figures_of_the_development_data(seed, mask):
    heat = smooth(seed)
    pointing, best, half = quality_of_a_mask(heat, mask)
    assert localisation.pointing(heat, mask) == pointing
    assert localisation.ious(heat, mask).max() == pytest.approx(best, abs=1e-9)
    assert localisation.iou(heat, mask) == pytest.approx(half, abs=1e-9)


@pytest.mark.data
def test_the_centre_of_the_development_data_is_as_good_as_is_known(data):
    """What a Gaussian of sigma 25 in the middle of 112 × 112 scores on 241 pictures: published beside the data."""
    records = json.loads((data / "ilsvrc" / "val650.json").read_text())
    boxes = [np.array(record["boxes"]) for record in records if len(record["boxes"]) == 1]
    boxes = [box for box in boxes if (box[0, 2] - box[0, 0]) * (box[0, 3] - box[0, 1]) < 0.5]
    y, x = np.mgrid[:112, :112] - 55.5
    heat = np.exp(-(y**2 + x**2) / 2 / 25**2).astype(np.float32)
    table = np.array([localisation.box_ious(heat, box) for box in boxes])
    points = [localisation.pointing(heat, localisation.mask_of(box, heat.shape)) for box in boxes]
    assert len(boxes) == 241
    assert localisation.max_box_acc(table) == pytest.approx(0.473, abs=5e-4)
    assert localisation.max_box_acc_v2(table) == pytest.approx(0.458, abs=5e-4)
    assert np.mean(points) == pytest.approx(0.822, abs=5e-4)
