"""PyTorch: the only file with hooks and autograd.

Where the head has a closed form, A is taken out of a forward pass without autograd, and the head's algebra does the
rest; on CUDA that pass is one graph. Elsewhere all parameters are frozen, and a forward hook, registered once, replaces
A by a leaf that requires a gradient: the backbone builds no graph, and the backward pass stops at A.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray

from livecam.backends import BACKENDS
from livecam.backends.cuda_graph import Replayed
from livecam.backends.head import Head, closed_form, find_head
from livecam.backends.tapped import Tapped
from livecam.backends.target_layer import find_target_layer
from livecam.errors import ConfigError, ModelError, TargetLayerError, first_line
from livecam.models import Model
from livecam.tap import Tap

log = logging.getLogger("livecam")

DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}


@BACKENDS.register("torch")
class TorchBackend:
    """A network under PyTorch on ``cpu``, ``cuda`` or ``mps``.

    closed_form: False: by autograd also where the head has a closed form, for who checks one against the other.
    """

    name = "torch"

    def __init__(
        self,
        model: Model,
        layer: str | None = None,
        device: str = "auto",
        precision: str = "auto",
        threads: int | None = None,
        *,
        closed_form: bool = True,
    ) -> None:
        if threads is not None:
            torch.set_num_threads(threads)  # of the process: PyTorch knows no other
        self._device = pick_device(device)
        self.device = str(self._device)
        on_cuda = self._device.type == "cuda"
        self.precision = ("float16" if on_cuda else "float32") if precision in ("auto", "fast") else precision
        self._dtype = DTYPES[self.precision]
        loaded = model.load()
        self.labels = loaded.labels
        self._module: torch.nn.Module = loaded.module.to("cpu", torch.float32)
        self.target_layer, target = find_target_layer(self._module, len(loaded.labels), layer or loaded.layer)
        self._head = self._found_head() if closed_form else None
        self._module.to(self._device, self._dtype, memory_format=torch.channels_last)
        # (x / 255 − mean) / std as one multiply and one add
        mean, std = torch.tensor(loaded.mean), torch.tensor(loaded.std)
        self._scale = (1 / (255 * std)).view(1, 3, 1, 1).to(self._device)
        self._shift = (-mean / std).view(1, 3, 1, 1).to(self._device)
        self._pinned: torch.Tensor | None = None
        self._leaf: torch.Tensor | None = None
        self._hook = target.register_forward_hook(self._cut) if self._head is None else None
        self._passes = {"plain": self._pass(self._module)}
        if self._head is not None:
            self._passes["tapped"] = self._pass(Tapped(self._module, self.target_layer, self._head))

    def _found_head(self) -> Head | None:
        """The head's matrices on the device; None where its gradient is autograd's to find."""
        try:
            head = find_head(self._module, self.target_layer, len(self.labels))
        except TargetLayerError as error:
            log.info("Grad-CAM by autograd: %s", error)
            return None
        return head.on(lambda array: torch.from_numpy(array).to(self._device))

    def _pass(self, module: torch.nn.Module) -> Callable[[torch.Tensor], tuple[torch.Tensor, ...]]:
        """(B, H, W, 3) uint8 on the device → the outputs of ``module``, float32 on the device."""

        def run(pictures: torch.Tensor) -> tuple[torch.Tensor, ...]:
            outputs = module(self._normalise(pictures))
            return tuple(output.float() for output in (outputs if isinstance(outputs, tuple) else (outputs,)))

        return Replayed(run) if self._device.type == "cuda" else run

    def _cut(self, _module: torch.nn.Module, _inputs: object, output: torch.Tensor) -> torch.Tensor | None:
        if torch.is_inference_mode_enabled():
            return None
        self._leaf = output.detach().requires_grad_(True)
        # A clone, for what follows may work in place, which a leaf forbids.
        return self._leaf.clone()

    def forward(self, pictures: NDArray[np.uint8]) -> Tap:
        if self._head is None:
            return self._by_autograd(pictures)
        with self._translated(pictures.shape), torch.inference_mode():
            logits, activations, *hidden = self._passes["tapped"](self._upload(pictures))
            return closed_form(self._head, self.numpy(logits), activations, hidden[0] if hidden else None)

    def _by_autograd(self, pictures: NDArray[np.uint8]) -> Tap:
        with self._translated(pictures.shape), torch.enable_grad():
            logits = self._module(self._normalise(self._upload(pictures)))
        leaf = self._leaf
        if leaf is None:
            raise ModelError(f"{self.target_layer}: was not run by the forward pass; choose another --layer")

        def gradients(class_idx: list[int]) -> torch.Tensor:
            rows = torch.arange(len(class_idx), device=logits.device)
            with self._translated(pictures.shape):
                # The sum over the batch gives each picture its own gradient; the graph is kept for further classes.
                (gradient,) = torch.autograd.grad(logits[rows, class_idx].sum(), leaf, retain_graph=True)
            return gradient

        def alpha(class_idx: list[int]) -> torch.Tensor:
            return gradients(class_idx).mean((-2, -1))

        def votes(y: int, x: int) -> tuple[torch.Tensor, bool]:
            with self._translated(pictures.shape):
                return along(logits, leaf, y, x)

        return Tap(self.numpy(logits), leaf.detach(), gradients, alpha, votes)

    def plain(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        with self._translated(pictures.shape), torch.inference_mode():
            return self.numpy(self._passes["plain"](self._upload(pictures))[0])

    def prepare(self, size: tuple[int, int]) -> None:
        """Any size is as good as another."""

    def numpy(self, maps: torch.Tensor) -> NDArray[np.float32]:
        maps = maps.detach().float()
        if self._device.type != "cuda":
            return np.asarray(maps.cpu().numpy(), np.float32)
        host = maps.to("cpu", non_blocking=True)  # into pinned memory
        torch.cuda.current_stream(self._device).synchronize()
        return np.asarray(host.numpy(), np.float32)

    def _upload(self, pictures: NDArray[np.uint8]) -> torch.Tensor:
        host = torch.from_numpy(np.ascontiguousarray(pictures))
        if self._device.type == "cuda":
            if self._pinned is None or self._pinned.shape != host.shape:
                self._pinned = torch.empty(host.shape, dtype=torch.uint8, pin_memory=True)
            # The previous frame's logits have been read, so its copy out of this buffer has ended.
            host = self._pinned.copy_(host)
        return host.to(self._device, non_blocking=True)

    def _normalise(self, pictures: torch.Tensor) -> torch.Tensor:
        """(B, 3, H, W) in the network's own range; NHWC memory seen as NCHW is channels-last without a copy."""
        return torch.addcmul(self._shift, pictures.permute(0, 3, 1, 2).float(), self._scale).to(self._dtype)

    @contextmanager
    def _translated(self, shape: tuple[int, ...]) -> Iterator[None]:
        """What a network or its device raises, as a ModelError."""
        try:
            yield
        except torch.OutOfMemoryError as error:
            raise ModelError(
                f"{self.device}: out of memory for an input of {shape}; use a smaller --input-size"
            ) from error
        except (RuntimeError, AssertionError, ValueError) as error:
            reason = first_line(error)
            raise ModelError(f"{self.device}: the network failed on an input of {shape}: {reason}") from error

    def close(self) -> None:
        """Remove the hook and free the graphs; the network is as it was. Twice is harmless."""
        if self._hook is not None:
            self._hook.remove()
        self._leaf = self._pinned = None
        self._passes.clear()


