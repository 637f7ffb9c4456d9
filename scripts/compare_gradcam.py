"""livecam's Grad-CAM against pytorch-grad-cam's, on the same tensors; called by scripts/compare_gradcam.

Prints, for each network, the largest difference of the two maps after the other's normalisation (minimum to 0, maximum
to 1), at feature size. Exits with 1 when one is above 1e-4.
"""

from __future__ import annotations

import sys

import numpy as np
import timm
import torch
import torchvision
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

from livecam.backends import open_backend
from livecam.methods import get_method
from livecam.models import LoadedModel

NETWORKS = {
    "mobilenet_v2": lambda: torchvision.models.mobilenet_v2(weights=None),
    "mobilenet_v3_large": lambda: torchvision.models.mobilenet_v3_large(weights=None),
    "resnet18": lambda: torchvision.models.resnet18(weights=None),
    "efficientnet_lite0": lambda: timm.create_model("tf_efficientnet_lite0"),
}
TOLERANCE = 1e-4


def main() -> int:
    worst = 0.0
    pictures = np.random.default_rng(0).integers(0, 255, (4, 224, 224, 3), dtype=np.uint8)
    for name, build in NETWORKS.items():
        torch.manual_seed(0)
        module = build().eval()
        torch.nn.init.normal_([m for m in module.modules() if isinstance(m, torch.nn.Linear)][-1].weight, 0, 0.2)
        difference = compare(module, pictures)
        worst = max(worst, difference)
        sys.stdout.write(f"{name:20} largest difference {difference:.1e}\n")
    return int(worst > TOLERANCE)


def compare(module: torch.nn.Module, pictures: np.ndarray) -> float:
    card = LoadedModel("random", module, tuple(map(str, range(1000))), (0.5,) * 3, (0.25,) * 3, None)
    backend = open_backend("torch", card, layer=None, device="cpu", precision="float32")
    tap = backend.forward(pictures)
    classes = tap.logits.argmax(1).tolist()
    ours = backend.numpy(get_method("gradcam").function(tap, classes))
    backend.close()

    module.requires_grad_(True)
    x = (torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255 - 0.5) / 0.25
    with GradCAM(module, [module.get_submodule(backend.target_layer)]) as cam:
        cam(x, [ClassifierOutputTarget(number) for number in classes])
        # Their result is upsampled; their map at feature size is made from the same tensors by their own method.
        theirs = cam.get_cam_image(
            x,
            cam.target_layers[0],
            None,
            cam.activations_and_grads.activations[0].numpy(),
            cam.activations_and_grads.gradients[0].numpy(),
            False,
        )
    theirs = np.maximum(theirs, 0)
    return float(np.abs(ranged(ours) - ranged(theirs)).max())


def ranged(maps: np.ndarray) -> np.ndarray:
    maps = maps - maps.min((1, 2), keepdims=True)
    return maps / maps.max((1, 2), keepdims=True)


if __name__ == "__main__":
    sys.exit(main())
