"""In training: what the network looks at, and how its layers do, epoch by epoch; the training does not notice.

>>> import tempfile, torch
>>> import numpy as np
>>> from pathlib import Path
>>> from livecam.training import ExplainCallback, Probes
>>> conv, relu, pool = torch.nn.Conv2d(3, 40, 3, 2), torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(1)
>>> network = torch.nn.Sequential(conv, relu, pool, torch.nn.Flatten(), torch.nn.Linear(40, 2))
>>> optimiser = torch.optim.SGD(network.parameters(), 0.1)
>>> pictures = np.random.default_rng(0).integers(0, 256, (4, 48, 48, 3), np.uint8)  # yours: a few for validation
>>> x, y = torch.from_numpy(pictures).permute(0, 3, 1, 2) / 255, torch.tensor([0, 1, 0, 1])
>>> folder = tempfile.TemporaryDirectory()
>>> colours = {"mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0), "input_size": 48, "layer": "1"}
>>> with ExplainCallback(
...     pictures[:2], [0, 1], labels=["cat", "cup"], log=folder.name, probes=Probes(network), **colours
... ) as explain:
...     for epoch in range(2):
...         optimiser.zero_grad()
...         torch.nn.functional.cross_entropy(network(x), y).backward()
...         optimiser.step()
...         findings = explain(network, epoch)
>>> sorted(path.name for path in Path(folder.name).rglob("*.*"))
['00.png', '00.png', '01.png', '01.png', 'epoch_0000.json', 'epoch_0001.json']
>>> findings.pictures[0].true.label, findings.layers[0].name, findings.layers[0].channels
('cat', '1', 40)
>>> folder.cleanup()

``log`` is a folder, a ``SummaryWriter`` of yours, or ``TensorBoardLog("runs/one")``. For PyTorch Lightning, mix the
callback into Lightning's own: ``class Explain(ExplainCallback, lightning.pytorch.Callback): pass``, then
``Trainer(callbacks=[Explain(...)])``.
"""

from livecam.training.callback import ExplainCallback
from livecam.training.findings import Explained, Findings, LayerStatistics
from livecam.training.histogram import Histogram
from livecam.training.logs import FolderLog, Log, TensorBoardLog
from livecam.training.probes import Probes

__all__ = [
    "ExplainCallback",
    "Explained",
    "Findings",
    "FolderLog",
    "Histogram",
    "LayerStatistics",
    "Log",
    "Probes",
    "TensorBoardLog",
]
