"""ONNX files of other frameworks: hand-made graphs, against autograd on the same weights."""

import logging
import warnings

import numpy as np
import onnx
import pytest
import torch
import torchvision
from onnx import TensorProto, helper, numpy_helper
from test_head import randomised

from livecam.backends import open_backend
from livecam.backends.pytorch import TorchBackend
from livecam.errors import ConfigError, TargetLayerError, WeightsError
from livecam.explainer import Explainer
from livecam.methods import get_method
from livecam.models import LoadedModel, ModelSpec
from livecam.types import Question

CHANNELS, CLASSES = 40, 7
PLACE = {"layer": None, "device": "cpu", "precision": "auto"}
RNG = np.random.default_rng(3)
KERNEL = RNG.normal(0, 0.3, (CHANNELS, 3, 3, 3)).astype(np.float32)
W = RNG.normal(0, 1, (CLASSES, CHANNELS)).astype(np.float32)
B = RNG.normal(0, 1, CLASSES).astype(np.float32)
STORED = {"kernel": KERNEL, "w": W, "wt": W.T, "w4": W[:, :, None, None], "b": B, "axes": np.array([2, 3])}
STORED |= {"shape": np.array([0, -1])}
HIDDEN = 24
W1 = RNG.normal(0, 8, (HIDDEN, CHANNELS)).astype(np.float32)  # so that z also lies above 6
B1 = RNG.normal(0, 1, HIDDEN).astype(np.float32)
W2 = RNG.normal(0, 1, (CLASSES, HIDDEN)).astype(np.float32)
BATCH_NORM = [RNG.uniform(0.5, 1.5, HIDDEN).astype(np.float32) for _ in range(4)]  # scale, shift, mean, variance
STORED |= {"w1": W1, "w1t": W1.T, "w14": W1[:, :, None, None], "b1": B1, "w2": W2, "w24": W2[:, :, None, None]}
STORED |= {name: np.float32(name.removeprefix("n")) for name in ("n0", "n3", "n6")}
STORED |= dict(zip(("scale", "shift", "mean", "var"), BATCH_NORM, strict=True))


def node(kind, inputs, output, **attributes):
    return helper.make_node(kind, inputs.split(), [output], **attributes)


