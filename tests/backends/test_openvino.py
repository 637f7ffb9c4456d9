"""The compiled engine against PyTorch's autograd, and its cache."""

import logging
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torchvision
from test_head import HIDDEN, LINEAR, randomised

from livecam.backends import open_backend
from livecam.backends.openvino import OpenVinoBackend
from livecam.backends.pytorch import TorchBackend
from livecam.cache import Cache
from livecam.errors import ConfigError, TargetLayerError, UnknownName
from livecam.explainer import Explainer
from livecam.methods import get_method
from livecam.models import LoadedModel, ModelSpec

PARITY = ("mobilenet_v2", "mobilenet_v3_large", "resnet18", "timm/tf_efficientnet_lite0")


def loaded(module):
    return LoadedModel("test", module, tuple(map(str, range(1000))), (0.4, 0.5, 0.6), (0.2, 0.25, 0.3), None)


@pytest.fixture(scope="module")
def pictures():
    return np.random.default_rng(0).integers(0, 255, (2, 96, 128, 3), dtype=np.uint8)


@pytest.mark.parametrize("name", PARITY)
def test_parity_with_autograd(name, pictures):
    module = randomised((LINEAR | HIDDEN)[name]())
    compiled, reference = OpenVinoBackend(loaded(module)), TorchBackend(loaded(module), device="cpu", closed_form=False)
    ours, theirs = compiled.forward(pictures), reference.forward(pictures)
    assert compiled.target_layer == reference.target_layer
    assert ours.logits == pytest.approx(theirs.logits, abs=1e-4 * float(np.abs(theirs.logits).max()))
    assert compiled.plain(pictures) == pytest.approx(ours.logits, abs=1e-4 * float(np.abs(theirs.logits).max()))
    method = get_method("gradcam").function
    best = np.argsort(-theirs.logits, axis=1)
    for wanted in (best[:, 0].tolist(), best[:, 2].tolist()):
        a, b = compiled.numpy(method(ours, wanted)), reference.numpy(method(theirs, wanted))
        assert b.max() > 0
        assert np.abs(a - b).max() <= 1e-4 * b.max()
    gradient = ours.gradients([1, 2])
    assert gradient.shape == ours.activations.shape
    assert gradient == pytest.approx(theirs.gradients([1, 2]).numpy(), abs=1e-4 * float(np.abs(gradient).max()))
    compiled.close()
    reference.close()


def test_bfloat16_is_close(pictures):
    module = randomised(LINEAR["mobilenet_v2"]())
    try:
        low = OpenVinoBackend(loaded(module), precision="bfloat16")
    except ConfigError as error:
        assert "does not have it" in str(error)
        return
    full = OpenVinoBackend(loaded(module))
    method = get_method("gradcam").function
    a, b = (backend.numpy(method(backend.forward(pictures), [3, 4])) for backend in (low, full))
    assert np.corrcoef(a.ravel(), b.ravel())[0, 1] > 0.99


@pytest.mark.skipif(not Path("/proc/cpuinfo").exists(), reason="the oracle is Linux's list of CPU features")
def test_fast_is_bfloat16_where_the_cpu_computes_it():
    features = set(Path("/proc/cpuinfo").read_text().split())
    native = "avx512_bf16" in features or "amx_bf16" in features
    backend = OpenVinoBackend(loaded(randomised(LINEAR["mobilenet_v2"]())), precision="fast")
    assert backend.precision == ("bfloat16" if native else "float32")


