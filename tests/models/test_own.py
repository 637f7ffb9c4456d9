"""Networks of the user's own: a factory, a card in TOML, checkpoints of training modules."""

import importlib
import sys
import textwrap

import numpy as np
import pytest
import torch

from livecam.backends.target_layer import candidate_layers
from livecam.errors import ConfigError, ModelError, UnknownName, WeightsError
from livecam.explainer import Explainer
from livecam.models import ModelSpec, get_card, load_model

NETS = """
    import torch
    from livecam.models import ModelCard

    class Net(torch.nn.Sequential):
        def __init__(self, num_classes=3):
            head = torch.nn.Linear(32, num_classes)
            super().__init__()
            self.fc = head  # not the last one: the number of classes is not read by position
            self.features = torch.nn.Sequential(
                torch.nn.Conv2d(3, 8, 3, 2, 1), torch.nn.BatchNorm2d(8), torch.nn.ReLU(),
                torch.nn.Conv2d(8, 32, 3, 2, 1), torch.nn.ReLU(),
            )

        def forward(self, x):
            return self.fc(self.features(x).mean((2, 3)))

    class Small(Net):
        def forward(self, x):
            assert x.shape[2:] == (32, 32), "pictures of 32x32 only"
            return super().forward(x)

    def fixed(): return Net(4)
    def told(num_classes): return Net(num_classes)
    def parallel(num_classes=3): return torch.nn.DataParallel(Net(num_classes))
    def card():
        state, labels = lambda: Net().state_dict(), lambda classes: tuple("abc")
        colours = (0.1,) * 3, (0.2,) * 3
        return ModelCard("mine", Net, state, labels, *colours, "", "", "", lambda: True, input_size=64, classes=3)
    def broken(): raise ValueError("no GPU here" + chr(10) + "more")
    def text(): return "a network"
    def map(num_classes=3): return torch.nn.Conv2d(3, num_classes, 1)
    value = 3
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The working directory, with a module ``nets_of_mine`` that nothing else finds."""
    (tmp_path / "nets_of_mine.py").write_text(textwrap.dedent(NETS))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    sys.modules.pop("nets_of_mine", None)
    yield tmp_path
    sys.modules.pop("nets_of_mine", None)


@pytest.fixture
def nets(folder, monkeypatch):
    """That module."""
    monkeypatch.syspath_prepend(folder)
    return importlib.import_module("nets_of_mine")


def test_a_factory_of_the_working_directory(folder):
    loaded = load_model("nets_of_mine:Net")
    assert loaded.labels == ("class 0", "class 1", "class 2")
    assert not loaded.module.training
    assert not any(parameter.requires_grad for parameter in loaded.module.parameters())
    assert len(load_model("nets_of_mine:fixed").labels) == 4
    assert ModelSpec("nets_of_mine:Net").fingerprint() is None  # code changes without its name


def test_a_factory_may_return_a_card(folder):
    loaded = load_model("nets_of_mine:card")
    assert (loaded.labels, loaded.mean, loaded.input_size) == (("a", "b", "c"), (0.1,) * 3, 64)


@pytest.mark.parametrize("factory", ["Net", "told", "parallel"])
@pytest.mark.parametrize("prefix", ["", "module.", "model.", "model.module.", "net.backbone."])
def test_a_checkpoint_of_a_training_module_with_another_head(nets, factory, prefix):
    torch.manual_seed(0)
    state = nets.Net(5).state_dict()
    beside = {"criterion.weight": torch.ones(5), "metric.total": torch.zeros(())} if "." in prefix[:-1] else {}
    torch.save({"state_dict": {f"{prefix}{key}": value for key, value in state.items()} | beside}, "mine.ckpt")
    loaded = load_model(f"nets_of_mine:{factory}", weights="mine.ckpt")
    assert len(loaded.labels) == 5
    assert all(torch.equal(loaded.module.state_dict()[key], value) for key, value in state.items())


def test_a_checkpoint_that_holds_the_network_twice_is_not_guessed_at(nets):
    state = nets.Net().state_dict()
    torch.save({f"{part}.{key}": value for part in ("model", "ema") for key, value in state.items()}, "mine.ckpt")
    with pytest.raises(WeightsError, match=r"2 times \(model, ema\)"):
        load_model("nets_of_mine:Net", weights="mine.ckpt")


def test_a_checkpoint_of_another_network_says_so(nets):
    torch.save({"model.conv.weight": torch.zeros(3)}, "mine.ckpt")
    with pytest.raises(WeightsError, match=r"missing \(fc.weight"):
        load_model("nets_of_mine:Net", weights="mine.ckpt")


@pytest.mark.parametrize(
    ("name", "kind", "says"),
    [
        ("nets_of_mine:", ConfigError, "give package.module:factory"),
        ("no_such_module_of_mine:Net", ConfigError, "no module 'no_such_module_of_mine' in"),
        ("nets_of_mine:net", ConfigError, "has no attribute 'net'"),
        ("nets_of_mine:value", ConfigError, "is a int"),
        ("nets_of_mine:text", ConfigError, "returned a str"),
        ("nets_of_mine:broken", ModelError, "ValueError: no GPU here"),
        ("nets_of_mine:map", ModelError, r"gives \(1, 3, 224, 224\) for a picture, not logits"),
        ("nets_of_mine:Small", ModelError, "pictures of 32x32 only; say its input_size"),
    ],
)
def test_a_factory_that_cannot_be_used_is_one_line(folder, name, kind, says):
    with pytest.raises(kind, match=says) as caught:
        load_model(name)
    assert "\n" not in str(caught.value)


