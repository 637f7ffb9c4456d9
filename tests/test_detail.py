import cv2
import numpy as np
import pytest

from livecam.detail import DETAILS, Detail, Look, fused, spread
from livecam.errors import ConfigError
from livecam.explainer import Explainer
from livecam.geometry import WHOLE, place, plan, take
from livecam.methods import get_method


def bump(size, at, sigma=0.12):
    """(h, w): an object at a place of the picture, each cell the mean of what it covers."""
    rows, columns = (np.arange(40 * side).reshape(side, 40) + 0.5 for side in size)
    y = np.exp(-(((rows / rows.size - at[0]) / sigma) ** 2)).mean(1)
    x = np.exp(-(((columns / columns.size - at[1]) / sigma) ** 2)).mean(1)
    return np.outer(y, x).astype(np.float32)


def centre(cam):
    y, x = (np.arange(side) + 0.5 for side in cam.shape)
    return (cam.sum(1) @ y) / cam.sum() / len(y), (cam.sum(0) @ x) / cam.sum() / len(x)


@pytest.mark.parametrize("how", ["mean", "max", "product"])
@pytest.mark.parametrize("at", [(0.4, 0.35), (0.55, 0.6)])
def test_maps_of_all_scales_agree_on_the_place(how, at):
    grids = [(7, 12), (10, 17), (14, 24)]
    # A cell holds its share of the whole: the same object, less of it in each of more cells.
    maps = [bump(size, at)[None] * 84 / (size[0] * size[1]) for size in grids]
    one = fused(maps, how)[0]
    assert one.shape == (14, 24)
    assert centre(one) == pytest.approx(at, abs=0.01)
    assert one.max() == pytest.approx(maps[0].max(), rel=0.2)  # in units of the first
    wanted = bump((14, 24), at)
    assert np.corrcoef(one.ravel(), wanted.ravel())[0, 1] > 0.98


def test_fusing_is_mean_max_and_geometric_mean():
    maps = [np.float32([[[1, 0, 4]]]), 5 * np.float32([[[4, 3, 4]]])]  # the peak of the first counts
    assert fused(maps, "mean").ravel() == pytest.approx([2.5, 1.5, 4])
    assert fused(maps, "max").ravel() == pytest.approx([4, 3, 4])
    assert fused(maps, "product").ravel() == pytest.approx([2, 0, 4])


def test_a_scale_that_sees_nothing_takes_nothing_over():
    warm, cold = np.float32([[[1, 0, 4]]]), np.zeros((1, 1, 3), np.float32)
    assert fused([warm, cold]).ravel() == pytest.approx([0.5, 0, 2])
    assert not fused([cold, warm]).any()


def test_spreading_is_its_equation():
    """Position by position, in float64."""
    rng = np.random.default_rng(0)
    cam, features = rng.random((3, 4), np.float32), rng.random((20, 3, 4), np.float32)
    x = features.reshape(20, 12).astype(float)
    x -= x.mean(1, keepdims=True)
    wide = np.zeros(12)
    for i in range(12):
        alike = [max(x[:, i] @ x[:, j] / np.linalg.norm(x[:, i]) / np.linalg.norm(x[:, j]), 0) for j in range(12)]
        wide[i] = np.dot(alike, cam.ravel()) / sum(alike)
    wanted = 0.7 * cam + 0.3 * (wide * cam.max() / wide.max()).reshape(3, 4)
    assert spread(cam[None], features[None], 0.3)[0] == pytest.approx(wanted, abs=1e-5)


def test_heat_reaches_the_rest_of_the_object_and_nothing_else():
    features = np.zeros((1, 4, 3, 8), np.float32)
    features[0, 0], features[0, 1, :, 2:6] = 1, 1  # all share something; the object is four columns wide
    cam = np.zeros((1, 3, 8), np.float32)
    cam[0, 1, 3] = 1
    wide = spread(cam, features, 0.5)[0]
    assert (wide[:, 2:6] > 0.4).all()
    assert wide[:, :2] == pytest.approx(0, abs=1e-6)
    assert wide[:, 6:] == pytest.approx(0, abs=1e-6)
    assert wide.max() == pytest.approx(1)


@pytest.mark.parametrize("features", [np.zeros((1, 4, 3, 8)), np.ones((1, 4, 3, 8))])
def test_where_all_positions_are_alike_nothing_is_spread(features):
    cam = np.random.default_rng(0).random((1, 3, 8), np.float32)
    assert np.array_equal(spread(cam, features.astype(np.float32), 0.5), cam)


def test_a_cold_map_stays_cold():
    features = np.random.default_rng(0).random((1, 4, 3, 8), np.float32)
    assert not spread(np.zeros((1, 3, 8), np.float32), features, 0.5).any()


def test_a_map_of_pixels_is_not_spread():
    pixels = np.random.default_rng(0).random((1, 30, 80), np.float32)
    assert np.array_equal(DETAILS["live"].combine([Look(pixels, np.ones((1, 4, 3, 8), np.float32))]), pixels)


