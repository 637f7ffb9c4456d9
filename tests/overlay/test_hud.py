"""The HUD: every size, small patches only, legible on every background."""

import cv2
import numpy as np
import pytest
from yuv_oracle import to_planes

from livecam.overlay import COLORMAPS, Hud, draw_hud, table
from livecam.overlay.bars import TRACK
from livecam.overlay.glass import glass
from livecam.overlay.hud import AGED, ALERT, STATUS, age_text, type_size
from livecam.overlay.moments import draw_moments
from livecam.overlay.panel import BAR, PLAIN, STRONG, percentage
from livecam.overlay.pills import Look
from livecam.types import Faithfulness, Prediction, rgb

TOP = tuple(
    Prediction(i, label, score)
    for i, (label, score) in enumerate(
        [("golden retriever", 0.84), ("金毛寻回犬", 0.1), ("cab, hack, taxi, taxicab, and many more words", 0.03),
         ("", 0.001), ("\ud800\n", 0.0)]
    )
)  # fmt: skip
FULL = Hud(TOP, 1, "efficientnet_lite0 · Grad-CAM · 30 fps", "NO SIGNAL", 0.12)
SIZES = [(1, 1), (16, 16), (64, 64), (120, 160), (160, 120), (240, 320), (32, 1280), (1280, 32), (227, 227), (480, 854)]
SIZES += [(720, 1280), (1920, 1080), (2160, 3840)]


def noise(size):
    return np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)


def changed(size, hud):
    """Box (y0, y1, x0, x1) of the pixels that ``hud`` changes, None when there are none."""
    before = noise(size)
    after = before.copy()
    draw_hud(after, hud)
    x, y, w, h = cv2.boundingRect((before != after).any(axis=2).astype(np.uint8))
    return (y, y + h, x, x + w) if w else None


