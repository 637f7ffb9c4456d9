"""What looks like words: seeded towers of open_clip beside what the library itself makes of the same weights."""

import gc
import json
import sys
import weakref

import numpy as np
import open_clip
import pytest
import torch
from seeded import textures

from livecam import cli
from livecam.cli.demo import sample
from livecam.errors import ConfigError, MissingExtra, UnknownName, WeightsError
from livecam.explainer import Explainer
from livecam.models import get_card, load_model
from livecam.sinks.sidecar import read_sidecar

TEXTS = ("a red cup", "a cat on a sofa", "一只猫")
TEXT_TOWER = {"context_length": 77, "vocab_size": 49408, "width": 64, "heads": 2, "layers": 2}
VISION = {
    "small-ResNet": {"image_size": 224, "layers": [1, 1, 1, 1], "width": 16},
    "small-ViT": {"image_size": 224, "layers": 3, "width": 64, "head_width": 32, "patch_size": 32},
    "small-ConvNeXt": {"image_size": 256, "timm_model_name": "convnext_atto", "timm_pool": "", "timm_proj": "linear"},
}
"""open_clip's architectures, with an attention pool, with tokens, and convolutional throughout, but narrow."""
VIT = "small-ViT"
LAYER = "transformer.resblocks.2.ln_1"


@pytest.fixture(scope="module", autouse=True)
def small(tmp_path_factory):
    folder = tmp_path_factory.mktemp("configs")
    for name, vision in VISION.items():
        config = {"embed_dim": 64, "vision_cfg": vision, "text_cfg": TEXT_TOWER}
        (folder / f"{name}.json").write_text(json.dumps(config))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("open_clip.factory._MODEL_CONFIG_PATHS", [*open_clip.factory._MODEL_CONFIG_PATHS, folder])
        open_clip.factory._rescan_model_configs()
        yield
        for name in VISION:
            del open_clip.factory._MODEL_CONFIGS[name]


def towers(name, seed=1):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return open_clip.create_model(name).eval().requires_grad_(False)


@pytest.fixture(scope="module")
def vit(small):
    return towers(VIT, seed=3)


