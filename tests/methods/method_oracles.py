"""What the methods are tested against: their papers' formulas in float64, from autograd and plain loops."""

from copy import deepcopy

import numpy as np
import timm
import torch
import torchvision
from torch.nn.functional import interpolate

from livecam.models import LoadedModel, load_model

NETWORKS = {
    "mobilenet_v2": lambda: torchvision.models.mobilenet_v2(weights=None),
    "mobilenet_v3_large": lambda: torchvision.models.mobilenet_v3_large(weights=None),
    "resnet18": lambda: torchvision.models.resnet18(weights=None),
    "efficientnet_lite0": lambda: timm.create_model("tf_efficientnet_lite0"),
}


def network(name, seed=0):
    """A network whose weights say something: random ones, and for efficientnet_lite0 its own."""
    if name == "efficientnet_lite0":
        return load_model(name)
    torch.manual_seed(seed)
    module = NETWORKS[name]()
    for part in module.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            part.momentum = 1.0  # normalised to what it sees: else nothing of the picture arrives at the end
            part.bias.data.normal_(0, 0.1)
        if isinstance(part, torch.nn.Conv2d) and part.bias is not None:
            part.bias.data.normal_(0, 0.1)
        if isinstance(part, torch.nn.Linear):
            torch.nn.init.normal_(part.weight, 0, 0.1)
    with torch.no_grad():
        module.train()(torch.randn(8, 3, 96, 96))
    return loaded(module.eval().requires_grad_(False))


def loaded(module, classes=1000):
    return LoadedModel("test", module, tuple(map(str, range(classes))), (0.5,) * 3, (0.25,) * 3, None)


