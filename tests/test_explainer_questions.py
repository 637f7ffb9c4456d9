"""What can be asked beyond "what, and where": ranks, contrasts, votes of a spot. The oracle is autograd in float64."""

import threading

import numpy as np
import pytest
import torch
import torchvision

from livecam.errors import ConfigError, UnknownName
from livecam.explainer import Explainer
from livecam.geometry import cell_at
from livecam.methods import METHODS, MethodCard, get_method, methods
from livecam.models import ModelSpec
from livecam.types import Question

HALF = (0.5, 0.5, 0.5)
BACKENDS = ("torch", "openvino")
MODELS = ("efficientnet_lite0", "mobilenet_v3_small")
SPOT = (0.55, 0.3)
CELL = (2, 6)  # of 7 × 12


@pytest.fixture(scope="module")
def picture():
    return np.random.default_rng(3).integers(0, 255, (224, 384, 3), dtype=np.uint8)  # the size of the input itself


@pytest.fixture(scope="module")
def seeded(tmp_path_factory):
    """A MobileNetV3 that answers to the picture: normalised to what it sees, with a head that is not nearly 0."""
    torch.manual_seed(0)
    module = torchvision.models.mobilenet_v3_small(weights=None)
    for part in module.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            part.momentum = 1.0
            part.bias.data.normal_(0, 0.1)
        if isinstance(part, torch.nn.Linear):
            torch.nn.init.normal_(part.weight, 0, 0.02)
    with torch.no_grad():
        module.train()(torch.randn(8, 3, 96, 96))
    path = tmp_path_factory.mktemp("weights") / "v3.pth"
    torch.save(module.state_dict(), path)
    return {"efficientnet_lite0": {}, "mobilenet_v3_small": {"weights": path, "mean": HALF, "std": HALF}}


@pytest.fixture(scope="module", params=[(model, backend) for model in MODELS for backend in BACKENDS], ids="-".join)
def explainer(request, seeded):
    model, backend = request.param
    with Explainer(model, backend=backend, device="cpu", detail="plain", **seeded[model]) as one:
        yield one


class Oracle:
    """Logits and their gradients by A in float64, by nothing but autograd."""

    def __init__(self, model, options, picture):
        loaded = ModelSpec(model, options.get("weights"), None, options.get("mean"), options.get("std")).load()
        module = loaded.module.double().eval()
        mean, std = (np.array(colour) for colour in (loaded.mean, loaded.std))
        x = torch.from_numpy(((picture / 255 - mean) / std).transpose(2, 0, 1)[None])
        layer = {"efficientnet_lite0": None, "mobilenet_v3_small": "features.12"}[model]
        taken = {}

        def cut(_module, _inputs, output):
            taken["A"] = output.detach().requires_grad_(True)
            return taken["A"].clone()

        target = module.get_submodule(layer) if layer else _last_with_positions(module, x)
        handle = target.register_forward_hook(cut)
        self.logits = module(x)[0]
        handle.remove()
        self.A = taken["A"]

    def gradient(self, class_idx):
        return torch.autograd.grad(self.logits[class_idx], self.A, retain_graph=True)[0][0]

    def cam(self, gradient):
        return np.maximum((gradient.mean((1, 2))[:, None, None] * self.A.detach()[0]).sum(0).numpy(), 0)

    def ranked(self):
        return self.logits.argsort(descending=True).tolist()


def _last_with_positions(module, x):
    seen = []
    handles = [
        part.register_forward_hook(lambda part, _inputs, out: seen.append((part, out)))
        for part in module.modules()
        if not list(part.children())
    ]
    module(x)
    for handle in handles:
        handle.remove()
    return [part for part, out in seen if out.ndim == 4 and min(out.shape[2:]) > 1][-1]


@pytest.fixture(scope="module")
def oracle(explainer, seeded, picture):
    return Oracle(explainer.model, seeded[explainer.model], picture)


def raw(explanation):
    return explanation.cam * explanation.peak


def close(found, wanted):
    assert found == pytest.approx(wanted, abs=2e-4 * float(np.abs(wanted).max()))


