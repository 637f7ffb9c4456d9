"""Runs pytorch-grad-cam and torchcam for ``--peers`` of bench and evaluate: a line of JSON in, a line of JSON out.

Called as ``python -P _peer_worker.py FOLDER_OF_LIVECAM`` by the python of the peers' environment.
"""

from __future__ import annotations

import copy
import importlib
import json
import os
import sys
import time
from collections.abc import Callable
from importlib import metadata
from typing import Any

import numpy as np

Work = Callable[[int, int | None], Any]
"""Number of the picture, class to explain (None: the best one) → map or picture."""

STOCK, TUNED, TORCHCAM, TORCHCAM_TUNED = (
    "pytorch-grad-cam",
    "pytorch-grad-cam, tuned",
    "torchcam",
    "torchcam, tuned",
)


class Worker:
    """Answers requests; ``do`` names the method."""

    def __init__(self) -> None:
        self._works: dict[str, Work] = {}
        self._done: dict[str, int] = {}
        self._tensors: list[Any] = []
        self._colours: tuple[Any, ...] = ()

    def start(self, threads: int) -> dict[str, Any]:
        """Load both libraries; says their versions."""
        import torch

        torch.set_num_threads(threads)
        for name in ("pytorch_grad_cam", "torchcam"):
            importlib.import_module(name)
        return {"versions": {name: metadata.version(name) for name in ("grad-cam", "torchcam", "torch")}}

    def networks(self, layer: str, pictures: str, **state: Any) -> dict[str, Any]:
        """Grad-CAM of one network by each library, on the pictures of a .npy file."""
        import torch

        self._colours = tuple(torch.tensor(state[key]).view(3, 1, 1) for key in ("mean", "std"))
        self._tensors = tensors = self._normalised(pictures)
        module = _network(state["name"], state["classes"], state["weights"])
        works = {STOCK: _gradcam(module, layer, tensors), TORCHCAM: _torchcam(module, layer, tensors)}
        tuned = _frozen_before(module, layer)
        if tuned is not None:
            works[TUNED] = _gradcam(tuned, layer, tensors)
            works[TORCHCAM_TUNED] = _torchcam(tuned, layer, tensors)
        return self._take({name: works[name] for name in (STOCK, TUNED, TORCHCAM, TORCHCAM_TUNED) if name in works})

    def pictures(self, pictures: str) -> dict[str, Any]:
        """Other pictures for the networks that were opened last: a .npy file as theirs."""
        self._tensors[:] = self._normalised(pictures)
        return {}

    def _normalised(self, pictures: str) -> list[Any]:
        import torch

        mean, std = self._colours
        batch = torch.from_numpy(np.load(pictures)).permute(0, 3, 1, 2).float() / 255
        return list(((batch - mean) / std).contiguous().split(1))

    def overlays(self, file: str, names: list[str]) -> dict[str, Any]:
        """``show_cam_on_image`` of a picture and its maps."""
        import cv2

        show = importlib.import_module("pytorch_grad_cam.utils.image").show_cam_on_image
        with np.load(file) as stored:
            picture, *maps = (stored[key] for key in stored.files)
        size = picture.shape[1::-1]
        ready = np.float32(picture) / 255

        def whole(cam: Any) -> Work:
            return lambda _number, _class: show(np.float32(picture) / 255, cv2.resize(cam, size), use_rgb=True)

        def from_float(cam: Any) -> Work:
            return lambda _number, _class: show(ready, cv2.resize(cam, size), use_rgb=True)

        works = {}
        for name, cam in zip(names, maps, strict=True):
            works[f"{STOCK}, {name}"] = whole(cam)
            works[f"{STOCK} from float, {name}"] = from_float(cam)
        return self._take(works)

    def turn(self, name: str, lead: int, calls: int) -> dict[str, Any]:
        seconds = []
        for _ in range(lead + calls):
            number = self._done[name]
            start = time.perf_counter()
            result = self._works[name](number, None)
            seconds.append(time.perf_counter() - start)
            self._done[name] = number + 1
            if not np.isfinite(result).all():
                raise ValueError(f"{name}: its result is not finite")
        return {"seconds": seconds[lead:]}

    def map(self, name: str, picture: int, class_idx: int | None) -> dict[str, Any]:
        return {"map": np.asarray(self._works[name](picture, class_idx)).tolist()}

    def _take(self, works: dict[str, Work]) -> dict[str, Any]:
        self._works.update(works)
        self._done.update(dict.fromkeys(works, 0))
        return {"names": list(works)}


def _network(name: str, classes: int, weights: str) -> Any:
    """As a tutorial has it: evaluation mode, every parameter wants its gradient."""
    import torch

    from livecam.models import get_card

    module = get_card(name).build(classes)
    module.load_state_dict(torch.load(weights, weights_only=True))
    return module.eval().requires_grad_(True)


def _frozen_before(module: Any, layer: str) -> Any | None:
    """A copy whose parameters before the target layer are frozen, so that its backward pass stops there: the best that
    is known for these libraries. None where the layer has no parameters, with which they would have no gradient."""
    tuned = copy.deepcopy(module).requires_grad_(False)
    target = tuned.get_submodule(layer)
    if not list(target.parameters()):
        return None
    target.requires_grad_(True)
    return tuned


def _gradcam(module: Any, layer: str, tensors: list[Any]) -> Work:
    library = importlib.import_module("pytorch_grad_cam")
    targets = importlib.import_module("pytorch_grad_cam.utils.model_targets")
    module = copy.deepcopy(module)
    cam = library.GradCAM(model=module, target_layers=[module.get_submodule(layer)])

    def work(number: int, class_idx: int | None) -> Any:
        wanted = None if class_idx is None else [targets.ClassifierOutputTarget(class_idx)]
        return cam(input_tensor=tensors[number % len(tensors)], targets=wanted)[0]

    return work


def _torchcam(module: Any, layer: str, tensors: list[Any]) -> Work:
    methods = importlib.import_module("torchcam.methods")
    module = copy.deepcopy(module)
    extractor = methods.GradCAM(module, target_layer=layer)

    def work(number: int, class_idx: int | None) -> Any:
        scores = module(tensors[number % len(tensors)])
        chosen = int(scores.squeeze(0).argmax().item()) if class_idx is None else class_idx
        return extractor(chosen, scores)[0][0].numpy()

    return work


def main() -> None:
    # What a library prints must not get between the answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    sys.path.append(sys.argv[1])  # at the end: the peers' own packages come first
    worker = Worker()
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = getattr(worker, request.pop("do"))(**request)
        except Exception as error:  # noqa: BLE001  told to the one who asked, who raises it
            answer = {"error": f"{type(error).__name__}: {(str(error).strip() or 'no reason given').splitlines()[0]}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