def pictures(size=(64, 96)):
    """Two pictures with structure: noise of several scales."""
    random = np.random.default_rng(0)
    parts = [random.uniform(-1, 1, (2, size[0] // n, size[1] // n, 3)).repeat(n, 1).repeat(n, 2) for n in (32, 8, 1)]
    return (127 + 60 * parts[0] + 40 * parts[1] + 20 * parts[2]).clip(0, 255).astype(np.uint8)


class Oracle:
    """A network in float64 that gives what methods are made of. x: (B, 3, H, W)."""

    def __init__(self, model, layer, images):
        mean, std = (torch.tensor(values, dtype=torch.float64).view(1, 3, 1, 1) for values in (model.mean, model.std))
        self.module = deepcopy(model.module).double()
        for part in self.module.modules():
            part._forward_hooks.clear()  # a backend's cut
            if hasattr(part, "inplace"):
                part.inplace = False
        self.layer = layer
        self.x = (torch.from_numpy(images).permute(0, 3, 1, 2).double() / 255 - mean) / std
        with torch.no_grad():
            self.logits = self.module(self.x).numpy()
        self.A, self.g_of = self.at(layer)

    def at(self, layer, x=None):
        """A (B, K, h, w), and class indices → ∂y/∂A."""
        held = []
        part = self.module.get_submodule(layer)
        handle = part.register_forward_hook(
            lambda _m, _i, output: held.append(output.detach().requires_grad_(True)) or held[-1]
        )
        with torch.enable_grad():
            logits = self.module(self.x if x is None else x)
        handle.remove()

        def gradient(classes):
            total = logits[torch.arange(len(classes)), classes].sum()
            return torch.autograd.grad(total, held[-1], retain_graph=True)[0].numpy()

        return held[-1].detach().numpy(), gradient

    def changed(self, row, number, activations, batch=128):
        """(N,) logits with (N, K, h, w) in place of A."""
        found = []
        for start in range(0, len(activations), batch):
            part = torch.from_numpy(activations[start : start + batch])
            handle = self.module.get_submodule(self.layer).register_forward_hook(lambda _m, _i, _o, part=part: part)
            with torch.no_grad():
                found += self.module(self.x[row : row + 1])[:, number].tolist()
            handle.remove()
        return np.array(found)

    def score(self, row, number, masks):
        with torch.no_grad():
            return self.module(self.x[row] * torch.from_numpy(masks)[:, None])[:, number].numpy()

    def curvature(self, classes):
        """∂²y/∂A² · A by central differences of the gradient."""
        step = 1e-5
        found = []
        for row, number in enumerate(classes):
            sides = []
            for sign in (1, -1):
                leaf = torch.from_numpy(self.A[row : row + 1] * (1 + sign * step)).requires_grad_(True)
                handle = self.module.get_submodule(self.layer).register_forward_hook(lambda _m, _i, _o, leaf=leaf: leaf)
                with torch.enable_grad():
                    total = self.module(self.x[row : row + 1])[0, number]
                handle.remove()
                sides.append(torch.autograd.grad(total, leaf)[0].numpy()[0])
            found.append((sides[0] - sides[1]) / (2 * step))
        return np.stack(found)


def weighted(weights, A):  # noqa: N803
    return np.maximum(np.einsum("bk,bkhw->bhw", weights, A), 0)


def gradcam(o, classes):
    return weighted(o.g_of(classes).mean((2, 3)), o.A)


def cam(o, classes):
    linear = [part for part in o.module.modules() if isinstance(part, torch.nn.Linear)][-1]
    return weighted(linear.weight.detach().numpy()[classes], o.A)


def hirescam(o, classes):
    return np.maximum((o.g_of(classes) * o.A).sum(1), 0)


def elementwise(o, classes):
    return np.maximum(o.g_of(classes) * o.A, 0).sum(1)


def layercam(o, classes):
    return np.maximum((np.maximum(o.g_of(classes), 0) * o.A).sum(1), 0)


def xgradcam(o, classes):
    g, weights = o.g_of(classes), np.zeros(o.A.shape[:2])
    for b, k in np.ndindex(weights.shape):
        total = o.A[b, k].sum()
        weights[b, k] = 0 if total == 0 else (g[b, k] * o.A[b, k] / total).sum()
    return weighted(weights, o.A)


def plusplus(g, A):  # noqa: N803
    weights = np.zeros(A.shape[:2])
    for b, k in np.ndindex(weights.shape):
        total = A[b, k].sum()
        for i, j in zip(*np.nonzero(g[b, k] > 0), strict=True):
            one = g[b, k, i, j]
            weights[b, k] += one**2 / (2 * one**2 + total * one**3) * one
    return weighted(weights, A)


def gradcampp(o, classes):
    return plusplus(o.g_of(classes), o.A)


def smoothgradcampp(o, classes, budget):
    random, powers = np.random.default_rng(0), np.zeros((3, *o.A.shape))
    for _ in range(budget):
        noise = np.float32(0.3) * random.standard_normal(tuple(o.x.shape[1:]), np.float32)
        g = o.at(o.layer, o.x + torch.from_numpy(noise).double())[1](classes)
        powers += np.stack([g, g**2, g**3]) / budget
    first, second, third = powers
    divisor = 2 * second + o.A.sum((2, 3), keepdims=True) * third
    alpha = np.divide(second, divisor, out=np.zeros_like(second), where=second > 0)
    return weighted((alpha * np.maximum(first, 0)).sum((2, 3)), o.A)


def shapleycam(o, classes):
    return weighted((o.g_of(classes) - o.curvature(classes) / 2).mean((2, 3)), o.A)


def finercam(o, classes):
    weights = o.g_of(classes).mean((2, 3))
    for b, number in enumerate(classes):
        order = sorted(
            range(len(o.logits[b])), key=lambda d, b=b, number=number: abs(o.logits[b, d] - o.logits[b, number])
        )
        for d in [d for d in order if d != number][:3]:
            weights[b] -= 0.6 / 3 * o.g_of([d] * len(classes)).mean((2, 3))[b]
    return weighted(weights, o.A)


def principal(matrices):
    maps = []
    for matrix in matrices:
        flat = matrix.reshape(len(matrix), -1).T
        one = (flat @ np.linalg.svd(flat, full_matrices=False)[2][0]).reshape(matrix.shape[1:])
        maps.append(one * (1 if (one * matrix.sum(0)).sum() >= 0 else -1))
    return np.maximum(maps, 0)


def eigencam(o, classes):
    return principal(o.A)


def eigengradcam(o, classes):
    return principal(o.g_of(classes) * o.A)


def kpcacam(o, classes):
    maps = []
    for a in o.A:
        flat = a.reshape(len(a), -1).T
        flat = flat - flat.mean(0)
        kernel = np.tanh(flat @ flat.T / len(a) + 1)
        centre = np.eye(len(flat)) - 1 / len(flat)
        values, vectors = np.linalg.eigh(centre @ kernel @ centre)
        one = vectors[:, -1] * np.sqrt(values[-1])
        maps.append((one * (1 if one @ flat.sum(1) >= 0 else -1)).reshape(a.shape[1:]))
    return np.maximum(maps, 0)


def fem(o, classes):
    maps = np.zeros((len(o.A), *o.A.shape[2:]))
    for b, k in np.ndindex(o.A.shape[:2]):
        a = o.A[b, k]
        if a.std() > 0:
            maps[b] += a.mean() * (a >= a.mean() + 2 * a.std())
    return np.maximum(maps, 0)


def ablationcam(o, classes):
    weights = np.zeros(o.A.shape[:2])
    for b, number in enumerate(classes):
        without = np.repeat(o.A[b][None], o.A.shape[1], 0)
        without[range(len(without)), range(len(without))] = 0
        weights[b] = (o.logits[b, number] - o.changed(b, number, without)) / abs(o.logits[b, number])
    return weighted(weights, o.A)


def reciprocam(o, classes):
    maps = np.zeros((len(o.A), *o.A.shape[2:]))
    for b, number in enumerate(classes):
        alone = np.zeros((maps[b].size, *o.A.shape[1:]))
        for n, (i, j) in enumerate(np.ndindex(maps[b].shape)):
            alone[n, :, i, j] = o.A[b, :, i, j]
        maps[b] = o.changed(b, number, alone).reshape(maps[b].shape)
    return maps - maps.min((1, 2), keepdims=True)


def tried(o, classes, channels, tries):
    weights = np.zeros(o.A.shape[:2])
    for b, number in enumerate(classes):
        spans = o.A[b].max((1, 2)) - o.A[b].min((1, 2))
        chosen = sorted(range(len(spans)), key=lambda k, spans=spans: -spans[k])[:channels]
        means = []
        for k in sorted(chosen):
            up = interpolate(torch.from_numpy(o.A[b, k])[None, None], tuple(o.x.shape[2:]), mode="bilinear")[0, 0]
            mask = ((up - up.min()) / (up.max() - up.min())).numpy()
            means.append(o.score(b, number, np.stack(tries(mask))).mean())
        weights[b, sorted(chosen)] = torch.softmax(torch.tensor(means), 0).numpy()
    return weighted(weights, o.A)


def scorecam(o, classes, budget):
    return tried(o, classes, budget, lambda mask: [mask])


def sscam(o, classes, budget):
    random = np.random.default_rng(0)
    return tried(
        o,
        classes,
        budget // 10,
        lambda mask: [mask + 2 * random.standard_normal(mask.shape, np.float32) for _ in range(10)],
    )


def iscam(o, classes, budget):
    return tried(o, classes, budget // 10, lambda mask: [mask * i / 10 for i in range(1, 11)])


class GuidedModule(torch.nn.Module):
    """An activation function whose backward pass lets through only positive gradients."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        y = self.function(x)
        if y.requires_grad:
            y.register_hook(lambda gradient: gradient * (gradient > 0))
        return y


def replaced(module):
    for name, part in module.named_children():
        if isinstance(part, torch.nn.ReLU | torch.nn.ReLU6 | torch.nn.Hardswish):
            setattr(module, name, GuidedModule(deepcopy(part)))
        else:
            replaced(part)
    return module


def input_gradient(o, classes, module):
    x = o.x.clone().requires_grad_(True)
    return torch.autograd.grad(module(x)[torch.arange(len(classes)), classes].sum(), x)[0].numpy()


def guidedbackprop(o, classes):
    return np.abs(input_gradient(o, classes, replaced(deepcopy(o.module)))).max(1)


def guidedgradcam(o, classes):
    hot = torch.from_numpy(gradcam(o, classes))[:, None]
    return guidedbackprop(o, classes) * interpolate(hot, tuple(o.x.shape[2:]), mode="bilinear")[:, 0].numpy()
