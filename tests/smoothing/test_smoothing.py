import numpy as np
import pytest
from yuv_oracle import KINDS, to_planes

from livecam.errors import ConfigError
from livecam.smoothing import Hysteresis, MapAverage, SceneCut, Smoother
from livecam.types import Explanation, Prediction


def scores(**values):
    row = np.zeros(10, np.float32)
    for name, value in values.items():
        row[int(name[1:])] = value
    return row


class TestHysteresis:
    def test_near_ties_do_not_flip(self):
        held = Hysteresis(0.25)
        rng = np.random.default_rng(0)
        chosen = [
            held.choose(scores(c1=0.4 + rng.normal(0, 0.03), c2=0.4 + rng.normal(0, 0.03)), frame / 30)
            for frame in range(300)
        ]
        assert len(set(chosen)) == 1

    def test_a_clearly_better_class_takes_over_within_the_time_constant(self):
        held = Hysteresis(0.25)
        for frame in range(60):
            held.choose(scores(c1=0.8), frame / 30)
        taken = next(f for f in range(60) if held.choose(scores(c2=0.8), 2 + f / 30) == 2)
        # Averages cross at τ ln 2; with the factor 1.25 at τ ln(1 + 1.25) = 0.203 s.
        assert taken / 30 == pytest.approx(0.25 * np.log(2.25), abs=2 / 30)

    def test_one_frame_decides_nothing(self):
        held = Hysteresis(0.25)
        for frame in range(30):
            held.choose(scores(c1=0.5, c2=0.3), frame / 30)
        assert held.choose(scores(c2=0.9), 1.0) == 1


class TestMapAverage:
    def test_is_the_exponential_average_in_seconds_at_any_frame_rate(self):
        rng = np.random.default_rng(1)
        raw = rng.random((7, 7)).astype(np.float32) + 1
        for rate in (10, 30, 60):
            average = MapAverage(0.5)
            average.update(raw, 0.0)
            for frame in range(1, rate + 1):
                shown = average.update(np.zeros_like(raw), frame / rate)
            # After 1 s: map e^(−1/0.5); the scale falls with 5 s towards the falling peak.
            peak, scale, step = float(raw.max()), float(raw.max()), 1 / rate
            for frame in range(1, rate + 1):
                scale += (1 - np.exp(-step / 5)) * (peak * np.exp(-frame / rate / 0.5) - scale)
            assert shown == pytest.approx(raw * np.exp(-2.0) / scale, rel=1e-3)

    def test_fading_evidence_becomes_faint(self):
        average = MapAverage(0.1)
        strong = np.ones((2, 2), np.float32)
        average.update(strong, 0.0)
        for frame in range(1, 31):
            shown = average.update(0.1 * strong, frame / 30)
        assert 0.05 < shown.max() < 0.2

    def test_stays_in_range_while_evidence_rises(self):
        average = MapAverage(0.0)
        for frame in range(30):
            shown = average.update(np.full((2, 2), 1.0 + frame, np.float32), frame / 30)
            assert 0 <= shown.min() <= shown.max() <= 1

    def test_no_evidence_is_no_heat(self):
        assert not MapAverage(0.2).update(np.zeros((3, 3), np.float32), 0.0).any()