@pytest.mark.parametrize(
    "wrong",
    [
        {"scales": ()},
        {"scales": (0.0,)},
        {"scales": (9.0,)},
        {"fuse": "sum"},
        {"weights": (0.5, 0.5)},
        {"weights": (0.0,)},
        {"weights": (1.0,), "fuse": "max"},
    ],
)
def test_details_that_make_no_sense(wrong):
    with pytest.raises(ConfigError):
        Detail(**wrong)


def test_scales_have_weights():
    maps = [np.array([[[4.0, -4]]], np.float32), np.array([[[1.0, 2]]], np.float32)]
    one, two = (Look(each, None) for each in maps)
    # The second is brought to the peak of the first.
    assert Detail((1, 2), (0.75, 0.25)).combine([one, two]).ravel() == pytest.approx([3.5, -2])
    # Two layers at each scale: each layer has the weight of its scale.
    assert Detail((1, 2), (0.75, 0.25)).combine([one, one, two, two]).ravel() == pytest.approx([3.5, -2])
    assert Detail((1, 2), (3, 1)).combine([one, two]).dtype == np.float32


def test_scales_are_rounded_to_the_stride():
    assert Detail(scales=(1, 1.4, 2)).shorts(224) == [224, 320, 448]
    assert Detail(scales=(1, 0.1)).shorts(100) == [100, 32]


@pytest.fixture(scope="module")
def cup():
    from livecam.cli.demo import sample
    from livecam.sources import SourceOptions, open_source

    with open_source(str(sample()), SourceOptions(start_s=8.0, duration_s=0.1)) as source:
        return source.read().image


def explainer(**options):
    return Explainer(backend="torch", device="cpu", input_size=96, **options)  # nothing is compiled for a size


def test_plain_is_one_pass_of_the_method_and_bilinear(cup):
    with explainer(detail="plain") as plain:
        seen = plain.explain(cup)
        size, region = plan("fit", cup.shape[:2], 96)
        tap = plain._backend.forward(take(cup, region, size)[None])
        raw = plain._backend.numpy(get_method("gradcam").function(tap, [seen.class_idx]))[0]
    assert np.array_equal(seen.cam, raw / raw.max())
    assert np.array_equal(seen.heatmap((360, 640), guide=cup), place(seen.cam, (360, 640), WHOLE))


@pytest.mark.parametrize(("detail", "shape"), [("live", (3, 5)), ("best", (6, 11))])
def test_detail_is_the_same_every_time_and_of_one_size(detail, shape, cup):
    with explainer(detail=detail) as fine:
        first, again = fine.explain(cup), fine.explain(cup)
        other = fine.explain(np.ascontiguousarray(cup[:, ::-1]), first.class_idx)
    assert np.array_equal(first.cam, again.cam)
    assert other.cam.shape == first.cam.shape == shape
    assert np.array_equal(first.heatmap((360, 640), guide=cup), again.heatmap((360, 640), guide=cup))
    assert first.cam.min() >= 0
    assert first.cam.max() == pytest.approx(1)


def test_detail_does_not_change_what_is_seen(cup):
    tops, peaks = [], []
    for detail in DETAILS:
        with explainer(detail=detail) as fine:
            seen = fine.explain(cup, 967)
        tops.append(seen.top)
        peaks.append(seen.peak)
    assert tops[0] == tops[1] == tops[2]
    assert max(peaks) < 3 * min(peaks)  # in one unit


def test_the_larger_look_lies_over_the_smaller_one(cup):
    """A cup pasted on one side of an empty picture, then on the other: the heat goes along."""
    small = cv2.resize(cup[60:560, 330:900], (300, 263))
    with Explainer(backend="torch", device="cpu", detail="best", input_size=160) as fine:
        for left in (20, 400):
            picture = np.full((448, 720, 3), 128, np.uint8)
            picture[90:353, left : left + 300] = small
            heat = fine.explain(picture, 967).heatmap((448, 720), guide=picture)
            y, x = np.unravel_index(heat.argmax(), heat.shape)
            assert 90 <= y < 353
            assert left <= x < left + 300
            assert heat[90:353, left : left + 300].mean() > 2 * heat.mean()


def test_a_batch_is_detailed_as_its_pictures_are(cup):
    pictures = [cup, np.ascontiguousarray(cup[::-1])]
    with explainer(detail="best") as fine:
        for one, picture in zip(fine.explain_batch(pictures), pictures, strict=True):
            assert one.cam == pytest.approx(fine.explain(picture).cam, abs=1e-3)


def test_scales_and_upsampling_by_hand(cup):
    with explainer(detail="plain", scales=(1, 1.4), fuse="max", upsample="cubic") as own:
        seen = own.explain(cup)
    assert seen.cam.shape == (4, 7)
    assert seen.upsampling == "cubic"
