"""A small real data set, a small network with all that a training could disturb, and a training of it."""

import random

import cv2
import numpy as np
import pytest
import torch

from livecam.cli.demo import sample
from livecam.sources import open_source

LABELS = ("cat", "photographer", "espresso")
SIZE = 48
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@pytest.fixture(scope="session")
def crops():
    """Crops of the sample clip's three photographs: (24, 64, 64, 3) uint8 RGB, and their classes (24,)."""
    pictures, targets = [], []
    with open_source(str(sample())) as source:
        for frame in iter(source.read, None):
            if frame.index % 100 == 50:
                small = cv2.resize(frame.image, (160, 90), interpolation=cv2.INTER_AREA)
                pictures += [small[y : y + 64, x : x + 64] for y in (0, 26) for x in (20, 45, 60, 75)]
                targets += [frame.index // 100] * 8
    return np.stack(pictures), np.array(targets)


class Network(torch.nn.Module):
    """Batch normalisation, dropout, activations in place, a frozen layer."""

    def __init__(self):
        super().__init__()
        blocks = []
        for width, out in ((3, 16), (16, 32), (32, 48)):
            conv = torch.nn.Conv2d(width, out, 3, 2, 1)
            blocks += [conv, torch.nn.BatchNorm2d(out), torch.nn.ReLU6(inplace=True)]
        self.features = torch.nn.Sequential(*blocks)
        self.dropout = torch.nn.Dropout(0.3)
        self.head = torch.nn.Linear(48, len(LABELS))
        self.features[0].requires_grad_(False)

    def forward(self, x):
        return self.head(self.dropout(self.features(x).mean((2, 3))))


class Training:
    """Random crops, flips, noise: numbers of Python, NumPy and PyTorch are all used."""

    def __init__(self, pictures, targets):
        torch.manual_seed(0)
        np.random.seed(0)
        random.seed(0)
        self.network = Network()
        trained = [parameter for parameter in self.network.parameters() if parameter.requires_grad]
        self.optimiser = torch.optim.Adam(trained, 0.01)
        self.x = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255
        self.x = (self.x - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)
        self.y = torch.from_numpy(targets)
        self.losses = []

    def epoch(self):
        self.network.train()
        for batch in torch.randperm(len(self.x)).split(8):
            top, left = random.randrange(16), np.random.randint(16)
            x = self.x[batch, :, top : top + SIZE, left : left + SIZE]
            self.optimiser.zero_grad()
            loss = torch.nn.functional.cross_entropy(self.network(x + 0.05 * torch.randn_like(x)), self.y[batch])
            loss.backward()
            self.optimiser.step()
            self.losses.append(loss.item())


@pytest.fixture
def training(crops):
    return lambda: Training(*crops)


@pytest.fixture(scope="session")
def chosen(crops):
    """Pictures and arguments of a callback for that training."""
    pictures, targets = crops
    given = {"labels": LABELS, "mean": MEAN, "std": STD, "input_size": SIZE}
    return (pictures[[0, 9, 18]], targets[[0, 9, 18]]), given
