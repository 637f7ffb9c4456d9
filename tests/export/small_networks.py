"""Small networks whose explanation is not trivial."""

import numpy as np
import torch
from torch import nn

from livecam.models import LoadedModel

CLASSES = 12


class Small(nn.Module):
    """Convolutions → GAP → ``head``; 16 channels in the target layer, which may also be negative."""

    def __init__(self, head):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 8, 3, stride=4, padding=1),
            nn.BatchNorm2d(8),
            nn.ReLU(inplace=True),
            nn.Conv2d(8, 16, 3, stride=4, padding=1),
            nn.ReLU6(inplace=True),
            nn.Conv2d(16, 16, 1),
            nn.SiLU(),
        )
        self.head = head

    def forward(self, x):
        return self.head(self.features(x).mean((2, 3)))


def linear():
    return Small(nn.Linear(16, CLASSES))


def mlp(activation=nn.Hardswish, width=24):
    return Small(nn.Sequential(nn.Linear(16, width), activation(), nn.Linear(width, CLASSES)))


def deep():
    """With convolutions behind the first two."""
    module = linear()
    more = [part for _ in range(2) for part in (nn.Conv2d(16, 16, 3, padding=1), nn.ReLU())]
    module.features = nn.Sequential(*module.features, *more)
    return module


def attention():
    """A head that is not an algebra of the mean."""

    class Head(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(16, CLASSES)

        def forward(self, x):
            return self.linear(x * x.softmax(1))

    return Small(Head())


def model(module, classes=CLASSES):
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.normal_(0, 0.5)
    labels = tuple(f"thing {number}" for number in range(classes))
    return LoadedModel("small", module.eval().requires_grad_(False), labels, (0.4, 0.5, 0.6), (0.2, 0.25, 0.3), None)


def pictures(count=5, size=(64, 96)):
    return np.random.default_rng(0).integers(0, 255, (count, *size, 3), dtype=np.uint8)


def normalised(images, loaded):
    mean, std = torch.tensor(loaded.mean), torch.tensor(loaded.std)
    return ((torch.from_numpy(images).float() / 255 - mean) / std).permute(0, 3, 1, 2).contiguous()


def oracle(loaded, layer, x, classes):
    """(scores, Grad-CAM of ``classes`` (B, k)) by autograd, straight from the paper."""
    kept = []
    handle = loaded.module.get_submodule(layer).register_forward_hook(lambda *a: kept.append(a[2].requires_grad_(True)))
    x = x.clone().requires_grad_(True)
    logits = loaded.module(x)
    handle.remove()
    (activations,) = kept
    maps = []
    for column in torch.as_tensor(np.asarray(classes)).T:
        (gradient,) = torch.autograd.grad(logits[range(len(x)), column].sum(), activations, retain_graph=True)
        maps.append(torch.relu((gradient.mean((2, 3), keepdim=True) * activations).sum(1)))
    return logits.softmax(1).detach().numpy(), torch.stack(maps, 1).detach().numpy()