@pytest.mark.parametrize("rank", [1, 2, 5])
def test_the_kth_best_class(explainer, oracle, picture, rank):
    explanation = explainer.explain(picture, question=Question(rank=rank))
    class_idx = oracle.ranked()[rank - 1]
    assert explanation.class_idx == explanation.target.class_idx == class_idx == explanation.top[rank - 1].class_idx
    close(raw(explanation), oracle.cam(oracle.gradient(class_idx)))
    assert (explanation.against, explanation.spot, explanation.votes) == (None, None, ())


def test_a_rank_beyond_the_last_class_is_the_last(explainer, oracle, picture):
    assert explainer.explain(picture, question=Question(rank=5000)).class_idx == oracle.ranked()[-1]


def test_a_class_that_is_given_has_no_rank(explainer, picture):
    assert explainer.explain(picture, 7, question=Question(rank=3)).class_idx == 7


def test_why_this_and_not_the_runner_up(explainer, oracle, picture):
    first, second = oracle.ranked()[:2]
    explanation = explainer.explain(picture, question=Question(against="runner-up"))
    assert (explanation.class_idx, explanation.against.class_idx) == (first, second)
    assert explanation.against.label == explainer.labels[second]
    close(raw(explanation), oracle.cam(oracle.gradient(first) - oracle.gradient(second)))
    assert not np.allclose(raw(explanation), raw(explainer.explain(picture)), atol=0.01)


def test_the_runner_up_of_another_class_is_the_best(explainer, oracle, picture):
    first, second = oracle.ranked()[:2]
    explanation = explainer.explain(picture, second, question=Question(against="runner-up"))
    assert explanation.against.class_idx == first
    close(raw(explanation), oracle.cam(oracle.gradient(second) - oracle.gradient(first)))


def test_why_this_and_not_a_class_of_choice(explainer, oracle, picture):
    explanation = explainer.explain(picture, 5, question=Question(against=700))
    assert (explanation.class_idx, explanation.against.class_idx) == (5, 700)
    close(raw(explanation), oracle.cam(oracle.gradient(5) - oracle.gradient(700)))


def test_a_class_is_not_held_against_itself(explainer, picture):
    explanation = explainer.explain(picture, 5, question=Question(against=5))
    assert explanation.against is None
    assert (explanation.cam == explainer.explain(picture, 5).cam).all()


def test_a_contrast_with_no_class(explainer, picture):
    with pytest.raises(ConfigError, match="class 1000 does not exist"):
        explainer.explain(picture, question=Question(against=1000))


def test_the_votes_of_a_spot(explainer, oracle, picture):
    explanation = explainer.explain(picture, question=Question(spot=SPOT))
    y, x = CELL
    # J · v in float64, a class at a time
    wanted = {
        vote.class_idx: float((oracle.gradient(vote.class_idx)[:, y, x] * oracle.A.detach()[0, :, y, x]).sum())
        for vote in explanation.votes
    }
    assert len(explanation.votes) == 5
    assert explanation.spot == SPOT
    assert [vote.contribution for vote in explanation.votes] == pytest.approx(list(wanted.values()), rel=1e-3)
    assert list(wanted.values()) == sorted(wanted.values(), reverse=True)
    assert {vote.exact for vote in explanation.votes} == {explainer.model == "efficientnet_lite0"}
    assert all(vote.label == explainer.labels[vote.class_idx] for vote in explanation.votes)
    # Nothing that was left out is stronger than what is named.
    some = range(0, 1000, 37)
    left_out = [one for one in some if one not in wanted]
    shares = [float((oracle.gradient(c)[:, y, x] * oracle.A.detach()[0, :, y, x]).sum()) for c in left_out]
    assert max(shares) <= min(wanted.values()) + 1e-3


def test_exact_votes_and_the_bias_make_up_the_logit(explainer, oracle, picture):
    backend = explainer._backend
    tap = backend.forward(picture[None])
    height, width = tap.activations.shape[2:]
    cells = [tap.votes(y, x) for y in range(height) for x in range(width)]
    total = sum(backend.numpy(shares).astype(np.float64) for shares, _ in cells)[0]
    rest = oracle.logits.detach().numpy() - total
    linear = explainer.model == "efficientnet_lite0"
    assert {exact for _, exact in cells} == {linear}
    other = backend.forward(255 - picture[None])
    total = sum(backend.numpy(other.votes(y, x)[0]).astype(np.float64) for y in range(height) for x in range(width))[0]
    # What is left is the bias, the same for every picture, if and only if the head is linear.
    assert bool(np.abs(other.logits[0] - total - rest).max() < 1e-3) is linear