@pytest.fixture
def card(folder):
    """Writes a card into a folder of its own."""

    def write(text):
        (folder / "cards").mkdir(exist_ok=True)
        (folder / "cards" / "card.toml").write_text(text)
        return "cards/card.toml"

    return write


def test_a_card_says_all_that_the_flags_say(nets, folder, card):
    torch.manual_seed(1)
    state = nets.Small(2).state_dict()
    name = card("""
        factory = "nets_of_mine:Small"
        weights = "small.pth"
        labels = ["cat", "cup"]
        mean = [0, 0.5, 0]
        std = [1, 1, 1]
        input_size = 32
        layer = "features.2"
    """)
    torch.save(state, folder / "cards" / "small.pth")
    picture = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    with Explainer(name, backend="torch", device="cpu", detail="plain") as explainer:
        assert (explainer.input_size, explainer.target_layer) == (32, "features.2")
        explanation = explainer.explain(picture)
    # The oracle: the network itself, on the normalised picture.
    module = nets.Small(2).eval()
    module.load_state_dict(state)
    x = torch.from_numpy(picture).permute(2, 0, 1)[None] / 255 - torch.tensor([0, 0.5, 0]).view(1, 3, 1, 1)
    with torch.inference_mode():
        scores = module(x).softmax(1)[0]
    assert explanation.top[0].label == ("cat", "cup")[int(scores.argmax())]
    assert explanation.top[0].score == pytest.approx(float(scores.max()), abs=1e-5)
    assert explanation.cam.shape == (16, 16)


def test_a_card_of_a_known_architecture_needs_no_factory(folder, card):
    torch.save(get_card("resnet18").build(3).state_dict(), folder / "mine.pth")
    (folder / "names.txt").write_text("x\ny\nz\n")
    name = card('model = "resnet18"\nweights = "../mine.pth"\nlabels = "../names.txt"')
    assert load_model(name).labels == ("x", "y", "z")
    with pytest.raises(ConfigError, match="2 labels for a model of 3"):
        load_model(card('model = "resnet18"\nweights = "../mine.pth"\nlabels = ["x", "y"]'))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "give one of 'model'"),
        ('model = "resnet18"\nfactory = "a:b"', "give one of 'model'"),
        ('model = "a:b"', "is no name of 'livecam models'"),
        ('model = "resnet18"\nwieghts = "x"', "no such key 'wieghts'; there are model, factory"),
        ('model = "resnet18"\nmean = [0.5, 0.5]', "mean: "),
        ('model = "resnet18"\nmean = [123.7, 116.3, 103.5]', "mean: should be less than or equal to 1"),
        ('model = "resnet18"\ninput_size = "96"', "input_size: should be a valid integer"),
        ('model = "resnet18"\nlabels = 3', "labels: "),
        ('model = "resnet18', "is no TOML"),
        ('factory = "os:abort"', "standard library"),
        ('factory = "builtins:breakpoint"', "standard library"),
    ],
)
def test_a_card_with_a_mistake_is_one_line(card, text, says):
    with pytest.raises(ConfigError, match=says) as caught:
        get_card(card(text))
    assert "\n" not in str(caught.value)


def test_a_card_that_is_not_there_or_misspells(card):
    with pytest.raises(ConfigError, match="No such file"):
        get_card("nowhere.toml")
    with pytest.raises(UnknownName, match="resnet18"):
        get_card(card('model = "resnet81"'))


def test_a_strangers_card_runs_no_code_of_its_own_folder(card, folder):
    name = card('factory = "evil_of_a_stranger:make"')
    (folder / "cards" / "evil_of_a_stranger.py").write_text("raise SystemExit('the card ran code')")
    with pytest.raises(ConfigError, match="no module 'evil_of_a_stranger'"):
        get_card(name)


def test_candidates_are_the_layers_with_positions(nets):
    found = candidate_layers(nets.Net().eval(), 64)
    assert [(one.name, one.kind, one.shape) for one in found] == [
        ("features.0", "Conv2d", (8, 32, 32)),
        ("features.1", "BatchNorm2d", (8, 32, 32)),
        ("features.2", "ReLU", (8, 32, 32)),
        ("features.3", "Conv2d", (32, 16, 16)),
        ("features.4", "ReLU", (32, 16, 16)),
        ("features", "Sequential", (32, 16, 16)),
    ]


def test_a_network_that_is_at_hand_needs_no_name(folder):
    loaded = load_model("nets_of_mine:Net")
    with pytest.raises(ConfigError, match="are for a model by name"):
        Explainer(loaded, labels="names.txt")
    with Explainer(loaded, backend="torch", device="cpu", layer="features.4") as explainer:
        assert (explainer.model, explainer.input_size) == ("nets_of_mine:Net", 224)