POOL = node("GlobalAveragePool", "a", "pooled")
TAILS = {
    "gemm": [POOL, node("Flatten", "pooled", "flat"), node("Gemm", "flat w b", "y", transB=1)],
    "matmul": [
        node("ReduceMean", "a axes", "pooled", keepdims=0),
        node("MatMul", "pooled wt", "product"),
        node("Add", "b product", "y"),
    ],
    "turned": [
        node("ReduceMean", "a axes", "pooled", keepdims=0),
        node("Transpose", "w", "turned", perm=[1, 0]),
        node("Gemm", "pooled turned b", "y"),
    ],
    "conv": [POOL, node("Conv", "pooled w4 b", "wide"), node("Reshape", "wide shape", "y")],
    "conv_first": [
        node("Conv", "a w4 b", "wide"),
        node("GlobalAveragePool", "wide", "narrow"),
        node("Flatten", "narrow", "y"),
    ],
    "softmax": [POOL, node("Flatten", "pooled", "f"), node("Gemm", "f w b", "z", transB=1), node("Softmax", "z", "y")],
}
FIRST = [POOL, node("Flatten", "pooled", "flat"), node("Gemm", "flat w1 b1", "z", transB=1)]
LAST = [node("Gemm", "s w2 b", "y", transB=1)]
# act → the ways in which exporters spell it
SPELLINGS = {
    "relu": {"relu": [node("Relu", "z", "s")], "max": [node("Max", "z n0", "s")]},
    "relu6": {
        "clip": [node("Clip", "z n0 n6", "s")],
        "min": [node("Relu", "z", "r"), node("Min", "r n6", "s")],
    },
    "hardswish": {
        "hardswish": [node("HardSwish", "z", "s")],
        "hardsigmoid": [node("HardSigmoid", "z", "h", alpha=1 / 6, beta=0.5), node("Mul", "z h", "s")],
        "clip": [
            node("Add", "z n3", "z3"),
            node("Clip", "z3 n0 n6", "k"),
            node("Mul", "z k", "m"),
            node("Div", "m n6", "s"),
        ],
    },
    "silu": {"sigmoid": [node("Sigmoid", "z", "h"), node("Mul", "h z", "s")]},
}
TWO = {
    f"{act}_{name}": (act, [*FIRST, *nodes, *LAST]) for act, ways in SPELLINGS.items() for name, nodes in ways.items()
}
TWO |= {
    "convolutions": (
        "hardswish",
        [
            POOL,
            node("Conv", "pooled w14 b1", "z"),
            node("HardSwish", "z", "s"),
            node("Conv", "s w24 b", "f"),
            node("Flatten", "f", "y"),
        ],
    ),
    "mixed": (
        "relu6",
        [POOL, node("Conv", "pooled w14 b1", "z"), node("Clip", "z n0 n6", "k"), node("Flatten", "k", "s"), *LAST],
    ),
    "matmul": (
        "hardswish",
        [
            POOL,
            node("Flatten", "pooled", "flat"),
            node("MatMul", "flat w1t", "p"),
            node("Add", "p b1", "z"),
            *SPELLINGS["hardswish"]["clip"],
            *LAST,
        ],
    ),
    "normalised": (
        "relu",
        [
            POOL,
            node("Conv", "pooled w14 b1", "u"),
            node("BatchNormalization", "u scale shift mean var", "z"),
            node("Relu", "z", "r"),
            node("Flatten", "r", "s"),
            *LAST,
        ],
    ),
}
OTHER = {
    "unknown_activation": [*FIRST, node("Tanh", "z", "s"), *LAST],
    "two_activations": [*FIRST, node("Relu", "z", "r"), node("HardSwish", "r", "s"), *LAST],
    "not_of_z_alone": [
        *FIRST,
        node("Gemm", "flat w1", "o", transB=1),
        node("Relu", "z", "r"),
        node("Mul", "r o", "s"),
        *LAST,
    ],
    "max_pool": [node("GlobalMaxPool", "a", "p"), node("Flatten", "p", "f"), node("Gemm", "f w b", "y", transB=1)],
    "squared": [
        POOL,
        node("Flatten", "pooled", "f"),
        node("Mul", "f f", "ff"),
        node("Gemm", "ff w b", "y", transB=1),
    ],
}


