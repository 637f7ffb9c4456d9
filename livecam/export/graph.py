"""One graph that classifies and explains: Grad-CAM in closed form beside the network, with no autograd.

    scores = softmax(y)                                   (B, C)
    α_c    = W[c] / (h·w)                                 GAP → Linear
    α_c    = W₁ᵀ (act'(z) ⊙ W₂[c]) / (h·w)                GAP → Linear → act → Linear
    cam    = ReLU(Σ_k α_c,k A_k),  c = the best classes   (B, h, w), in units of the logit

(``livecam.backends.head`` derives it.) The rows of W are gathered by the classes that the graph itself ranks best.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from livecam.backends.activations import ACTIVATIONS
from livecam.backends.head import Head, find_head
from livecam.backends.tapped import Tapped
from livecam.backends.target_layer import find_target_layer
from livecam.errors import TargetLayerError
from livecam.models import LoadedModel


@dataclass(frozen=True, slots=True)
class Form:
    """What the graph takes and gives.

    size: (H, W) of the pictures. classes: 0: ``cam`` (B, h, w) of the best class; k: ``cam`` (B, k, h, w) of the k best
    and ``classes`` (B, k) int64. preprocess: pictures are (B, H, W, 3) uint8 RGB, else (B, 3, H, W) float32 normalised.
    half: the network computes in float16; pictures, scores and maps stay as they are.
    """

    size: tuple[int, int] = (224, 224)
    classes: int = 0
    preprocess: bool = False
    half: bool = False

    @property
    def outputs(self) -> list[str]:
        return ["scores", "cam", "classes"] if self.classes else ["scores", "cam"]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of one picture."""
        return (*self.size, 3) if self.preprocess else (3, *self.size)

    @property
    def dtype(self) -> str:
        return "uint8" if self.preprocess else "float32"


class Explained(torch.nn.Module):
    """pictures → scores (B, C), cam, and classes where ``form`` asks for them. Takes the network over."""

    scale: torch.Tensor
    shift: torch.Tensor
    z_scale: torch.Tensor
    z_shift: torch.Tensor

    def __init__(self, model: LoadedModel, target_layer: str, head: Head, form: Form) -> None:
        super().__init__()
        self.head, self.form = head, form
        module = model.module.half() if form.half else model.module
        self.tapped = Tapped(module, target_layer, head)
        self.last = _shared(module, head.last)
        mean, std = torch.tensor(model.mean), torch.tensor(model.std)
        self.register_buffer("scale", (1 / (255 * std)).view(1, 3, 1, 1))
        self.register_buffer("shift", (-mean / std).view(1, 3, 1, 1))
        if head.hidden is not None:
            self.hidden = _shared(module, head.hidden)
            self.register_buffer("z_scale", torch.from_numpy(np.asarray(head.scale, np.float32)))
            self.register_buffer("z_shift", torch.from_numpy(np.asarray(head.shift, np.float32)))

    def forward(self, pictures: torch.Tensor) -> tuple[torch.Tensor, ...]:
        x = self._normalised(pictures) if self.form.preprocess else pictures
        logits, activations, *u = self.tapped(x.half() if self.form.half else x)
        logits = logits.float()
        count = max(self.form.classes, 1)
        classes = torch.topk(logits, count).indices
        height, width = activations.shape[-2:]
        weighted = self._alpha(classes, *u) / (height * width) @ activations.float().flatten(2)
        cam = torch.relu(weighted).reshape(-1, count, height, width)
        scores = torch.softmax(logits, 1)
        return (scores, cam, classes) if self.form.classes else (scores, cam.squeeze(1))

    def _normalised(self, pictures: torch.Tensor) -> torch.Tensor:
        return pictures.permute(0, 3, 1, 2).float() * self.scale + self.shift

    def _alpha(self, classes: torch.Tensor, u: torch.Tensor | None = None) -> torch.Tensor:
        """(B, k) classes → α·h·w, (B, k, K)."""
        rows = self.last.flatten(1)[classes].float()
        if u is None:
            return rows
        slope = ACTIVATIONS[self.head.activation].derivative(u.float() * self.z_scale + self.z_shift)
        alpha: torch.Tensor = (slope[:, None] * rows) @ self.hidden.flatten(1).float()
        return alpha


def _shared(module: torch.nn.Module, matrix: NDArray[np.float32]) -> torch.nn.Parameter:
    """``matrix``, or the network's own parameter where it is that: then the file holds it once."""
    wanted = torch.from_numpy(matrix)
    for parameter in module.parameters():
        same_size = parameter.numel() == wanted.numel() and parameter.shape[0] == wanted.shape[0]
        if same_size and torch.equal(parameter.flatten(1), wanted.to(parameter.dtype)):
            return parameter
    return torch.nn.Parameter(wanted, requires_grad=False)


def explained(model: LoadedModel, layer: str | None, form: Form) -> tuple[torch.export.ExportedProgram, str]:
    """The graph for pictures of ``form.size`` and any batch, and the target layer's name.

    The network of ``model`` is used up: the graph is made of it. Raises TargetLayerError when its head has no closed
    form.
    """
    target_layer, _ = find_target_layer(model.module, len(model.labels), layer or model.layer, model.input_size)
    try:
        head = find_head(model.module, target_layer, len(model.labels))
    except TargetLayerError as error:
        raise TargetLayerError(
            f"{model.name}: cannot be exported with its explanation: {error}; the graph has no gradients, so the "
            "target layer must be followed by pooling and one or two linear layers"
        ) from error
    program = torch.export.export(
        Explained(model, target_layer, head, form).eval(),
        (torch.zeros((2, *form.shape), dtype=getattr(torch, form.dtype)),),
        dynamic_shapes={"pictures": {0: torch.export.Dim("batch", min=1)}},
        strict=False,  # hooks run at trace time
    )
    return program, target_layer
