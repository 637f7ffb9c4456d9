"""The PyTorch backend and Grad-CAM against an independent implementation, and against the calculus."""

import gc

import numpy as np
import pytest
import timm
import torch
import torchvision
from torchcam.methods import GradCAM

from livecam.backends import open_backend
from livecam.backends.pytorch import TorchBackend
from livecam.backends.target_layer import find_target_layer
from livecam.errors import ConfigError, ModelError, TargetLayerError, UnknownName
from livecam.methods import get_method
from livecam.models import LoadedModel

NETWORKS = {
    "mobilenet_v2": lambda: torchvision.models.mobilenet_v2(weights=None),
    "mobilenet_v3_large": lambda: torchvision.models.mobilenet_v3_large(weights=None),
    "resnet18": lambda: torchvision.models.resnet18(weights=None),
    "efficientnet_lite0": lambda: timm.create_model("tf_efficientnet_lite0"),
}


def network(name):
    torch.manual_seed(0)
    module = NETWORKS[name]().eval()
    for part in module.modules():  # untrained batch norm is the identity; make it do something
        if isinstance(part, torch.nn.BatchNorm2d):
            part.running_mean.normal_(0, 0.05)
            part.running_var.uniform_(0.5, 1.5)
        if isinstance(part, torch.nn.Linear):  # nor does an untrained head say much
            torch.nn.init.normal_(part.weight, 0, 0.2)
    return module.requires_grad_(False)


def loaded(module, classes=1000):
    return LoadedModel("test", module, tuple(map(str, range(classes))), (0.5,) * 3, (0.25,) * 3, None)


@pytest.fixture
def pictures():
    return np.random.default_rng(0).integers(0, 255, (2, 96, 128, 3), dtype=np.uint8)


def normalised(pictures):
    return (torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255 - 0.5) / 0.25


@pytest.mark.parametrize("name", NETWORKS)
def test_gradcam_equals_torchcam(name, pictures):
    module = network(name)
    with open_backend_for(module) as backend:
        tap = backend.forward(pictures)
        wanted = tap.logits.argmax(1).tolist()
        ours = backend.numpy(get_method("gradcam").function(tap, wanted))
        layer = backend.target_layer
    x = normalised(pictures).requires_grad_(True)
    with GradCAM(module, target_layer=layer) as extractor:
        logits = module(x)
        (theirs,) = extractor(wanted, logits, normalized=True)
    assert tap.logits == pytest.approx(logits.detach().numpy(), abs=1e-4)
    for our, their in zip(ours, theirs.numpy(), strict=True):
        assert our.max() > our.min(), "nothing was compared"
        ranged = (our - our.min()) / (our.max() - our.min())  # torchcam's normalisation
        assert np.abs(ranged - their).max() < 1e-4


class open_backend_for:  # noqa: N801
    def __init__(self, module, **options):
        settings = {"layer": None, "device": "cpu", "precision": "auto"} | options
        self.backend = open_backend("torch", loaded(module), **settings)

    def __enter__(self):
        return self.backend

    def __exit__(self, *_):
        self.backend.close()


@pytest.mark.parametrize("name", ["mobilenet_v2", "resnet18", "efficientnet_lite0"])
def test_the_map_before_relu_sums_to_the_logit(name, pictures):
    """GAP → Linear: Σ map + bias = logit, so a cell has the unit of the logit."""
    module = network(name)
    with open_backend_for(module) as backend:
        tap = backend.forward(pictures)
        weights = tap.gradients([7, 9]).mean((-2, -1))
        signed = torch.einsum("bk,bkhw->bhw", weights, tap.activations)
    bias = [p for p in module.parameters() if p.ndim == 1][-1]
    for row, number in enumerate([7, 9]):
        assert float(signed[row].sum() + bias[number]) == pytest.approx(tap.logits[row, number], abs=1e-4)


def test_gradients_agree_with_finite_differences(pictures):
    """MobileNetV3's head is not linear: the gradient depends on the picture."""
    module = network("mobilenet_v3_large").double()
    with open_backend_for(module) as backend:
        backend.forward(pictures[:1])
        tap = backend.forward(pictures[:1])
        gradient = tap.gradients([11])[0].numpy()
        activations = tap.activations.clone()
    float_head = torch.nn.Sequential(module.avgpool, torch.nn.Flatten(), module.classifier).double()
    rng = np.random.default_rng(0)
    for _ in range(5):
        k, i, j = (int(rng.integers(side)) for side in activations.shape[1:])
        step = torch.zeros_like(activations, dtype=torch.float64)
        step[0, k, i, j] = 1e-3
        up, down = float_head(activations.double() + step), float_head(activations.double() - step)
        assert float(up[0, 11] - down[0, 11]) / 2e-3 == pytest.approx(gradient[k, i, j], abs=1e-6)


