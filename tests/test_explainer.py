import threading

import cv2
import numpy as np
import pytest

from livecam.errors import ConfigError, ModelError
from livecam.explainer import Explainer
from livecam.methods import methods
from livecam.planes import Planes
from livecam.tasks import softmax
from livecam.types import Question


@pytest.fixture(scope="module")
def explainer():
    with Explainer() as one:
        yield one


@pytest.fixture(scope="module")
def cup():
    """A frame of the sample clip: an espresso."""
    from livecam.cli.demo import sample
    from livecam.sources import SourceOptions, open_source

    with open_source(str(sample()), SourceOptions(start_s=8.0, duration_s=0.1)) as source:
        return source.read().image


def test_sees_what_is_there_and_looks_at_it(explainer, cup):
    explanation = explainer.explain(cup)
    assert explanation.top[0].label == "espresso"
    assert explanation.top[0].score > 0.3
    assert [one.score for one in explanation.top] == sorted((one.score for one in explanation.top), reverse=True)
    assert explanation.cam.shape == (7, 12)
    assert explanation.cam.dtype == np.float32
    assert explanation.cam.max() == pytest.approx(1.0)
    heatmap = explanation.heatmap(cup.shape[:2])
    y, x = np.unravel_index(heatmap.argmax(), heatmap.shape)
    assert 330 < x < 900  # inside the cup
    assert 60 < y < 500


def test_is_a_function_of_the_picture(explainer, cup):
    first, again = explainer.explain(cup), explainer.explain(cup)
    assert (first.cam == again.cam).all()
    assert first.top == again.top


def test_the_input_is_not_changed(explainer, cup):
    before = cup.copy()
    explainer.explain(cup)
    assert (cup == before).all()


def test_another_size_of_the_input(explainer, cup):
    explainer.prepare(cup.shape[:2], 160)
    small = explainer.explain(cup, input_size=160)
    assert small.cam.shape == (5, 9)
    assert small.top[0].label == "espresso"
    with Explainer(input_size=160) as other:
        assert small.top == other.explain(cup).top
    assert explainer.explain(cup).cam.shape == (7, 12)


def test_a_size_that_is_prepared_in_another_thread_does_not_hold_up_this_one(explainer, cup, monkeypatch):
    begun, over = threading.Event(), threading.Event()
    backend = explainer._backend
    prepared = backend.prepare

    def slow(size):
        begun.set()
        assert over.wait(20)
        prepared(size)

    monkeypatch.setattr(backend, "prepare", slow)
    thread = threading.Thread(target=explainer.prepare, args=(cup.shape[:2], 192))
    thread.start()
    try:
        assert begun.wait(20)
        assert explainer.explain(cup).top[0].label == "espresso"  # while the other is at it
    finally:
        over.set()
        thread.join()


def test_a_class_of_choice(explainer, cup):
    tabby = explainer.class_named("tabby")
    explanation = explainer.explain(cup, tabby)
    assert explanation.class_idx == tabby
    assert explanation.target.label == "tabby"
    assert tabby not in [one.class_idx for one in explanation.top]
    assert not np.allclose(explanation.cam, explainer.explain(cup).cam, atol=0.1)


def test_a_batch_is_explained_as_its_pictures_are(explainer, cup):
    other = np.ascontiguousarray(cup[:, ::-1])
    batch = explainer.explain_batch([cup, other])
    for one, image in zip(batch, (cup, other), strict=True):
        alone = explainer.explain(image)
        assert one.class_idx == alone.class_idx
        assert one.cam == pytest.approx(alone.cam, abs=1e-4)


def test_a_batch_of_several_sizes(explainer, cup):
    small = cv2.resize(cup, (320, 320))
    assert [one.cam.shape for one in explainer.explain_batch([cup, small])] == [(7, 12), (7, 7)]


def test_no_pictures_no_explanations(explainer):
    assert explainer.explain_batch([]) == []


@pytest.mark.parametrize(("mode", "shape"), [("fit", (7, 12)), ("squash", (7, 7)), ("crop", (7, 7))])
def test_the_map_is_put_back_where_it_came_from(mode, shape, cup):
    with Explainer(input=mode) as explainer:
        explanation = explainer.explain(cup)
    assert explanation.cam.shape == shape
    heatmap = explanation.heatmap((720, 1280))
    _, x = np.unravel_index(heatmap.argmax(), heatmap.shape)
    assert 330 < x < 900
    if mode == "crop":
        assert not heatmap[:, :280].any()
        assert not heatmap[:, 1000:].any()


@pytest.mark.parametrize(
    ("name", "index"), [("espresso", 967), ("Espresso", 967), ("golden retr", 207), (5, 5), ("12", 12)]
)
def test_classes_by_name_and_index(explainer, name, index):
    assert explainer.class_named(name) == index


@pytest.mark.parametrize(
    ("name", "says"), [("unicorn", "no class"), ("terrier", "is one of"), (1000, "0 to 999"), ("-1", "no class")]
)
def test_classes_that_do_not_exist(explainer, name, says):
    with pytest.raises(ConfigError, match=says):
        explainer.class_named(name)


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((10, 10), np.uint8),
        np.zeros((10, 10, 4), np.uint8),
        np.zeros((10, 10, 3), np.float32),
        np.zeros((0, 10, 3), np.uint8),
    ],
)
def test_what_is_not_a_picture(explainer, image):
    with pytest.raises(ConfigError, match="uint8 RGB"):
        explainer.explain(image)


