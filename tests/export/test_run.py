"""A written file against autograd, and what happens when one cannot be written."""

import importlib
import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from small_networks import attention, deep, linear, mlp, model, normalised, oracle, pictures

import livecam
from livecam._openvino import openvino
from livecam.errors import ConfigError, MissingExtra, ModelError, SinkError, TargetLayerError
from livecam.export import parity
from livecam.export.run import Export, check, export

SIZE = (64, 96)


def run_onnx(path, x):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return dict(zip([o.name for o in session.get_outputs()], session.run(None, {"pictures": x}), strict=True))


def run_ir(path, x):
    compiled = openvino.Core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    result = compiled({"pictures": x})
    return {port.get_any_name(): result[port] for port in compiled.outputs}


RUN = {".onnx": run_onnx, ".xml": run_ir}


@pytest.mark.parametrize("suffix", RUN)
@pytest.mark.parametrize("batch", [1, 5])
def test_the_file_computes_what_autograd_does(tmp_path, suffix, batch):
    loaded, images, path = model(mlp()), pictures(5), tmp_path / f"small{suffix}"
    report = export(loaded, Export(path, SIZE), images)
    x = normalised(images[:batch], loaded)
    outputs = RUN[suffix](path, x.numpy())
    assert list(outputs) == ["scores", "cam"]
    scores, cam = oracle(loaded, report["target_layer"], x, outputs["scores"].argmax(1)[:, None])
    assert outputs["scores"] == pytest.approx(scores, abs=1e-5)
    assert np.abs(outputs["cam"] - cam[:, 0]).max() < 1e-4 * cam.max()
    assert report["parity"]["frames"] == 5
    assert report["parity"]["cam"] < 1e-4
    assert report["parity"]["top1"] == 1
    assert set(report["files"]) == {str(file) for file in tmp_path.iterdir()}


@pytest.mark.parametrize("suffix", RUN)
def test_several_classes_with_the_preprocessing_inside(tmp_path, suffix):
    loaded, images, path = model(linear()), pictures(3), tmp_path / f"small{suffix}"
    report = export(loaded, Export(path, SIZE, classes=3, preprocess=True), images)
    outputs = RUN[suffix](path, images)
    assert outputs["classes"].dtype == np.int64
    scores, cam = oracle(loaded, report["target_layer"], normalised(images, loaded), outputs["classes"])
    assert (outputs["classes"] == np.argsort(-scores, kind="stable")[:, :3]).all()
    assert outputs["cam"].shape == (3, 3, *cam.shape[2:])
    assert np.abs(outputs["cam"] - cam).max() < 1e-4 * cam.max()


@pytest.mark.parametrize("suffix", RUN)
def test_float16_is_smaller_and_close(tmp_path, suffix):
    sizes = {}
    for precision in ("float32", "float16"):
        path = tmp_path / precision / f"small{suffix}"
        report = export(model(mlp(width=4096)), Export(path, SIZE, precision=precision), pictures())
        sizes[precision] = sum(report["files"].values())
        assert report["parity"]["correlation"] > 0.999
    assert sizes["float16"] < 0.7 * sizes["float32"]


@pytest.mark.parametrize("suffix", RUN)
def test_int8_is_checked_on_pictures_it_was_not_calibrated_on(tmp_path, suffix, capfd):
    if suffix == ".xml":
        pytest.importorskip("nncf", reason="nncf is not installed")
    path = tmp_path / f"small{suffix}"
    report = export(model(deep()), Export(path, SIZE, precision="int8"), pictures(40))
    assert report["parity"]["frames"] == 20
    assert report["parity"]["correlation"] >= 0.95
    assert report["parity"]["cam"] > 0, "it was not quantised"
    assert set(report["files"]) == {str(file) for file in tmp_path.iterdir()}
    assert not capfd.readouterr().out
    kinds = b"QuantizeLinear" if suffix == ".onnx" else b"FakeQuantize"
    assert kinds in path.read_bytes()


def test_int8_needs_pictures_for_both(tmp_path):
    with pytest.raises(ConfigError, match="two pictures at least"):
        export(model(linear()), Export(tmp_path / "small.onnx", SIZE, precision="int8"), pictures(1))