def test_a_spot_outside_what_the_network_sees_has_no_votes(picture):
    with Explainer(input="crop", detail="plain") as explainer:
        explanation = explainer.explain(picture, question=Question(spot=(0.01, 0.5)))
    assert (explanation.spot, explanation.votes) == ((0.01, 0.5), ())


def test_every_spot_has_a_cell():
    points = np.linspace(0, 1, 101)
    cells = {cell_at((x, y), (0.0, 0.0, 1.0, 1.0), (3, 4)) for x in points for y in points}
    assert cells == {(y, x) for y in range(3) for x in range(4)}
    edge = cell_at((0.25, 0.0), (0.0, 0.25, 1.0, 0.75), (3, 4))
    assert edge == (0, 0)
    assert cell_at((0.2, 0.5), (0.0, 0.25, 1.0, 0.75), (3, 4)) is None


def test_another_method_for_one_question(explainer, picture, monkeypatch):
    def upside_down(tap, class_idx):
        return (-get_method("gradcam").function(tap, class_idx)).clip(min=-1e9) + 100.0

    card = MethodCard("upside_down", "Upside-Down", upside_down, "", "")
    monkeypatch.setitem(METHODS._things, "upside_down", card)
    other = explainer.explain(picture, 5, question=Question(method="upside_down"))
    assert (other.method, explainer.title) == ("upside_down", f"{explainer.model} · Upside-Down")
    plain = explainer.explain(picture, 5)
    assert (plain.method, explainer.title) == ("gradcam", f"{explainer.model} · Grad-CAM")
    assert raw(other) == pytest.approx(100.0 - raw(plain), rel=1e-5)
    with pytest.raises(UnknownName, match="gradcam"):
        explainer.explain(picture, question=Question(method="gradcat"))


def test_a_question_asks_for_what_the_backend_has(explainer, picture, monkeypatch):
    monkeypatch.setattr(explainer, "_budget", 4)
    offered = [name for name in methods() if name in explainer.methods]
    assert ("cam" in offered) is (explainer.model == "efficientnet_lite0")
    assert ("guidedbackprop" in offered) is (explainer.backend == "torch")
    missing = "cam" if "cam" not in offered else "guidedbackprop" if "guidedbackprop" not in offered else None
    if missing:
        with pytest.raises(ConfigError, match=f"--method {missing} needs"):
            explainer.explain(picture, question=Question(method=missing))
    for method in offered:
        question = Question(method=method, against="runner-up")
        explanation = explainer.explain(picture[::4, ::4], question=question, input_size=64)
        assert explanation.method == method
        assert (explanation.against is None) is not get_method(method).of_class


@pytest.mark.parametrize("method", ["eigencam", "kpcacam", "fem", "random"])
def test_what_shows_nothing_of_a_class_is_held_against_none(explainer, picture, method):
    explanation = explainer.explain(picture, 5, question=Question(against=700, method=method))
    assert explanation.against is None
    assert (explanation.cam == explainer.explain(picture, 5, question=Question(method=method)).cam).all()


def test_questions_of_several_threads_are_not_mixed_up(explainer, picture):
    questions = [Question(), Question(rank=2), Question(against="runner-up"), Question(spot=SPOT)]
    wanted = [explainer.explain(picture, question=question) for question in questions]
    found = [None] * len(questions)

    def work(number):
        for _ in range(3):
            found[number] = explainer.explain(picture, question=questions[number])

    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(questions))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    for one, other in zip(found, wanted, strict=True):
        assert (one.class_idx, one.against, one.spot) == (other.class_idx, other.against, other.spot)
        assert [vote.class_idx for vote in one.votes] == [vote.class_idx for vote in other.votes]
        assert one.cam == pytest.approx(other.cam, abs=1e-5)
