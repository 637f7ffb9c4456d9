"""The network and the inputs of which another library's maps are stored."""

import numpy as np
import torch

SEED, CLASSES = 5, [2, 6]
LAYERS = ("features", "features.3")  # the last, and one with convolutions behind it


def small_network():
    """Weights from NumPy's generator, which is the same everywhere."""
    module = torch.nn.Sequential()
    module.features = torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 3, 4, 1),
        torch.nn.ReLU(),
        torch.nn.Conv2d(8, 16, 3, 2, 1),
        torch.nn.ReLU(),
        torch.nn.Conv2d(16, 40, 3, 2, 1),
        torch.nn.ReLU(),
    )
    module.head = torch.nn.Sequential(
        torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(40, 16), torch.nn.Hardswish()
    )
    module.classifier = torch.nn.Linear(16, 8)
    random = np.random.default_rng(SEED)
    for parameter in module.parameters():
        fan = parameter[0].numel() if parameter.ndim > 1 else 25
        parameter.data = torch.from_numpy(random.normal(0, fan**-0.5, tuple(parameter.shape)).astype(np.float32))
    return module.eval()


def pictures():
    """(2, 64, 96, 3) uint8 RGB."""
    coarse = np.random.default_rng(SEED + 1).integers(0, 255, (2, 8, 12, 3))
    return coarse.repeat(8, 1).repeat(8, 2).astype(np.uint8)


def inputs():
    """The pictures as the network takes them, mean = 0.5, std = 0.25."""
    return (torch.from_numpy(pictures()).permute(0, 3, 1, 2).float() / 255 - 0.5) / 0.25
