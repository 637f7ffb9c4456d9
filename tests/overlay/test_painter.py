"""The painter joins heat and words, once configured, the same every time."""

import numpy as np
import pytest
from yuv_oracle import KINDS, scene, to_planes, to_rgb

import livecam.overlay
from livecam.errors import ConfigError, UnknownName
from livecam.overlay import Hud, Painter, Style, blend, draw_hud, working_size
from livecam.overlay.painter import FAINTEST, confidence, predictions
from livecam.types import Explanation, Prediction

TOP = (Prediction(3, "goose", 0.9), Prediction(5, "swan", 0.04))


def explanation(top=TOP, class_idx=3, **more):
    cam = np.random.default_rng(0).random((7, 12), dtype=np.float32)
    return Explanation(0, class_idx, top, cam, 9.0, "gradcam", "layer", 0.01, **more)


@pytest.fixture
def picture():
    return np.random.default_rng(1).integers(0, 256, (240, 320, 3), dtype=np.uint8)


@pytest.mark.parametrize("quality", [0, 1, 2, 3])
def test_paints_what_blend_and_hud_draw(picture, quality):
    style = Style(colormap="turbo", alpha=0.5, mode="additive")
    known = explanation()
    got = Painter(style).paint(picture, known, quality=quality, status="model", notice="REC", age_s=0.2)
    heat = known.heatmap(working_size((240, 320), quality))
    alpha = 0.5 * confidence(known)
    expected = blend(picture, heat, colormap="turbo", alpha=alpha, mode="additive", quality=quality)
    draw_hud(expected, Hud(TOP, 3, "model", "REC", 0.2, "turbo"))
    np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("known", [None, explanation()])
@pytest.mark.parametrize("hud", [True, False])
def test_the_picture_is_never_changed_nor_returned(picture, known, hud):
    before = picture.copy()
    painter = Painter(Style(hud=hud))
    first = painter.paint(picture, known, status="s")
    np.testing.assert_array_equal(picture, before)
    assert not np.shares_memory(first, picture)
    np.testing.assert_array_equal(first, painter.paint(picture, known, status="s"))


def test_without_hud_and_explanation_nothing_is_drawn(picture):
    np.testing.assert_array_equal(Painter(Style(hud=False)).paint(picture, None, status="s", notice="REC"), picture)


def test_outside_the_region_the_picture_stays_as_it_is(picture):
    half = explanation(region=(0.0, 0.5, 1.0, 1.0))
    got = Painter(Style(hud=False)).paint(picture, half)
    np.testing.assert_array_equal(got[:, :160], picture[:, :160])
    assert (got[:, 160:] != picture[:, 160:]).mean() > 0.5


def test_the_picture_guides_its_heatmap(picture):
    seen = []

    class Guided(Explanation):
        __slots__ = ()

        def heatmap(self, size, guide=None):
            seen.append((size, guide))
            return np.zeros(size, np.float32)

    known = explanation()
    guided = Guided(*(getattr(known, name) for name in Explanation.__slots__))
    Painter().paint(picture, guided, quality=1)
    assert seen[0][0] == (120, 160)
    assert seen[0][1] is picture


def parts(planes):
    return planes.y, planes.u, planes.v


@pytest.mark.parametrize(("matrix", "full"), KINDS)
@pytest.mark.parametrize(("quality", "usual", "most"), [(0, 4, 10), (1, 4, 10), (2, 6, 12), (3, 12, 20)])
def test_planes_are_painted_as_rgb_is(matrix, full, quality, usual, most):
    """Within rounding, once the painted RGB has become planes as well."""
    planes, painter, words = to_planes(scene((360, 640)), matrix, full), Painter(), {"status": "model", "notice": "REC"}
    wanted = painter.paint(np.rint(to_rgb(planes)).astype(np.uint8), explanation(), **words)
    got = painter.paint(planes, explanation(), quality=quality, **words)
    assert (got.matrix, got.full, got.shape) == (matrix, full, planes.shape)
    for plane, other in zip(parts(got), parts(to_planes(wanted, matrix, full)), strict=True):
        error = np.abs(plane.astype(int) - other)
        assert error.mean() < 0.7
        assert np.percentile(error, 99.9) <= usual
        assert error.max() <= most


def test_planes_are_never_changed_and_equal_input_gives_equal_bytes():
    planes = to_planes(scene((360, 640)))
    before = planes.copy()
    first, second = (Painter().paint(planes, explanation(), status="s") for _ in range(2))
    for kept, now, one, two in zip(parts(before), parts(planes), parts(first), parts(second), strict=True):
        np.testing.assert_array_equal(kept, now)
        np.testing.assert_array_equal(one, two)
        assert not np.shares_memory(now, one)


def test_without_heat_planes_get_words_only():
    planes = to_planes(scene((360, 640)))
    got = Painter().paint(planes, None, status="model")
    np.testing.assert_array_equal(got.y[60:], planes.y[60:])
    assert (got.y[:60] != planes.y[:60]).any()


def test_light_is_added_in_rgb(picture):
    planes = to_planes(picture)
    style = Style(mode="additive")
    np.testing.assert_array_equal(
        Painter(style).paint(planes, explanation()), Painter(style).paint(planes.rgb, explanation())
    )


def test_confidence_follows_the_score_of_the_explained_class():
    scores = [0.0, 0.02, 0.3, 0.9, 1.0]
    shares = [confidence(explanation((Prediction(3, "a", s),))) for s in scores]
    np.testing.assert_allclose(shares, FAINTEST + (1 - FAINTEST) * np.sqrt(scores), atol=1 / 64)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_confidence_of_a_class_that_is_not_among_the_best():
    assert confidence(explanation(class_idx=99)) == confidence(explanation(class_idx=5)) < confidence(explanation())
    assert confidence(explanation(())) == 1.0


def test_a_chosen_class_beyond_the_best_takes_the_last_row():
    chosen = Prediction(99, "teapot", 0.0)
    known = explanation(class_idx=99, target=chosen)
    assert predictions(known) == (TOP[0], chosen)
    assert confidence(known) == FAINTEST
    assert predictions(explanation((), class_idx=99, target=chosen)) == (chosen,)
    assert predictions(explanation(target=TOP[0])) == TOP


def test_a_guess_is_fainter_than_a_certainty(picture):
    def change(score):
        known = explanation((Prediction(3, "a", score),))
        return np.abs(Painter(Style(hud=False)).paint(picture, known).astype(int) - picture).mean()

    assert 0.4 * change(0.9) < change(0.02) < 0.75 * change(0.9)


@pytest.mark.parametrize("style", [{"alpha": 2.0}, {"mode": "screen"}])
def test_a_wrong_style_fails_at_once(style):
    with pytest.raises(ConfigError):
        Painter(Style(**style))


def test_a_wrong_colour_map_fails_at_once():
    with pytest.raises(UnknownName, match="turbo"):
        Painter(Style(colormap="trubo"))


def test_the_public_names_are_sorted_and_there():
    names = livecam.overlay.__all__
    assert names == sorted(names, key=lambda n: (not n.isupper(), n[0].islower(), n))
    assert all(hasattr(livecam.overlay, n) for n in names)
    assert callable(livecam.overlay.blend)