@pytest.mark.parametrize("size", SIZES)
def test_predictions_change_the_bottom_left_only(size):
    box = changed(size, Hud(TOP, 1))
    if box is None:
        assert min(size) < 100
        return
    unit = type_size(size)
    assert box[0] >= 0.6 * size[0] - unit
    assert box[1] <= size[0] - unit // 2
    assert box[2] >= unit // 2
    assert box[3] <= unit * 23


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("hud", "side"), [(Hud(status=FULL.status), 0), (Hud(notice="REC"), 1), (Hud(age_s=0.5), 1)])
def test_pills_change_the_top_edge_only(size, hud, side):
    box = changed(size, hud)
    if box is None:
        assert min(size) < 200
        return
    assert box[0] >= type_size(size) // 2
    assert box[1] <= 3 * type_size(size)
    assert box[2 + side] == (type_size(size) * 2 // 3, size[1] - type_size(size) * 2 // 3)[side]


@pytest.mark.parametrize("size", SIZES)
def test_everything_at_once_leaves_the_middle_alone(size):
    before = noise(size)
    after = before.copy()
    draw_hud(after, FULL)
    draw_hud(after, FULL)  # drawing over itself is fine too
    if min(size) >= 120:
        top, bottom = 3 * type_size(size), int(0.6 * size[0]) - type_size(size)
        np.testing.assert_array_equal(after[top:bottom], before[top:bottom])
        assert (after != before).any()


def test_nothing_to_say_changes_nothing():
    assert changed((480, 640), Hud()) is None
    assert changed((480, 640), Hud(status="  ", notice="\n", age_s=0.001)) is None


def test_small_pictures_show_fewer_rows():
    heights = [np.subtract(*changed(size, Hud(TOP, 0))[1::-1]) / type_size(size) for size in [(120, 160), (480, 640)]]
    assert heights[0] < heights[1] / 2


def test_the_panel_does_not_twitch_with_its_labels():
    other = tuple(Prediction(p.class_idx, "x" * i, 1.0 - p.score) for i, p in enumerate(TOP))
    assert changed((480, 640), Hud(TOP, 0)) == changed((480, 640), Hud(other, 4))


CHECKED = Faithfulness(0, 0, 1.0, 1.0, 1.0, 0.25)  # the longest words


@pytest.mark.parametrize("size", SIZES)
def test_a_check_is_said_above_the_panel_and_moves_nothing(size):
    box, more = changed(size, Hud(TOP, 0)), changed(size, Hud(TOP, 0, faithfulness=CHECKED))
    if more == box:  # no room for the words
        assert min(size) < 230
        return
    before, after = noise(size), noise(size)
    draw_hud(before, Hud(TOP, 0))
    draw_hud(after, Hud(TOP, 0, faithfulness=CHECKED))
    np.testing.assert_array_equal(after[box[0] :], before[box[0] :])
    assert box[0] - 3 * type_size(size) < more[0] < box[0]
    assert more[3] < size[1]


def test_a_check_without_a_panel_is_not_said():
    assert changed((480, 640), Hud(faithfulness=CHECKED)) is None


def test_the_explained_class_is_marked_with_the_colour_of_heat():
    for colormap in COLORMAPS:
        image = np.zeros((480, 640, 3), np.uint8)
        draw_hud(image, Hud(TOP[:3], 1, colormap=colormap))
        accent = np.all(image == table(colormap)[190], axis=2)
        assert accent.sum() > 20
        rows = np.flatnonzero(accent[:, :30].any(axis=1))
        box = changed((480, 640), Hud(TOP[:3], 1))
        assert abs(rows.mean() - (box[0] + box[1]) / 2) < 3  # the second of three rows


def test_the_explained_class_is_shown_though_it_is_beyond_the_rows():
    size, late = (120, 160), Prediction(77, "late", 0.001)
    early, extra = np.zeros((*size, 3), np.uint8), np.zeros((*size, 3), np.uint8)
    draw_hud(early, Hud((TOP[0], late), 77))
    draw_hud(extra, Hud((*TOP, late), 77))
    np.testing.assert_array_equal(early, extra)


def test_bars_grow_with_the_score():
    lengths = []
    for score in (0.0, 0.25, 0.5, 1.0):
        image = np.zeros((720, 1280, 3), np.uint8)
        draw_hud(image, Hud((Prediction(0, "", score),), None))
        lengths.append(np.all(image == BAR, axis=2).sum(axis=1).max())
    assert lengths[0] == 0
    assert lengths[1] < lengths[2] < lengths[3]
    assert lengths[3] == pytest.approx(2 * lengths[2], abs=6)


def test_strange_scores_do_not_break_a_picture():
    draw_hud(np.zeros((480, 640, 3), np.uint8), Hud((Prediction(0, "a", 1.5), Prediction(1, "b", -0.5)), 0))
    assert [percentage(s) for s in (1.5, 1.0, 0.995, 0.0049, -1.0)] == ["100%", "100%", "100%", "<1%", "0%"]


@pytest.mark.parametrize(
    ("age_s", "text"),
    [(None, ""), (-1.0, ""), (float("nan"), ""), (0.004, ""), (0.005, "map 10 ms old"), (0.99, "map 990 ms old"),
     (0.999, "map 1.0 s old"), (61.26, "map 61.3 s old")],
)  # fmt: skip
def test_age(age_s, text):
    assert age_text(age_s) == text


def luminance(colour):
    c = np.asarray(colour, np.float64) / 255
    linear = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
    return linear @ (0.2126, 0.7152, 0.0722)


def contrast(one, other):
    """WCAG 2 contrast ratio."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("background", [0, 128, 255])
@pytest.mark.parametrize("look", [STATUS, AGED, ALERT, Look(STRONG), Look(PLAIN)])
def test_type_is_legible_on_any_background(background, look):
    view = np.full((60, 200, 3), background, np.uint8)
    glass(view, 12, look.ink, look.opacity)
    assert contrast(look.colour, view[30, 100]) >= 4.5


def test_bars_stand_out_from_their_track():
    assert contrast(BAR, TRACK) >= 3.0


def test_type_is_legible_on_a_chessboard():
    board = (np.indices((64, 200)).sum(axis=0) // 4 % 2 * 255).astype(np.uint8)
    view = np.repeat(board[:, :, None], 3, axis=2)
    glass(view, 0)
    assert min(contrast(PLAIN, pixel) for pixel in view.reshape(-1, 3)) >= 4.5
    assert view.std() < 6  # blurred: what is behind does not compete with the type


def test_glass_has_round_corners():
    view = np.full((40, 80, 3), 255, np.uint8)
    glass(view, 12)
    assert [view[y, x].tolist() for y in (0, -1) for x in (0, -1)] == [[255, 255, 255]] * 4
    np.testing.assert_array_equal(view, view[::-1])
    np.testing.assert_array_equal(view, view[:, ::-1])
    darkened = (255.0 - view[..., 0]).sum() / (255.0 - view[20, 40, 0])
    assert darkened == pytest.approx(40 * 80 - (4 - np.pi) * 12**2, rel=0.002)


@pytest.mark.parametrize("kind", ["rgb", "planes"])
def test_the_moments_of_a_clip_are_bars(kind):
    picture = np.full((360, 640, 3), 90, np.uint8)
    picture = to_planes(picture) if kind == "planes" else picture
    bars = []
    for moments in ((0.0, 1.0), (1.0, 0.0), (1.0, 1.0)):
        out = picture.copy()
        draw_moments(out, moments, "turbo", x=10, bottom=300, size=20)
        image = rgb(out).astype(int)
        assert (image[:200] == rgb(picture)[:200]).all()
        hot = table("turbo")[190].astype(int)
        bars.append(np.abs(image - hot).max(2) < 24)
    first, second, both = bars
    assert first.any()
    assert second.any()
    assert np.nonzero(first)[1].min() > np.nonzero(second)[1].max()  # the newest at the right
    assert both.sum() == first.sum() + second.sum()
    small = picture.copy()
    draw_moments(small, (1.0,), "turbo", x=10, bottom=20, size=20)
    assert (rgb(small) == rgb(picture)).all()
