"""The ONNX Runtime backend against autograd of the PyTorch backend."""

import importlib.util
import subprocess
import sys

import numpy as np
import pytest
import timm
import torch
import torchvision

from livecam.backends import open_backend
from livecam.backends.onnxruntime import OnnxRuntimeBackend
from livecam.backends.pytorch import TorchBackend
from livecam.cache import Cache
from livecam.errors import ConfigError, MissingExtra, ModelError, TargetLayerError
from livecam.methods import get_method
from livecam.models import LoadedModel, ModelSpec

NETWORKS = {
    "mobilenet_v2": lambda: torchvision.models.mobilenet_v2(weights=None),
    "mobilenet_v3_large": lambda: torchvision.models.mobilenet_v3_large(weights=None),
    "resnet18": lambda: torchvision.models.resnet18(weights=None),
    "efficientnet_lite0": lambda: timm.create_model("tf_efficientnet_lite0"),
}
PLACE = {"layer": None, "device": "cpu", "precision": "auto"}


def network(name):
    torch.manual_seed(0)
    module = NETWORKS[name]().eval()
    for part in module.modules():  # untrained batch norm is the identity, and an untrained head says little
        if isinstance(part, torch.nn.BatchNorm2d):
            part.running_mean.normal_(0, 0.05)
            part.running_var.uniform_(0.5, 1.5)
        if isinstance(part, torch.nn.Linear):
            torch.nn.init.normal_(part.weight, 0, 0.2)
    return loaded(module.requires_grad_(False))


def loaded(module, classes=1000):
    return LoadedModel("test", module, tuple(map(str, range(classes))), (0.5, 0.4, 0.6), (0.25, 0.2, 0.3), None)


@pytest.fixture
def pictures():
    return np.random.default_rng(0).integers(0, 255, (3, 96, 128, 3), dtype=np.uint8)


@pytest.mark.parametrize("name", NETWORKS)
def test_logits_maps_and_gradients_equal_autograd(name, pictures):
    gradcam, model = get_method("gradcam").function, network(name)
    ours = open_backend("onnxruntime", model, **PLACE)
    theirs = TorchBackend(model, device="cpu", closed_form=False)
    for part in (pictures, pictures[:1]):  # any batch
        tap, wanted = ours.forward(part), theirs.forward(part)
        assert tap.logits == pytest.approx(wanted.logits, abs=1e-4 * float(np.abs(wanted.logits).max()))
        assert ours.plain(part) == pytest.approx(tap.logits, abs=1e-5 * float(np.abs(tap.logits).max()))
        classes = wanted.logits.argmax(1).tolist()
        cam, right = ours.numpy(gradcam(tap, classes)), theirs.numpy(gradcam(wanted, classes))
        assert right.max() > 0, "nothing was compared"
        assert np.abs(cam - right).max() < 1e-4 * right.max()
        gradient = theirs.numpy(wanted.gradients(classes))
        assert np.abs(ours.numpy(tap.gradients(classes)) - gradient).max() < 1e-4 * np.abs(gradient).max()
    theirs.close()
    ours.close()
    ours.close()


def test_it_says_what_it_is(pictures):
    backend = open_backend("onnxruntime", network("resnet18"), **PLACE)
    assert (backend.name, backend.device, backend.precision) == ("onnxruntime", "cpu", "float32")
    assert backend.target_layer == "layer4"
    assert backend.labels[-1] == "999"
    assert [backend.forward(pictures[:, :side]).activations.shape[2] for side in (64, 96, 64)] == [2, 3, 2]
    assert len(backend._sessions) == 2


def test_what_it_does_not_do():
    model = network("resnet18")
    with pytest.raises(ConfigError, match="on the CPU here"):
        open_backend("onnxruntime", model, **PLACE | {"device": "cuda"})
    with pytest.raises(ConfigError, match="float32 here"):
        open_backend("onnxruntime", model, **PLACE | {"precision": "bfloat16"})
    with pytest.raises(TargetLayerError):
        open_backend("onnxruntime", model, **PLACE | {"layer": "layer2"})


@pytest.mark.parametrize("package", ["onnx", "onnxscript", "onnxruntime"])
def test_a_missing_package_names_the_extra(monkeypatch, package):
    real = importlib.util.find_spec

    def without(name, *rest):
        return None if name == package else real(name, *rest)

    model = network("resnet18")
    monkeypatch.setattr(importlib.util, "find_spec", without)
    with pytest.raises(MissingExtra, match=rf"{package} is not installed: pip install 'livecam\[onnx\]'"):
        open_backend("onnxruntime", model, **PLACE)


def test_a_failing_engine_is_a_model_error(pictures):
    backend = open_backend("onnxruntime", network("resnet18"), **PLACE)
    backend.forward(pictures[:1])

    class Broken:
        def get_inputs(self):
            return backend._sessions[96, 128].plain.get_inputs()

        def run(self, *_):
            raise RuntimeError("out of everything")

    backend.plain(pictures[:1])
    backend._sessions[96, 128].tapped = Broken()
    with pytest.raises(ModelError, match="out of everything"):
        backend.forward(pictures[:1])


class TestCache:
    @pytest.fixture
    def cache(self, tmp_path):
        return Cache(tmp_path)

    def test_the_second_time_no_model_is_loaded(self, cache, pictures, monkeypatch):
        spec = ModelSpec("efficientnet_lite0")
        first = OnnxRuntimeBackend(spec, cache=cache).forward(pictures)

        def refuse(self):
            raise AssertionError("loaded")

        monkeypatch.setattr(ModelSpec, "load", refuse)
        again = OnnxRuntimeBackend(spec, cache=cache)
        tap = again.forward(pictures)
        assert (tap.logits == first.logits).all()
        assert (tap.alpha([1, 2, 3]) == first.alpha([1, 2, 3])).all()
        assert again.plain(pictures) == pytest.approx(first.logits, abs=1e-5 * float(np.abs(first.logits).max()))
        assert (again.labels[207], again.target_layer) == ("golden retriever", "bn2")
        with pytest.raises(AssertionError, match="loaded"):
            again.forward(pictures[:, :64])  # another size

    def test_damage_is_made_good(self, cache, tmp_path, pictures):
        spec = ModelSpec("efficientnet_lite0")
        first = OnnxRuntimeBackend(spec, cache=cache).forward(pictures)
        for file in tmp_path.rglob("*.*"):
            data = bytearray(file.read_bytes())
            data[len(data) // 2] ^= 255
            file.write_bytes(bytes(data))
        assert (OnnxRuntimeBackend(spec, cache=cache).forward(pictures).logits == first.logits).all()

    def test_nothing_is_kept_of_a_network_without_a_name(self, cache, tmp_path, pictures):
        OnnxRuntimeBackend(network("resnet18"), cache=cache).forward(pictures[:1])
        assert not list(tmp_path.iterdir())

    def test_no_torch_with_a_warm_cache(self):
        code = """
import sys, numpy as np
from livecam import Explainer
with Explainer(backend="onnxruntime") as explainer:
    explainer.explain(np.zeros((64, 64, 3), np.uint8))
assert not {"torch", "onnx", "onnxscript"} & set(sys.modules)
"""
        for warm in (False, True):
            done = subprocess.run(
                [sys.executable, "-c", code if warm else code[: code.index("assert")]],
                capture_output=True,
                timeout=100,
                check=False,
            )
            assert done.returncode == 0, done.stderr.decode()