def test_an_onnx_file_says_what_it_is(tmp_path):
    path = tmp_path / "small.onnx"
    export(model(linear()), Export(path, SIZE), pictures())
    written = onnx.load(path)
    onnx.checker.check_model(written, full_check=True)
    facts = {entry.key.removeprefix("livecam."): entry.value for entry in written.metadata_props}
    assert json.loads(facts["labels"])[:2] == ["thing 0", "thing 1"]
    assert json.loads(facts["mean"]) == [0.4, 0.5, 0.6]
    assert json.loads(facts["std"]) == [0.2, 0.25, 0.3]
    assert facts["model"] == "small"
    assert facts["method"] == "gradcam"
    assert facts["target_layer"] == "features"
    assert facts["version"]
    assert str(Path(livecam.__file__).parent).encode() not in path.read_bytes(), "paths of this machine"
    assert [entry.version for entry in written.opset_import if entry.domain in ("", "ai.onnx")] == [18]
    assert [side.dim_param or side.dim_value for side in written.graph.input[0].type.tensor_type.shape.dim] == [
        "batch",
        3,
        *SIZE,
    ]


def test_an_ir_file_says_what_it_is(tmp_path):
    path = tmp_path / "small.xml"
    export(model(linear()), Export(path, SIZE), pictures())
    written = openvino.Core().read_model(path)
    facts = {key: written.get_rt_info(["livecam", key]).astype(str) for key in ("labels", "mean", "method", "model")}
    assert json.loads(facts["labels"])[-1] == "thing 11"
    assert json.loads(facts["mean"]) == [0.4, 0.5, 0.6]
    assert (facts["method"], facts["model"]) == ("gradcam", "small")
    assert written.inputs[0].partial_shape.to_string() == "[?,3,64,96]"


def test_a_file_out_of_tolerance_is_not_left(tmp_path, monkeypatch):
    monkeypatch.setitem(parity.TOLERANCES, "float32", parity.Tolerance(scores=-1, cam=1, top1=0, correlation=0))
    path = tmp_path / "small.onnx"
    path.write_bytes(b"the one before")
    with pytest.raises(ModelError, match="does not compute what PyTorch does: scores differ") as caught:
        export(model(linear()), Export(path, SIZE, force=True), pictures())
    assert caught.value.exit_code == 6
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [b"the one before"]


def test_no_numbers_are_out_of_tolerance():
    nothing = parity.Parity(frames=1, scores=np.nan, cam=np.nan, top1=1, correlation=np.nan)
    assert len(parity.TOLERANCES["float32"].broken_by(nothing)) == 3


def test_a_refused_head_leaves_nothing(tmp_path):
    with pytest.raises(TargetLayerError, match="cannot be exported"):
        export(model(attention()), Export(tmp_path / "small.onnx", SIZE), pictures())
    assert not list(tmp_path.iterdir())


def test_what_can_be_said_before_the_work(tmp_path):
    for job in (
        Export(tmp_path / "small.pt"),
        Export(tmp_path / "small"),
        Export(tmp_path / "small.onnx", precision="float8"),
        Export(tmp_path / "small.onnx", classes=-1),
    ):
        with pytest.raises(ConfigError):
            check(job)
    (tmp_path / "there.onnx").touch()
    (tmp_path / "file").touch()
    (tmp_path / "folder.onnx").mkdir()
    for name in ("there.onnx", "file/small.onnx", "folder.onnx"):
        with pytest.raises(SinkError, match=name):
            check(Export(tmp_path / name))
    with pytest.raises(ConfigError, match="13 classes: small has 12"):
        export(model(linear()), Export(tmp_path / "small.onnx", classes=13), pictures())


@pytest.mark.parametrize(
    ("name", "package"), [("a.onnx", "onnxscript"), ("a.onnx", "onnxruntime"), ("a.xml", "openvino")]
)
def test_a_missing_package_names_its_remedy(tmp_path, monkeypatch, name, package):
    real = importlib.import_module

    def without(wanted, *rest):
        if wanted == package:
            raise ImportError(wanted)
        return real(wanted, *rest)

    monkeypatch.setattr(importlib, "import_module", without)
    with pytest.raises(MissingExtra, match=f"{package} is not installed: pip install"):
        check(Export(tmp_path / name))


def test_int8_to_openvino_needs_its_extra(tmp_path, monkeypatch):
    real = importlib.import_module

    def without(wanted, *rest):
        if wanted == "nncf":
            raise ImportError(wanted)
        return real(wanted, *rest)

    monkeypatch.setattr(importlib, "import_module", without)
    with pytest.raises(MissingExtra, match=r"pip install 'livecam\[int8\]'"):
        check(Export(tmp_path / "a.xml", precision="int8"))