@pytest.mark.parametrize(
    "options", [{"detail": "finest"}, {"input": "stretch"}, {"input_size": 8}, {"method": "gradcat"}]
)
def test_settings_that_make_no_sense(options):
    with pytest.raises(ConfigError):
        Explainer(**options)


def test_a_method_gets_the_backend_that_it_needs(cup):
    with Explainer(method="guidedgradcam", device="cpu") as explainer:
        assert explainer.backend == "torch"
        assert explainer.explain(cup).cam.shape == (224, 384)
        of_attention = {"legrad", "attentionrollout", "attentionguidedcam"}
        assert set(explainer.methods) == set(methods()) - of_attention
    with pytest.raises(ConfigError, match=r"guidedgradcam needs autograd of the whole network.*use --backend torch"):
        Explainer(method="guidedgradcam", backend="openvino")


def test_a_budget_bounds_the_forward_passes(cup):
    with Explainer(method="scorecam", budget=5, input_size=64, backend="torch", device="cpu") as explainer:
        module, seen = explainer._backend._module, []
        handle = module.register_forward_pre_hook(lambda _m, inputs: seen.append(len(inputs[0])))
        first, again = explainer.explain(cup), explainer.explain(cup)
        assert sum(seen) == 2 * (1 + 5)
        seen.clear()
        explainer.explain(cup, question=Question(method="smoothgradcampp"))
        handle.remove()
    assert sum(seen) == 1 + 5
    assert (first.cam == again.cam).all()
    with pytest.raises(ConfigError, match="at least 1"):
        Explainer(method="scorecam", budget=0)


@pytest.mark.parametrize("size", [(1, 1), (2, 3000), (37, 53), (2160, 3840)])
def test_pictures_of_any_size(explainer, size):
    explanation = explainer.explain(np.full((*size, 3), 127, np.uint8))
    assert np.isfinite(explanation.cam).all()
    assert explanation.heatmap(size).shape == size


def test_close_twice_then_it_is_closed(cup):
    explainer = Explainer(backend="torch")
    module = explainer._backend._module
    explainer.close()
    explainer.close()
    assert not any(part._forward_hooks for part in module.modules())
    with pytest.raises(ModelError, match="closed"):
        explainer.explain(cup)


def test_threads_do_not_disturb_each_other(explainer, cup):
    pictures = [cup, np.ascontiguousarray(cup[::-1]), np.ascontiguousarray(cup[:, ::-1])]
    expected = [explainer.explain(picture) for picture in pictures]
    found = [None] * len(pictures)

    def work(number):
        for _ in range(5):
            found[number] = explainer.explain(pictures[number])

    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(pictures))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    for one, other in zip(found, expected, strict=True):
        assert one.cam == pytest.approx(other.cam, abs=1e-5)
        assert one.class_idx == other.class_idx


def test_softmax_is_a_distribution_even_for_huge_logits():
    scores = softmax(np.array([[1e4, 1e4, -1e4], [0, 1, 2]], np.float32))
    assert scores[0].tolist() == [0.5, 0.5, 0.0]
    assert scores[1] == pytest.approx(np.exp([0, 1, 2]) / np.exp([0, 1, 2]).sum(), rel=1e-6)


def test_a_network_that_returns_no_numbers():
    with pytest.raises(ModelError, match="NaN"):
        softmax(np.array([[np.nan, 1.0]], np.float32))


@pytest.mark.data
def test_a_real_mobilenet_sees_real_photographs(data):
    import json

    half = (0.5, 0.5, 0.5)
    records = json.loads((data / "ilsvrc" / "val650.json").read_text())[:40]
    weights = data / "weights" / "mobilenet_v2_imagenet.pth"
    with Explainer("mobilenet_v2", weights=weights, mean=half, std=half, input="squash") as explainer:
        right = 0
        for record in records:
            image = cv2.cvtColor(cv2.imread(str(data / "ilsvrc" / record["file"])), cv2.COLOR_BGR2RGB)
            right += explainer.explain(image).class_idx == record["class"]
    assert right >= 0.6 * len(records)


def test_planes_are_explained_as_their_rgb(explainer):
    from livecam.cli.demo import sample
    from livecam.sources import SourceOptions, open_source

    with open_source(str(sample()), SourceOptions(start_s=8.0, duration_s=0.2)) as source:
        pictures = [source.read().picture for _ in range(3)]
    for planes in pictures:
        assert isinstance(planes, Planes)
        plain = explainer.explain(planes.rgb)
        seen = explainer.explain(planes)
        assert seen.class_idx == plain.class_idx
        assert abs(seen.target.score - plain.target.score) < 0.03
        # FFmpeg's fast conversion to RGB is a level too dark, and the network sees that.
        assert np.corrcoef(seen.cam.ravel(), plain.cam.ravel())[0, 1] > 0.99
        assert np.abs(seen.cam - plain.cam).max() < 0.1
    batch = explainer.explain_batch(pictures)
    assert [one.class_idx for one in batch] == [explainer.explain(planes).class_idx for planes in pictures]
