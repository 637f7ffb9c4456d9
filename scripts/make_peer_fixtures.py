"""Maps of pytorch-grad-cam 1.5.7 for tests/methods/test_peers.py, computed once, in its own environment:

PYTHONPATH=tests/methods:. "$(scripts/peers)" scripts/make_peer_fixtures.py
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from peer_network import CLASSES, LAYERS, inputs, small_network
from pytorch_grad_cam import (
    KPCA_CAM,
    AblationCAM,
    GradCAM,
    GradCAMElementWise,
    HiResCAM,
    LayerCAM,
    ScoreCAM,
    ShapleyCAM,
    XGradCAM,
)
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

OUTPUT = Path("tests/methods/data/pytorch_grad_cam.npz")
METHODS = {
    "gradcam": GradCAM,
    "hirescam": HiResCAM,
    "elementwise": GradCAMElementWise,
    "xgradcam": XGradCAM,
    "layercam": LayerCAM,
    "ablationcam": AblationCAM,
    "scorecam": ScoreCAM,
    "shapleycam": ShapleyCAM,
    "kpcacam": KPCA_CAM,
}


def main() -> None:
    targets = [ClassifierOutputTarget(number) for number in CLASSES]
    found = {}
    for layer in LAYERS:
        for name, method in METHODS.items():
            found[f"{layer} {name}"] = raw(method, layer, targets)
    OUTPUT.parent.mkdir(exist_ok=True)
    np.savez_compressed(OUTPUT, **{name: np.asarray(value, np.float32) for name, value in found.items()})


def raw(method: type, layer: str, targets: list[ClassifierOutputTarget]) -> np.ndarray:
    """The map at feature size, before it is ranged and upsampled."""
    module = small_network()
    taken: list[np.ndarray] = []
    with method(module, [module.get_submodule(layer)]) as cam:
        make = cam.get_cam_image
        cam.get_cam_image = lambda *given: taken.append(make(*given)) or taken[-1]
        cam(inputs(), targets)
    return np.asarray(taken[0].detach() if isinstance(taken[0], torch.Tensor) else taken[0])


if __name__ == "__main__":
    main()
