"""The algebra of heads against autograd, on networks whose normalisation is not the identity."""

import pytest
import timm
import torch
import torchvision

from livecam.backends.head import find_head
from livecam.backends.target_layer import find_target_layer
from livecam.errors import TargetLayerError

LINEAR = {
    "mobilenet_v2": lambda: torchvision.models.mobilenet_v2(weights=None),
    "resnet18": lambda: torchvision.models.resnet18(weights=None),
    "timm/tf_efficientnet_lite0": lambda: timm.create_model("tf_efficientnet_lite0"),
    "timm/mobilenetv1_100": lambda: timm.create_model("mobilenetv1_100"),
}
HIDDEN = {
    "mobilenet_v3_small": lambda: torchvision.models.mobilenet_v3_small(weights=None),
    "mobilenet_v3_large": lambda: torchvision.models.mobilenet_v3_large(weights=None),
    "timm/mobilenetv3_small_050": lambda: timm.create_model("mobilenetv3_small_050"),
    "timm/mobilenetv4_conv_small": lambda: timm.create_model("mobilenetv4_conv_small"),
}


def randomised(module, seed=0):
    """Weights that say something: untrained batch norm is the identity, and untrained heads are nearly zero."""
    torch.manual_seed(seed)
    for part in module.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            part.running_mean.normal_(0, 0.05)
            part.running_var.uniform_(0.5, 1.5)
            part.weight.data.uniform_(0.8, 1.2)
            part.bias.data.normal_(0, 0.1)
        if isinstance(part, torch.nn.Linear):
            torch.nn.init.normal_(part.weight, 0, 0.2)
    return module.eval().requires_grad_(False)


@pytest.mark.parametrize("name", [*LINEAR, *HIDDEN])
def test_alpha_equals_autograd(name):
    module = randomised((LINEAR | HIDDEN)[name]())
    layer, target = find_target_layer(module, 1000)
    head = find_head(module, layer, 1000)
    assert (head.hidden is not None) == (name in HIDDEN)

    taken = {}

    def cut(_module, _inputs, output):
        taken["A"] = output.detach().requires_grad_(True)
        return taken["A"].clone()

    handles = [target.register_forward_hook(cut)]
    if head.hidden_layer:
        hidden = module.get_submodule(head.hidden_layer)
        handles.append(hidden.register_forward_hook(lambda _m, _i, out: taken.update(u=out.detach().clone())))
    logits = module(torch.rand(2, 3, 96, 128))
    for handle in handles:
        handle.remove()
    wanted = [5, 700]
    (gradient,) = torch.autograd.grad(logits[[0, 1], wanted].sum(), taken["A"])
    positions = gradient.shape[2] * gradient.shape[3]
    u = taken["u"].flatten(1).numpy() if head.hidden_layer else None
    alpha = head.alpha(wanted, u, positions)
    assert alpha == pytest.approx(gradient.mean((-2, -1)).numpy(), abs=1e-5 * float(gradient.abs().max()) + 1e-8)
    assert float(gradient.abs().max()) > 0


@pytest.mark.parametrize(
    ("build", "layer"),
    [
        (lambda: torchvision.models.densenet121(weights=None), None),  # a ReLU between features and pooling
        (lambda: torchvision.models.vgg11(weights=None), None),  # no pooling to one position
        (lambda: torchvision.models.squeezenet1_1(weights=None), None),  # a classifier before the pooling
        (lambda: torchvision.models.resnet18(weights=None), "layer3"),  # an earlier layer
    ],
)
def test_other_heads_are_refused_with_a_reason(build, layer):
    module = randomised(build())
    layer = layer or find_target_layer(module, 1000)[0]
    with pytest.raises(TargetLayerError, match=layer):
        find_head(module, layer, 1000)


def test_the_network_is_left_without_hooks():
    module = randomised(torchvision.models.resnet18(weights=None))
    find_head(module, "layer4", 1000)
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in module.modules())


def test_a_network_that_takes_one_size_only_is_refused_with_a_reason():
    module = torch.nn.Sequential(
        torch.nn.Conv2d(3, 16, 3, stride=32), torch.nn.Flatten(), torch.nn.Linear(16 * 49, 5)
    ).eval()
    with pytest.raises(TargetLayerError, match="160×192 are not taken"):
        find_head(module, "0", 5)