@pytest.fixture(scope="module")
def checkpoint(vit, tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "vit.pt"
    torch.save({"epoch": 3, "state_dict": {f"module.{key}": one for key, one in vit.state_dict().items()}}, path)
    return path


def embedded(clip, name, texts=TEXTS):
    return clip.encode_text(open_clip.get_tokenizer(name)(list(texts)), normalize=True)


def by_hand(clip, name, layer, picture, tokens):
    """Cosines with TEXTS, and the library's own logits and Grad-CAM of the first of these. layer: of ``visual``."""
    noted = []

    def leaf(_module, _inputs, output):
        noted.append(output.clone().requires_grad_(True))
        return noted[0].clone()

    card = get_card(f"open_clip/{name}")
    x = (torch.from_numpy(picture) / 255 - torch.tensor(card.mean)) / torch.tensor(card.std)
    handle = clip.visual.get_submodule(layer).register_forward_hook(leaf)
    cosines = clip.encode_image(x.permute(2, 0, 1)[None].float(), normalize=True)[0] @ embedded(clip, name).T
    handle.remove()
    logits = cosines * clip.logit_scale.exp()
    (g,) = torch.autograd.grad(logits[0], noted[0])
    A = noted[0].detach()  # noqa: N806
    if tokens:
        g, A = (one[:, 1:].transpose(1, 2).unflatten(2, (7, 7)) for one in (g, A))  # noqa: N806
    map_ = (g.mean((2, 3), keepdim=True) * A).sum(1)[0].clamp(min=0)
    return cosines.detach().numpy(), logits.detach().softmax(0).numpy(), map_.numpy()


@pytest.mark.parametrize(
    ("name", "layer", "size", "tokens"),
    [
        ("small-ResNet", "layer4", (224, 224), False),
        (VIT, LAYER, (224, 224), True),
        ("small-ConvNeXt", "trunk.norm_pre", (256, 320), False),
    ],
)
def test_probabilities_and_maps_are_the_librarys_own(name, layer, size, tokens, caplog):
    (picture,) = textures(1, size)
    _, wanted, map_ = by_hand(towers(name), name, layer, picture, tokens)
    caplog.clear()
    with Explainer(f"open_clip/{name}", weights="random:1", like_text=TEXTS, detail="plain") as explainer:
        assert explainer.target_layer == f"visual.{layer}"
        assert explainer.labels == TEXTS and explainer.random_weights
        explanation = explainer.explain(picture, 0)
        size = explainer.input_size
    assert "No pretrained weights" not in caplog.text
    assert size == {"small-ConvNeXt": 256}.get(name, 224)
    scores = {one.label: one.score for one in explanation.top}
    np.testing.assert_allclose([scores[text] for text in TEXTS], wanted, atol=1e-5)
    assert map_.max() > 0
    np.testing.assert_allclose(explanation.cam * explanation.peak, map_, atol=2e-3 * map_.max())


def test_one_text_scores_its_cosine(vit, checkpoint):
    (picture,) = textures(1, (224, 224))
    cosines, *_ = by_hand(vit, VIT, LAYER, picture, tokens=True)
    best = int(cosines.argmax())
    assert cosines[best] > 0.01
    with Explainer(f"open_clip/{VIT}", weights=checkpoint, like_text=TEXTS[best], detail="plain") as explainer:
        assert explainer.labels == TEXTS[best : best + 1] and not explainer.random_weights
        explanation = explainer.explain(picture)
    assert explanation.target.score == pytest.approx(cosines[best], abs=1e-5)


def test_attention_methods_have_the_maps_of_the_tower(vit, checkpoint):
    (picture,) = textures(1, (224, 224))
    with Explainer(f"open_clip/{VIT}", weights=checkpoint, like_text=TEXTS, method="legrad", detail="plain") as legrad:
        assert legrad.explain(picture).cam.shape == (7, 7)


def test_a_picture_is_like_itself(checkpoint, tmp_path):
    import cv2

    pictures = textures(2, (224, 224))
    for number, picture in enumerate(pictures):
        cv2.imwrite(str(tmp_path / f"{number}.png"), picture[..., ::-1])
    like = [tmp_path / "0.png", tmp_path / "1.png"]
    with Explainer(f"open_clip/{VIT}", weights=checkpoint, like=like, detail="plain") as explainer:
        explanation = explainer.explain(pictures[1])
    assert explanation.top[0].label == "1"
    assert explanation.top[0].score == pytest.approx(1, abs=1e-4)


def test_labels_are_texts(vit, checkpoint, tmp_path):
    (picture,) = textures(1, (224, 224))
    (tmp_path / "labels.txt").write_text("\n".join(TEXTS))
    _, wanted, _ = by_hand(vit, VIT, LAYER, picture, tokens=True)
    with Explainer(f"open_clip/{VIT}", weights=checkpoint, labels=tmp_path / "labels.txt") as explainer:
        scores = {one.label: one.score for one in explainer.explain(picture).top}
    np.testing.assert_allclose([scores[text] for text in TEXTS], wanted, atol=1e-5)


def test_nothing_of_the_text_tower_stays(checkpoint, monkeypatch):
    made, create = [], open_clip.create_model

    def noted(*args, **options):
        module = create(*args, **options)
        made.append(weakref.ref(module))
        return module

    monkeypatch.setattr(open_clip, "create_model", noted)
    with Explainer(f"open_clip/{VIT}", weights=checkpoint, like_text="a cup") as explainer:
        gc.collect()
        assert [one() for one in made] == [None]
        explainer.explain(textures(1, (224, 224))[0])


def test_what_a_text_may_be(checkpoint, caplog):
    long = "cup " * 100
    with Explainer(f"open_clip/{VIT}", weights=checkpoint, like_text=[long, "a\x1b[31m\ncup"]) as explainer:
        assert explainer.labels == (long.strip()[:200], "a [31m cup")
    (warned,) = [one.getMessage() for one in caplog.records if "longer" in one.getMessage()]
    assert "its end is left out" in warned and "\n" not in warned
    with pytest.raises(ConfigError, match="is empty"):
        Explainer(f"open_clip/{VIT}", weights=checkpoint, like_text=["a cup", " \n"])


def test_what_does_not_go_is_one_line(checkpoint, tmp_path):
    (tmp_path / "0.png").write_bytes(b"")
    for given, message in (
        ({"model": "efficientnet_lite0", "like_text": "a cup"}, "open_clip/MobileCLIP-S1.*livecam"),
        ({"model": f"open_clip/{VIT}", "weights": checkpoint}, "knows no classes.*--like-text"),
        ({"model": f"open_clip/{VIT}", "like_text": "a", "like": [tmp_path / "0.png"]}, "give one of them"),
    ):
        with pytest.raises(ConfigError, match=message) as caught:
            Explainer(**given)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "hint"),
    [("ViT-B-33", "open_clip/ViT-B-32'"), ("ViT-B-32.openal", "open_clip/ViT-B-32.openai'")],
)
def test_an_unknown_name_has_a_hint(name, hint):
    with pytest.raises(UnknownName, match=hint):
        get_card(f"open_clip/{name}")


