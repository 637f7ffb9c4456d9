"""The network, pictures and maps of which another library's measures are stored."""

import numpy as np
import torch

SEED, CLASSES = 3, [3, 4]
MEAN, STD = 0.5, 0.25


def network():
    """Weights from NumPy's generator, which is the same everywhere; the last ones large, so that maps matter."""
    features = torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 5, 2, 2), torch.nn.ReLU(), torch.nn.Conv2d(8, 24, 3, 2, 1), torch.nn.ReLU()
    )
    module = torch.nn.Sequential(
        features, torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(24, 6, bias=False)
    )
    random = np.random.default_rng(SEED)
    for parameter in module.parameters():
        fan = parameter[0].numel() if parameter.ndim > 1 else 25
        parameter.data = torch.from_numpy(random.normal(0, fan**-0.5, tuple(parameter.shape)).astype(np.float32))
    module[-1].weight.data *= 8
    return module.eval()


def pictures():
    """(2, 32, 48, 3) uint8 RGB."""
    coarse = np.random.default_rng(SEED + 1).integers(0, 256, (2, 8, 12, 3))
    return coarse.repeat(4, 1).repeat(4, 2).astype(np.uint8)


def inputs(pictures):
    """(N, H, W, 3) uint8 RGB as the network takes them."""
    return (torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255 - MEAN) / STD


def heats():
    """(2, 32, 48) float32 in [0, 1], 0 and 1 included, without equals."""
    y, x = np.mgrid[:32, :48] / 10
    waves = np.stack([np.sin(x + 0.13 * y) + np.cos(1.7 * y), -np.sin(0.9 * x * y + 0.3) - 0.2 * x])
    low, high = waves.min((1, 2), keepdims=True), waves.max((1, 2), keepdims=True)
    return ((waves - low) / (high - low)).astype(np.float32)