class TestCache:
    @pytest.fixture
    def cache(self, tmp_path):
        return Cache(tmp_path)

    @pytest.fixture
    def picture(self):
        return np.random.default_rng(1).integers(0, 255, (1, 64, 64, 3), dtype=np.uint8)

    def test_the_second_time_no_model_is_loaded(self, cache, picture, monkeypatch):
        spec = ModelSpec("efficientnet_lite0")
        first = OpenVinoBackend(spec, cache=cache).forward(picture)

        def refuse(self):
            raise AssertionError("loaded")

        monkeypatch.setattr(ModelSpec, "load", refuse)
        again = OpenVinoBackend(spec, cache=cache)
        assert (again.forward(picture).logits == first.logits).all()
        assert again.labels[207] == "golden retriever"
        assert again.target_layer == "bn2"

    def test_damage_is_made_good(self, cache, tmp_path, picture):
        spec = ModelSpec("efficientnet_lite0")
        first = OpenVinoBackend(spec, cache=cache).forward(picture)
        for file in tmp_path.rglob("*.*"):
            data = bytearray(file.read_bytes())
            data[len(data) // 2] ^= 255
            file.write_bytes(bytes(data))
        again = OpenVinoBackend(spec, cache=cache).forward(picture)
        assert (again.logits == first.logits).all()

    def test_other_weights_are_another_entry(self, tmp_path):
        (tmp_path / "a").write_bytes(b"1")
        (tmp_path / "b").write_bytes(b"2")
        specs = [
            ModelSpec("resnet18"),
            ModelSpec("resnet50"),
            ModelSpec("resnet18", tmp_path / "a"),
            ModelSpec("resnet18", tmp_path / "b"),
            ModelSpec("resnet18", tmp_path / "a", tmp_path / "b"),
            ModelSpec("resnet18", mean=(0.5,) * 3),
        ]
        assert len({spec.fingerprint() for spec in specs}) == len(specs)

    def test_no_torch_with_a_warm_cache(self):
        code = """
import sys, numpy as np
from livecam import Explainer
with Explainer(backend="openvino") as explainer:
    explainer.explain(np.zeros((64, 64, 3), np.uint8))
assert "torch" not in sys.modules
"""
        with Explainer(backend="openvino") as explainer:
            explainer.explain(np.zeros((64, 64, 3), np.uint8))
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=100, check=False)
        assert done.returncode == 0, done.stderr.decode()


def test_nothing_is_reported_to_anybody():
    """The converter's reporter is its stub, which sends nothing."""
    code = """
import sys
from livecam._openvino import openvino
from openvino.tools.ovc import convert_impl, telemetry_utils
assert convert_impl.tm.__name__ == telemetry_utils.tm.__name__ == "openvino.tools.ovc.telemetry_stub"
assert sys.modules["openvino_telemetry"] is None
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr.decode()


class TestChoice:
    def options(self, **given):
        return {"layer": None, "device": "cpu", "precision": "auto"} | given

    def test_auto_is_openvino_on_a_cpu(self):
        model = loaded(randomised(LINEAR["resnet18"]()))
        assert open_backend("auto", model, **self.options()).name == "openvino"

    def test_a_layer_that_nobody_has_is_one_error_and_no_more(self, caplog):
        with caplog.at_level(logging.INFO, "livecam"), pytest.raises(TargetLayerError, match="no layer 'layer9'"):
            open_backend("auto", loaded(randomised(LINEAR["resnet18"]())), **self.options(layer="layer9"))
        assert not caplog.records

    def test_auto_falls_back_to_torch_and_says_why(self, caplog, pictures):
        model = loaded(randomised(torchvision.models.densenet121(weights=None)))
        with caplog.at_level(logging.INFO, "livecam"):
            backend = open_backend("auto", model, **self.options())
        assert backend.name == "torch"
        assert "not pooling and linear layers alone" in caplog.text
        backend.close()

    def test_what_was_asked_for_is_not_replaced(self):
        model = loaded(randomised(LINEAR["resnet18"]()))
        with pytest.raises(TargetLayerError):
            open_backend("openvino", model, **self.options(layer="layer3"))
        with pytest.raises(ConfigError, match="--backend torch"):
            open_backend("openvino", model, **self.options(device="cuda"))
        with pytest.raises(UnknownName, match="openvino"):
            open_backend("openvin", model, **self.options())

    def test_auto_without_openvino(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "openvino", None)
        for name in ("livecam.backends.openvino", "livecam._openvino"):
            monkeypatch.delitem(sys.modules, name, raising=False)
        model = loaded(randomised(LINEAR["resnet18"]()))
        backend = open_backend("auto", model, **self.options())
        assert backend.name == "torch"
        backend.close()