def scene(seed, shift=0, size=(360, 640)):
    """A textured scene, panned by ``shift`` pixels."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 255, (9, 24), dtype=np.uint8)
    wide = np.kron(coarse, np.ones((40, 40), np.uint8))
    return np.repeat(wide[: size[0], shift : shift + size[1], None], 3, 2)


class TestSceneCut:
    def test_a_cut_is_found_once(self):
        cut = SceneCut()
        found = [cut.is_cut(scene(1 if frame < 10 else 2, 2 * frame)) for frame in range(20)]
        assert [frame for frame, is_cut in enumerate(found) if is_cut] == [10]

    @pytest.mark.parametrize("speed", [0, 1, 4, 12])
    def test_a_pan_is_no_cut(self, speed):
        cut = SceneCut()
        assert not any(cut.is_cut(scene(1, speed * frame)) for frame in range(25))

    def test_noise_and_a_slow_fade_are_no_cuts(self):
        cut, rng = SceneCut(), np.random.default_rng(0)
        for frame in range(40):
            picture = scene(1) * (1 - frame / 40) + rng.normal(0, 12, (360, 640, 3))
            assert not cut.is_cut(np.clip(picture, 0, 255).astype(np.uint8))

    @pytest.mark.parametrize(("matrix", "full"), KINDS)
    def test_planes_are_the_same_picture(self, matrix, full):
        cut = SceneCut()
        found = []
        for frame in range(20):
            picture = scene(1 if frame < 10 else 2, 2 * frame)
            found.append(cut.is_cut(to_planes(picture, matrix, full) if frame % 2 else picture))
        assert [frame for frame, is_cut in enumerate(found) if is_cut] == [10]

    @pytest.mark.parametrize(("matrix", "full"), KINDS)
    def test_the_threshold_is_the_same_on_planes(self, matrix, full):
        for change, is_cut in ((36, False), (46, True)):  # of 255: 0.14 and 0.18
            cut = SceneCut()
            for grey in (100, 100 + change):
                found = cut.is_cut(to_planes(np.full((36, 64, 3), grey), matrix, full))
            assert found == is_cut


def explanation(class_idx, cam, peak):
    top = (Prediction(class_idx, "x", 0.5),)
    return Explanation(0, class_idx, top, np.asarray(cam, np.float32), peak, "gradcam", "layer", 0.0)


class TestSmoother:
    def test_off_changes_nothing(self):
        smoother, one = Smoother(0), explanation(1, [[1, 0.5]], 3.0)
        smoother.observe(scene(1), 0.0)
        assert smoother.smooth(one) is one
        assert smoother.choose(scores(c4=0.5)) == 4

    def test_a_change_of_class_starts_afresh(self):
        smoother = Smoother(1.0)
        smoother.observe(scene(1), 0.0)
        smoother.smooth(explanation(1, [[1, 0]], 5.0))
        smoother.observe(scene(1), 0.1)
        assert smoother.smooth(explanation(2, [[0, 1]], 2.0)).cam.tolist() == [[0, 1]]

    def test_a_cut_starts_afresh(self):
        smoother = Smoother(1.0)
        smoother.observe(scene(1), 0.0)
        smoother.choose(scores(c1=0.9))
        smoother.smooth(explanation(1, [[1, 0]], 5.0))
        smoother.observe(scene(2), 0.1)
        assert smoother.choose(scores(c3=0.2)) == 3
        assert smoother.smooth(explanation(1, [[0, 1]], 2.0)).cam.tolist() == [[0, 1]]

    def test_averages_raw_maps_and_keeps_the_raw_peak(self):
        smoother = Smoother(1.0)
        smoother.observe(scene(1), 0.0)
        smoother.smooth(explanation(1, [[1.0, 0.0]], 4.0))
        smoother.observe(scene(1), 0.1)
        result = smoother.smooth(explanation(1, [[0.0, 1.0]], 8.0))
        fresh = 1 - np.exp(-0.1)
        assert result.peak == 8.0
        assert result.cam[0, 1] / result.cam[0, 0] == pytest.approx(8 * fresh / (4 * (1 - fresh)), rel=1e-4)

    def test_the_order_of_input_is_kept_untouched(self):
        smoother, one = Smoother(1.0), explanation(1, [[1.0, 0.0]], 4.0)
        smoother.observe(scene(1), 0.0)
        smoother.smooth(one)
        assert one.cam.tolist() == [[1.0, 0.0]]

    def test_negative_seconds(self):
        with pytest.raises(ConfigError):
            Smoother(-1)