def test_a_picture_is_explained_alike_alone_and_in_a_batch(pictures):
    method = get_method("gradcam").function
    with open_backend_for(network("mobilenet_v2")) as backend:
        both = backend.numpy(method(backend.forward(pictures), [1, 2]))
        for row in range(2):
            alone = backend.numpy(method(backend.forward(pictures[row : row + 1]), [row + 1]))
            assert alone[0] == pytest.approx(both[row], abs=1e-5)


def test_several_classes_of_one_forward_pass(pictures):
    method = get_method("gradcam").function
    with open_backend_for(network("resnet18")) as backend:
        tap = backend.forward(pictures[:1])
        first, other, again = (backend.numpy(method(tap, [c])) for c in (1, 2, 1))
    assert (first == again).all()
    assert not np.allclose(first, other)


@pytest.mark.parametrize("layer", [None, "layer3"])
@pytest.mark.parametrize("name", ["mobilenet_v2", "mobilenet_v3_large", "resnet18"])
def test_the_closed_form_equals_autograd(name, layer, pictures):
    if layer and name != "resnet18":
        layer = "features.12"
    model, gradcam = loaded(network(name)), get_method("gradcam").function
    reference = TorchBackend(model, layer, device="cpu", closed_form=False)
    wanted = reference.forward(pictures)
    classes = wanted.logits.argmax(1).tolist()
    right, gradient = reference.numpy(gradcam(wanted, classes)), reference.numpy(wanted.gradients(classes))
    reference.close()
    with open_backend_for(model.module, layer=layer) as backend:
        assert (backend._head is None) == (layer is not None)
        tap = backend.forward(pictures)
        assert np.abs(tap.logits - wanted.logits).max() <= 1e-5 * np.abs(wanted.logits).max()
        assert right.max() > 0, "nothing was compared"
        assert np.abs(backend.numpy(gradcam(tap, classes)) - right).max() <= 1e-4 * right.max()
        assert np.abs(backend.numpy(tap.gradients(classes)) - gradient).max() <= 1e-4 * np.abs(gradient).max()
        assert backend.plain(pictures) == pytest.approx(tap.logits, abs=1e-5 * float(np.abs(tap.logits).max()))


def test_a_closed_form_runs_no_autograd(pictures):
    with open_backend_for(network("mobilenet_v3_large")) as backend:
        tap = backend.forward(pictures)
        assert not tap.activations.requires_grad
        assert not tap.gradients([1, 2]).requires_grad
        assert not any(part._forward_hooks for part in backend._module.modules())


def test_a_failing_network_with_a_closed_form_is_a_model_error(pictures, monkeypatch):
    with open_backend_for(network("resnet18")) as backend:

        def full(*_):
            raise torch.OutOfMemoryError("out of memory")

        monkeypatch.setattr(backend._module, "forward", full)
        for run in (backend.forward, backend.plain):
            with pytest.raises(ModelError, match="smaller --input-size"):
                run(pictures)


@pytest.mark.parametrize("layer", [None, "features.13"])
def test_the_network_is_given_back_as_it_was(layer, pictures):
    module = network("mobilenet_v2")
    backend = open_backend("torch", loaded(module), layer=layer, device="cpu", precision="auto")
    backend.forward(pictures)
    assert sum(len(part._forward_hooks) for part in module.modules()) == 0
    backend.close()
    backend.close()
    assert sum(len(part._forward_hooks) for part in module.modules()) == 0
    assert all(parameter.grad is None for parameter in module.parameters())


@pytest.mark.parametrize("layer", [None, "features.17"])
def test_nothing_grows_over_a_stream(layer):
    pictures = np.zeros((1, 32, 32, 3), np.uint8)
    method = get_method("gradcam").function
    with open_backend_for(network("mobilenet_v2"), layer=layer) as backend:

        def tensors():
            method(backend.forward(pictures), [1])
            gc.collect()
            return sum(issubclass(type(thing), torch.Tensor) for thing in gc.get_objects())

        before = tensors()
        for _ in range(60):
            method(backend.forward(pictures), [1])
        assert tensors() == before
        assert sum(len(part._forward_hooks) for part in backend._module.modules()) == 0


def test_only_the_head_builds_a_graph(pictures):
    backend = TorchBackend(loaded(network("resnet18")), device="cpu", closed_form=False)
    tap = backend.forward(pictures)
    backend.close()
    node, names = tap.gradients.__closure__, []
    logits = next(
        cell.cell_contents
        for cell in node
        if isinstance(cell.cell_contents, torch.Tensor)
        and cell.cell_contents.requires_grad
        and cell.cell_contents.grad_fn is not None
    )
    queue = [logits.grad_fn]
    while queue:
        step = queue.pop()
        names.append(type(step).__name__)
        queue += [after for after, _ in step.next_functions if after is not None]
    assert not any("Convolution" in name for name in names)
    assert len(names) < 12