def test_each_model_has_its_own_colours_and_size():
    assert get_card("open_clip/MobileCLIP-S1").mean == (0, 0, 0)
    assert get_card("open_clip/MobileCLIP-S1").std == (1, 1, 1)
    assert get_card("open_clip/MobileCLIP-S1").input_size == 256
    assert get_card("open_clip/ViT-B-16-SigLIP").mean == (0.5, 0.5, 0.5)
    assert get_card("open_clip/ViT-B-32").std == open_clip.OPENAI_DATASET_STD


def test_activations_are_those_that_the_weights_were_trained_with(monkeypatch):
    """Quick GELU where the tag says so: without it OpenAI's weights are read wrongly, and nobody would notice."""
    asked = []
    monkeypatch.setattr(open_clip, "create_model", lambda _name, **options: asked.append(options["force_quick_gelu"]))
    for name in ("ViT-B-32", "ViT-B-32.openai", "ViT-B-32.laion2b_s34b_b79k", "ViT-B-32-quickgelu"):
        get_card(f"open_clip/{name}").build(0)
    assert asked == [False, True, False, True]


def refused(*_args, **_options):
    raise OSError("no such host")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("MobileCLIP-S1", "no such host.*--fetch open_clip/MobileCLIP-S1.*--weights FILE"),
        ("RN50", "'open_clip/RN50.op"),
    ],
)
def test_weights_that_cannot_be_had_are_one_line(name, message, monkeypatch, tmp_path):
    monkeypatch.setattr("socket.getaddrinfo", refused)
    monkeypatch.setattr("livecam.models.hub.getproxies", dict)
    with pytest.raises(WeightsError, match=message) as caught:
        load_model(f"open_clip/{name}")
    assert "\n" not in str(caught.value)


class Evil:
    def __reduce__(self):
        return (print, ("the checkpoint ran code",))


def test_a_hostile_or_another_checkpoint_is_refused(tmp_path, vit, capsys):
    torch.save({"state_dict": Evil()}, tmp_path / "evil.pt")
    torch.save({key: one for key, one in vit.state_dict().items() if "visual" in key}, tmp_path / "half.pt")
    for file in ("evil.pt", "half.pt"):
        with pytest.raises(WeightsError, match=r"missing|run code"):
            Explainer(f"open_clip/{VIT}", weights=tmp_path / file, like_text="a cup")
    assert "ran code" not in capsys.readouterr().out


def test_without_the_library_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "open_clip", None)
    with pytest.raises(MissingExtra, match=r"livecam\[text\]"):
        Explainer("open_clip/RN50", like_text="a cup")


def test_a_tokenizer_of_another_library_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    card = get_card("open_clip/ViT-B-16-SigLIP")
    with pytest.raises(MissingExtra, match="pip install transformers"):
        card.task.encode(None, ["a cup"])


def run(monkeypatch, *words):
    monkeypatch.setattr(sys, "argv", ["livecam", *map(str, words)])
    monkeypatch.setattr(cli._console, "_console", None)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return ended.value.code


def test_annotate_with_texts(tmp_path, monkeypatch, capsys):
    out = tmp_path / "out.mp4"
    texts = [word for text in TEXTS for word in ("--like-text", text)]
    words = ("annotate", sample(), "-o", out, "--model", f"open_clip/{VIT}", "--weights", "random:1", *texts)
    assert run(monkeypatch, *words, "--max-frames", 2, "--json") == 0
    assert json.loads(capsys.readouterr().out)["random_weights"]
    header, *frames, end = read_sidecar(f"{out}.jsonl")
    assert header["random_weights"] and header["labels"] == 3
    assert end["settings"]["like_text"] == list(TEXTS)
    assert {one["label"] for one in frames[0]["top"]} == set(TEXTS)


def test_its_layers_are_those_of_the_picture_tower(monkeypatch, capsys):
    assert run(monkeypatch, "models", f"open_clip/{VIT}", "--layers", "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["chosen"] == f"visual.{LAYER}"
    assert shown["layers"] and all(one["name"].startswith("visual.") for one in shown["layers"])