def along(logits: torch.Tensor, leaf: torch.Tensor, y: int, x: int) -> tuple[torch.Tensor, bool]:
    """∂logits/∂A · the part of A (``leaf``) that is in cell (y, x): (B, C), and whether the logits are linear in A.

    The derivative along a direction by going backward twice: g(u) = Jᵀu is linear in u, so dg/du · v = J·v, in the time
    of two backward passes for all classes. Where the logits are linear in A, g does not depend on A at all.
    """
    cell = torch.zeros_like(leaf)
    cell[:, :, y, x] = leaf.detach()[:, :, y, x]
    with torch.enable_grad():
        u = torch.zeros_like(logits, requires_grad=True)
        (g,) = torch.autograd.grad(logits, leaf, u, create_graph=True)
        (bent,) = torch.autograd.grad(g.sum(), leaf, retain_graph=True, allow_unused=True)
        (shares,) = torch.autograd.grad(g, u, cell, retain_graph=True)
    return shares.detach(), bent is None


def pick_device(name: str) -> torch.device:
    """``auto``: CUDA, else MPS, else CPU. Raises ConfigError for another kind, ModelError when it is not here."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    if name.partition(":")[0] not in ("cpu", "cuda", "mps"):
        raise ConfigError(f"device {name!r} is not auto, cpu, cuda, cuda:N or mps")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ModelError(f"device {name!r} cannot be used here; see 'livecam devices', or --device auto") from error
    return device