@pytest.mark.parametrize(
    ("build", "layer"),
    [
        (lambda: torchvision.models.mobilenet_v2(weights=None), "features"),
        (lambda: torchvision.models.mobilenet_v3_small(weights=None), "features"),
        (lambda: torchvision.models.mobilenet_v3_large(weights=None), "features"),
        (lambda: torchvision.models.resnet18(weights=None), "layer4"),
        (lambda: torchvision.models.squeezenet1_1(weights=None), "classifier.0"),
        (lambda: timm.create_model("tf_efficientnet_lite0"), "bn2"),
        (lambda: timm.create_model("mobilenetv4_conv_small"), "blocks"),
        (lambda: timm.create_model("mobilenetv1_100"), "bn2"),
        (lambda: timm.create_model("vit_tiny_patch16_224"), "blocks.11.norm1"),
        (lambda: timm.create_model("deit_tiny_distilled_patch16_224"), "blocks.11.norm1"),
        (lambda: torchvision.models.vit_b_32(weights=None), "encoder.layers.encoder_layer_11.ln_1"),
        (lambda: timm.create_model("swin_tiny_patch4_window7_224"), "norm"),
        (lambda: torchvision.models.swin_t(weights=None), "permute"),
    ],
)
def test_the_target_layer_is_found(build, layer):
    assert find_target_layer(build().eval(), 1000)[0] == layer


def test_the_target_layer_is_taken_after_its_activation():
    """Before ReLU6 the values are not in [0, 6]."""
    module = network("mobilenet_v2")
    with open_backend_for(module) as backend:
        activations = backend.forward(np.full((1, 64, 64, 3), 90, np.uint8)).activations
    assert float(activations.min()) >= 0
    assert float(activations.max()) <= 6


def test_what_has_no_positions_is_refused_clearly():
    module = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 224 * 224, 10), torch.nn.ReLU())
    with pytest.raises(TargetLayerError, match="neither a convolutional network nor a transformer"):
        find_target_layer(module.eval(), 10)


def test_a_layer_by_name(pictures):
    with open_backend_for(network("mobilenet_v2"), layer="features.13") as backend:
        assert backend.target_layer == "features.13"
        assert backend.forward(pictures).activations.shape[1] == 96


def test_layers_that_cannot_be_explained():
    module = network("mobilenet_v2")
    with pytest.raises(TargetLayerError, match=r"did you mean 'features\.18"):
        find_target_layer(module, 1000, "features.188")
    with pytest.raises(TargetLayerError, match="has no positions"):
        find_target_layer(module, 1000, "classifier")


def test_devices_backends_and_precisions_that_do_not_exist():
    model = loaded(network("resnet18"))
    for options, error in (
        ({"device": "cuda:99"}, ModelError),
        ({"device": "toaster"}, ConfigError),
        ({"precision": "int3"}, ConfigError),
    ):
        with pytest.raises(error):
            open_backend("auto", model, **({"layer": None, "device": "cpu", "precision": "auto"} | options))
    with pytest.raises(UnknownName, match="torch"):
        open_backend("tensorflow", model, layer=None, device="cpu", precision="auto")


def test_bfloat16_is_close(pictures):
    method = get_method("gradcam").function
    with open_backend_for(network("resnet18"), precision="bfloat16") as backend:
        low = backend.numpy(method(backend.forward(pictures), [1, 1]))
    with open_backend_for(network("resnet18")) as backend:
        full = backend.numpy(method(backend.forward(pictures), [1, 1]))
    assert low == pytest.approx(full, abs=0.05 * float(full.max()))


def test_a_failing_network_is_a_model_error():
    class Broken(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.body = torch.nn.Conv2d(3, 8, 3, stride=32)
            self.head = torch.nn.Linear(8 * 49, 5)

        def forward(self, x):
            return self.head(self.body(x).flatten(1))

    with (
        open_backend_for(Broken().eval(), layer="body") as backend,
        pytest.raises(ModelError, match="failed on an input"),
    ):
        backend.forward(np.zeros((1, 64, 64, 3), np.uint8))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v3_large"])
def test_cuda_agrees_with_the_cpu(name, pictures):
    method = get_method("gradcam").function
    clip = [np.roll(pictures, shift, 2) for shift in (0, 9, 30, 50)]
    with open_backend_for(network(name), device="cuda") as backend:
        assert backend.precision == "float16"
        fast = [backend.numpy(method(backend.forward(part), [1, 1])) for part in clip]
        assert len(backend._passes["tapped"]._graphs) == 1
    with open_backend_for(network(name)) as backend:
        full = [backend.numpy(method(backend.forward(part), [1, 1])) for part in clip]
    for ours, theirs in zip(fast, full, strict=True):
        assert ours == pytest.approx(theirs, abs=0.05 * float(theirs.max()))