def write(path, tail, shape=("n", 3, "h", "w"), dtype=TensorProto.FLOAT, before=()):
    body = [node("Conv", "x kernel", "c", strides=[8, 8], pads=[1, 1, 1, 1]), node("Relu", "c", "a")]
    graph = helper.make_graph(
        [*before, *body, *tail],
        "net",
        [helper.make_tensor_value_info("image" if before else "x", dtype, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(value, name) for name, value in STORED.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), path)
    return ModelSpec(str(path), mean=(0.4, 0.5, 0.6), std=(0.2, 0.25, 0.3))


@pytest.fixture
def pictures():
    return np.random.default_rng(0).integers(0, 255, (3, 64, 96, 3), dtype=np.uint8)


def autograd(pictures, classes):
    """(logits, Grad-CAM) of GAP → W·x + b."""
    x = (torch.from_numpy(pictures).float() / 255 - torch.tensor([0.4, 0.5, 0.6])) / torch.tensor([0.2, 0.25, 0.3])
    a = torch.nn.functional.conv2d(x.permute(0, 3, 1, 2), torch.from_numpy(KERNEL), stride=8, padding=1).relu()
    a.requires_grad_(True)
    logits = a.mean((2, 3)) @ torch.from_numpy(W).T + torch.from_numpy(B)
    (gradient,) = torch.autograd.grad(logits[range(len(x)), classes].sum(), a)
    cam = torch.relu((gradient.mean((2, 3), keepdim=True) * a).sum(1))
    return logits.detach().numpy(), cam.detach().numpy(), a.detach().numpy()


@pytest.mark.parametrize("shape", [("n", 3, "h", "w"), (1, 3, 64, 96)], ids=["open", "fixed"])
@pytest.mark.parametrize("name", TAILS)
def test_gradcam_is_exact(tmp_path, pictures, name, shape):
    backend = open_backend("auto", write(tmp_path / "net.onnx", TAILS[name], shape), **PLACE)
    classes = [0, 3, 6]
    tap = backend.forward(pictures)
    logits, cam, _ = autograd(pictures, classes)
    assert (backend.substitute, backend.target_layer) == (None, "a")
    assert tap.logits == pytest.approx(logits, abs=1e-4)
    assert backend.plain(pictures) == pytest.approx(logits, abs=1e-4)
    ours = backend.numpy(get_method("gradcam").function(tap, classes))
    assert np.abs(ours - cam).max() < 1e-4 * cam.max()
    assert np.abs(tap.gradients(classes).mean((2, 3)) - tap.alpha(classes)).max() < 1e-6
    backend.close()


@pytest.mark.parametrize("name", TWO)
def test_gradcam_of_two_linear_layers_is_exact(tmp_path, pictures, name):
    act, tail = TWO[name]
    backend = open_backend("auto", write(tmp_path / "net.onnx", tail), **PLACE)
    classes = [0, 3, 6]
    _, _, a = autograd(pictures, classes)
    a = torch.from_numpy(a).requires_grad_(True)
    z = torch.nn.functional.linear(a.mean((2, 3)), torch.from_numpy(W1), torch.from_numpy(B1))
    if name == "normalised":
        scale, shift, mean, variance = map(torch.from_numpy, BATCH_NORM)
        z = torch.nn.functional.batch_norm(z, mean, variance, scale, shift)
    assert (z > 6).any(), "ReLU and ReLU6 would be one"
    logits = torch.nn.functional.linear(getattr(torch.nn.functional, act)(z), torch.from_numpy(W2), torch.from_numpy(B))
    (gradient,) = torch.autograd.grad(logits[range(3), classes].sum(), a)
    wanted = torch.relu((gradient.mean((2, 3), keepdim=True) * a).sum(1)).detach().numpy()
    tap = backend.forward(pictures)
    assert (backend.substitute, backend.target_layer) == (None, "a")
    assert tap.logits == pytest.approx(logits.detach().numpy(), rel=1e-4, abs=1e-3)
    assert wanted.max() > 0, "nothing was compared"
    ours = backend.numpy(get_method("gradcam").function(tap, classes))
    assert np.abs(ours - wanted).max() < 1e-4 * wanted.max()
    assert np.abs(tap.gradients(classes) - gradient.numpy()).max() < 1e-4 * gradient.abs().max()
    backend.close()


@pytest.mark.parametrize("exporter", ["dynamo", "torchscript"])
def test_mobilenet_v3_as_pytorch_exports_it(tmp_path, pictures, exporter):
    module = randomised(torchvision.models.mobilenet_v3_small(weights=None))
    file = tmp_path / "v3.onnx"
    x = torch.zeros(1, 3, 64, 96)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporters use what their dependencies have deprecated
        if exporter == "dynamo":
            torch.onnx.export(module, (x,), file, dynamo=True, opset_version=18, external_data=False, verbose=False)
        else:
            torch.onnx.export(module, (x,), file, dynamo=False, opset_version=13)
    backend = open_backend("auto", ModelSpec(str(file), mean=(0.4, 0.5, 0.6), std=(0.2, 0.25, 0.3)), **PLACE)
    assert backend.substitute is None
    labels = tuple(map(str, range(1000)))
    loaded = LoadedModel("v3", module, labels, (0.4, 0.5, 0.6), (0.2, 0.25, 0.3), None)
    reference, gradcam = TorchBackend(loaded, device="cpu", closed_form=False), get_method("gradcam").function
    wanted, tap = reference.forward(pictures), backend.forward(pictures)
    assert np.abs(tap.logits - wanted.logits).max() < 1e-4 * np.abs(wanted.logits).max()
    classes = wanted.logits.argmax(1).tolist()
    right = reference.numpy(gradcam(wanted, classes))
    assert right.max() > 0, "nothing was compared"
    assert np.abs(backend.numpy(gradcam(tap, classes)) - right).max() < 1e-4 * right.max()
    reference.close()
    backend.close()


@pytest.mark.parametrize("name", OTHER)
def test_another_tail_gets_eigencam_and_says_so(tmp_path, pictures, name, caplog):
    with caplog.at_level(logging.INFO, "livecam"):
        backend = open_backend("auto", write(tmp_path / "net.onnx", OTHER[name]), **PLACE)
    assert [record.message for record in caplog.records if "Eigen-CAM" in record.message]
    assert (backend.substitute, backend.target_layer) == ("eigencam", "a")
    maps = backend.numpy(get_method("eigencam").function(backend.forward(pictures), [1, 2, 3]))
    _, _, activations = autograd(pictures, [0, 0, 0])
    for ours, a in zip(maps, activations, strict=True):
        matrix = a.reshape(CHANNELS, -1).T.astype(np.float64)  # the paper's: positions × channels, projected on v₁
        wanted = (matrix @ np.linalg.svd(matrix)[2][0]).reshape(a.shape[1:])
        wanted = wanted * np.sign(wanted.sum())
        assert ours == pytest.approx(wanted.clip(min=0), abs=1e-4 * float(wanted.max()))


def test_an_explanation_says_that_it_is_eigencam(tmp_path, pictures):
    with Explainer(write(tmp_path / "net.onnx", OTHER["max_pool"]).name, input_size=64) as explainer:
        assert explainer.explain(pictures[0]).method == explainer.method == "eigencam"
        assert explainer.title.endswith("Eigen-CAM")


def test_methods_without_gradients_remain(tmp_path, pictures):
    name = write(tmp_path / "net.onnx", OTHER["max_pool"]).name
    with Explainer(name, input_size=64, method="scorecam", budget=4) as explainer:
        one = explainer.explain(pictures[0], 1)
        other = explainer.explain(pictures[0], 1, question=Question(against=2))
        assert (one.method, other.against.class_idx) == ("scorecam", 2)
        assert (one.cam != other.cam).any()
        assert set(explainer.methods) == {"eigencam", "kpcacam", "fem", "random", "scorecam", "sscam", "iscam"}
        # What gradcam would be here has no class.
        assert explainer.explain(pictures[0], question=Question(against=2, method="gradcam")).against is None
    for method in ("gradcampp", "ablationcam", "guidedbackprop", "cam", "smoothgradcampp"):
        with pytest.raises(ConfigError, match=f"--method {method} needs .* use another --method"):
            Explainer(name, method=method)


@pytest.mark.parametrize("kind", ["float", "uint8", "fixed"])
def test_the_input_is_given_out_as_the_network_takes_it(tmp_path, pictures, kind):
    before = [node("Transpose", "image", "nchw", perm=[0, 3, 1, 2]), node("Cast", "nchw", "x", to=TensorProto.FLOAT)]
    forms = {
        "float": {},
        "uint8": {"shape": ("n", "h", "w", 3), "dtype": TensorProto.UINT8, "before": before},
        "fixed": {"shape": (1, 3, 32, 32)},
    }
    backend = open_backend("auto", write(tmp_path / "net.onnx", TAILS["gemm"], **forms[kind]), **PLACE)
    tap = backend.forward(pictures)
    again = tap.rerun(tap.inputs())
    assert again.logits == pytest.approx(tap.logits, rel=1e-5, abs=1e-5)
    for row in range(3):
        scored = tap.score(row, [1, 4], tap.inputs())
        assert scored == pytest.approx(tap.logits[:, [1, 4]], rel=1e-5, abs=1e-5)


def test_uint8_channels_last_pictures(tmp_path, pictures):
    before = [
        node("Transpose", "image", "nchw", perm=[0, 3, 1, 2]),
        node("Cast", "nchw", "x", to=TensorProto.FLOAT),
    ]
    spec = write(tmp_path / "net.onnx", TAILS["gemm"], ("n", "h", "w", 3), TensorProto.UINT8, before)
    backend = open_backend("onnxruntime", spec, **PLACE)
    x = torch.from_numpy(pictures).float().permute(0, 3, 1, 2)
    a = torch.nn.functional.conv2d(x, torch.from_numpy(KERNEL), stride=8, padding=1).relu()
    wanted = a.mean((2, 3)).numpy() @ W.T + B
    assert backend.forward(pictures).logits == pytest.approx(wanted, rel=1e-4, abs=1e-2)


def test_a_picture_of_another_size_than_the_files(tmp_path, pictures):
    backend = open_backend("auto", write(tmp_path / "net.onnx", TAILS["gemm"], ("n", 3, 32, 32)), **PLACE)
    assert backend.forward(pictures).activations.shape == (3, CHANNELS, 4, 4)


def test_the_explainer_takes_a_file(tmp_path, pictures):
    (tmp_path / "names.txt").write_text("\n".join(f"thing {number}" for number in range(CLASSES)))
    spec = write(tmp_path / "net.onnx", TAILS["softmax"])
    colours = {"mean": spec.mean, "std": spec.std}
    with Explainer(spec.name, labels=tmp_path / "names.txt", input_size=64, detail="plain", **colours) as explainer:
        explanation = explainer.explain(pictures[0], 4)
        assert explainer.labels[4] == "thing 4"
    logits, cam, _ = autograd(pictures[:1], [4])
    assert explanation.cam * explanation.peak == pytest.approx(cam[0], abs=1e-4 * float(cam.max()))
    powers = np.exp(logits[0] - logits[0].max())
    assert explanation.target.score == pytest.approx(powers[4] / powers.sum(), abs=1e-5)


def test_files_that_are_no_classifiers(tmp_path):
    (tmp_path / "text.onnx").write_text("this is no network")
    (tmp_path / "empty.onnx").touch()
    for name in ("text.onnx", "empty.onnx", "absent.onnx"):
        with pytest.raises(WeightsError, match=name) as caught:
            open_backend("auto", ModelSpec(str(tmp_path / name)), **PLACE)
        assert caught.value.exit_code == 6
    with pytest.raises(WeightsError, match="not one batch of RGB pictures"):
        open_backend("auto", write(tmp_path / "deep.onnx", TAILS["gemm"], ("n", 5, "h", "w")), **PLACE)
    flat = [node("ReduceMean", "x axes", "m", keepdims=0), node("Gemm", "m v", "y")]
    graph = helper.make_graph(
        flat,
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ("n", 3, "h", "w"))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.array([1, 2, 3]), "axes"), numpy_helper.from_array(np.ones((1, 4), "f4"), "v")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), tmp_path / "f.onnx")
    with pytest.raises((WeightsError, TargetLayerError)):
        open_backend("auto", ModelSpec(str(tmp_path / "f.onnx")), **PLACE)


def test_flags_that_make_no_sense_with_a_file(tmp_path):
    spec = write(tmp_path / "net.onnx", TAILS["gemm"])
    weights = ModelSpec(spec.name, weights=tmp_path / "w.pth")
    (tmp_path / "two.txt").write_text("one\ntwo\n")
    for given, place, words in (
        (weights, {}, "its own weights"),
        (spec, {"layer": "a"}, "found from the head"),
        (spec, {"device": "cuda"}, "run on the CPU"),
        (spec, {"precision": "bfloat16"}, "its own"),
        (ModelSpec(spec.name, labels=tmp_path / "two.txt"), {}, "2 labels for 7 classes"),
    ):
        with pytest.raises(ConfigError, match=words):
            open_backend("auto", given, **PLACE | place)
    with pytest.raises(ConfigError, match="does not run"):
        open_backend("torch", spec, **PLACE)
