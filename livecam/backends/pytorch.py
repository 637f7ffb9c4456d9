"""PyTorch: the only file with hooks and autograd.

Where the head has a closed form, A is taken out of a forward pass without autograd, and the head's algebra does the
rest; on CUDA that pass is one graph. Elsewhere all parameters are frozen, and a forward hook replaces A by a leaf that
requires a gradient: the backbone builds no graph, and the backward pass stops at A. Of several layers the first is it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from livecam.backends import BACKENDS, deep
from livecam.backends.attention import attention, find_blocks, twice_differentiable
from livecam.backends.batches import scores
from livecam.backends.cuda_graph import Replayed
from livecam.backends.head import Engine, Head, closed_form, find_head, lacks
from livecam.backends.layout import CHANNELS_FIRST
from livecam.backends.tapped import Tapped
from livecam.backends.target_layer import SIDE, find_layouts, find_target_layers, stage_layers
from livecam.errors import ConfigError, ModelError, TargetLayerError, first_line
from livecam.models import Model
from livecam.tap import Attention, Floats, Need, Tap
from livecam.tasks import CLASSIFICATION

log = logging.getLogger("livecam")

DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
TAIL_BYTES = 64 << 20  # of changed activations at once


@BACKENDS.register("torch")
class TorchBackend:
    """A network under PyTorch on ``cpu``, ``cuda`` or ``mps``.

    layer: dotted name of the target layer; several, as ``find_target_layers`` takes them: the last is the target layer,
    the others are the tap's ``others``.
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
        self.labels, self.accepts = loaded.labels, loaded.accepts
        self._module: torch.nn.Module = loaded.module.to("cpu", torch.float32)
        clips = self.accepts.frames > 1
        self._side = side = self.accepts.side or (SIDE // 2 if clips else loaded.input_size)
        self._layers = find_target_layers(self._module, len(loaded.labels), layer, loaded.layer, side)
        if clips and len(self._layers) > 1:
            raise ConfigError(f"--layer {layer}: maps of a clip are of one layer; name one")
        self.target_layer = ",".join(self._layers)
        self._layouts = dict(zip(self._layers, find_layouts(self._module, self._layers, side), strict=True))
        flat = all(layout == CHANNELS_FIRST for layout in self._layouts.values())
        self._blocks = None if clips or flat else find_blocks(self._module, side)
        self._whole = deep.has_all_biases(self._module)
        pooled = len(self._layers) == 1 and loaded.task is CLASSIFICATION
        self._head = self._found_head() if closed_form and pooled else None
        self._in_parts: Callable[[], AbstractContextManager[None]] = (
            nullcontext if flat else partial(twice_differentiable, self._module)
        )
        memory = torch.contiguous_format if clips else torch.channels_last
        self._module.to(self._device, self._dtype, memory_format=memory)
        # (x / 255 − mean) / std as one multiply and one add
        mean, std = torch.tensor(loaded.mean), torch.tensor(loaded.std)
        self._scale = (1 / (255 * std)).view(1, 3, 1, 1).to(self._device)
        self._shift = (-mean / std).view(1, 3, 1, 1).to(self._device)
        self._pinned: torch.Tensor | None = None
        self._stages: list[deep.Stage] | None = None
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

    def forward(self, pictures: NDArray[np.uint8]) -> Tap:
        def x() -> torch.Tensor:
            return self._normalise(self._upload(pictures))

        if self._head is None:
            return self._by_autograd(x())
        with self._translated(pictures.shape), torch.inference_mode():
            logits, activations, *hidden = self._passes["tapped"](self._upload(pictures))
        return self._closed_form(self._head, (self.numpy(logits), activations, hidden[0] if hidden else None), x)

    def lacks(self, needs: frozenset[Need]) -> frozenset[Need]:
        found = {Need.LINEAR} if self._head is None else lacks(self._head, frozenset({Need.LINEAR}))
        if self._blocks is None:
            found |= {Need.ATTENTION}
        if not self._whole:
            found |= {Need.BIASES}
        return needs & found

    def _closed_form(
        self, head: Head, made: tuple[Floats, torch.Tensor, torch.Tensor | None], x: Callable[[], torch.Tensor]
    ) -> Tap:
        """made: logits, A, u, of x (B, 3, H, W) in the network's own range."""
        engine = Engine(partial(self._tapped, head), self.numpy, self._placed)

        def rerun(other: Floats) -> Tap:
            return self._closed_form(head, self._tapped(head, other), lambda: self._input(other))

        return self._deepened(closed_form(head, *made, lambda: self.numpy(x()), engine), x, rerun)

    def _by_autograd(self, inputs: torch.Tensor) -> Tap:
        """inputs: (B, 3, H, W) in the network's own range."""
        taken: dict[str, torch.Tensor] = {}

        def cutting(name: str) -> deep.Hook:
            layout = self._layouts[name]

            def cut(_module: torch.nn.Module, _inputs: object, output: torch.Tensor) -> torch.Tensor:
                maps = layout.maps(output, _size(inputs))
                taken[name] = maps if maps.requires_grad else maps.detach().requires_grad_(True)
                # A clone, for what follows may work in place, which a leaf forbids.
                return layout.put(taken[name].clone(), output)

            return cut

        hooks = [(self._module.get_submodule(name), cutting(name)) for name in self._layers]
        with self._translated(inputs.shape), torch.enable_grad(), deep.hooked(hooks), self._in_parts():
            logits = self._module(inputs)
        for name in self._layers:
            if name not in taken:
                raise ModelError(f"{name}: was not run by the forward pass; choose another --layer")
        *others, last = (self._at(name, taken[name], logits, inputs) for name in self._layers)
        return replace(last, others=tuple(reversed(others)))

    def _at(self, layer: str, A: torch.Tensor, logits: torch.Tensor, inputs: torch.Tensor) -> Tap:  # noqa: N803
        """The tap of one layer. A: its output, in the graph of ``logits``."""

        def gradients(class_idx: list[int], *, twice: bool = False) -> torch.Tensor:
            with self._translated(inputs.shape):
                # The graph is kept for further classes.
                y = deep.total(logits, class_idx)
                (gradient,) = torch.autograd.grad(y, A, retain_graph=True, create_graph=twice)
            return gradient

        def alpha(class_idx: list[int]) -> torch.Tensor:
            return gradients(class_idx).mean((-2, -1))

        def curvature(class_idx: list[int]) -> torch.Tensor:
            first, activations = gradients(class_idx, twice=True), A.detach()
            product = None
            if first.requires_grad:
                y = (first * activations).sum()
                (product,) = torch.autograd.grad(y, A, retain_graph=True, allow_unused=True)
            return (torch.zeros_like(activations) if product is None else product).mean((-2, -1))

        def votes(y: int, x: int) -> tuple[torch.Tensor, bool]:
            with self._translated(inputs.shape):
                return along(logits, A, y, x)

        tap = Tap(
            self.numpy(logits),
            A.detach(),
            gradients,
            alpha,
            votes,
            numpy=self.numpy,
            curvature=curvature,
            tail=partial(self._tail, layer, inputs, A.detach()),
            inputs=lambda: self.numpy(inputs),
            score=lambda row, class_idx, others: scores(self._logits, class_idx, others),
            moments=self._layouts[layer].moments,
        )

        def rerun(other: Floats) -> Tap:
            again = self._by_autograd(self._input(other))
            return [again, *again.others][::-1][self._layers.index(layer)]

        return self._deepened(tap, lambda: inputs, rerun)

    def _deepened(self, tap: Tap, x: Callable[[], torch.Tensor], rerun: Callable[[Floats], Tap]) -> Tap:
        """``tap`` with what needs autograd of the whole network."""

        def of(function: Callable[..., Any], class_idx: list[int] | None, **options: Any) -> Any:
            given = x()
            with self._translated(given.shape), torch.enable_grad():
                return function(self._module, given, class_idx, **options)

        def stages(
            class_idx: list[int], *, against: list[int] | None = None
        ) -> list[tuple[torch.Tensor, torch.Tensor]]:
            found: list[tuple[torch.Tensor, torch.Tensor]] = of(
                deep.stages, class_idx, layers=self._found_stages(), against=against
            )
            return found

        def maps(class_idx: list[int] | None, **options: Any) -> Attention:
            found: Attention = of(attention, class_idx, blocks=self._blocks, **options)
            return found

        return replace(
            tap,
            rerun=rerun,
            input_gradients=partial(of, deep.input_gradients),
            bias_terms=partial(of, deep.bias_terms),
            stages=stages,
            attention=tap.attention if self._blocks is None else maps,
        )

    def _tail(
        self,
        layer: str,
        x: torch.Tensor,
        activations: torch.Tensor,
        row: int,
        class_idx: list[int],
        channels: Floats,
        places: Floats,
    ) -> Floats:
        """One picture goes up to ``layer``, whose output is replaced by a batch."""
        own, found = activations[row], [np.zeros((0, len(class_idx)), np.float32)]
        step = max(1, TAIL_BYTES // (own.numel() * own.element_size()))
        target, layout = self._module.get_submodule(layer), self._layouts[layer]

        def instead(_module: torch.nn.Module, _inputs: object, output: torch.Tensor) -> torch.Tensor:
            return layout.put(changed, output)

        for start in range(0, len(channels), step):
            part = slice(start, start + step)
            scale = self._placed(channels[part])[:, :, None, None] * self._placed(places[part])[:, None]
            changed = (own * scale).to(self._dtype)
            with self._translated(x.shape), torch.inference_mode(), deep.hooked([(target, instead)]):
                found.append(self.numpy(self._module(x[row : row + 1])[:, class_idx]))
        return np.concatenate(found)

    def _found_stages(self) -> list[deep.Stage]:
        if self._stages is None:
            names = stage_layers(self._module, self._layers[-1], side=self._side)
            self._stages = list(zip(names, find_layouts(self._module, names, self._side), strict=True))
        return self._stages

    def _tapped(self, head: Head, x: Floats) -> tuple[Floats, torch.Tensor, torch.Tensor | None]:
        """Logits, A, u of inputs in the network's own range."""
        with self._translated(x.shape), torch.inference_mode():
            made = Tapped(self._module, self.target_layer, head)(self._input(x))
            logits, activations, *hidden = (output.float() for output in made)
            return self.numpy(logits), activations, hidden[0] if hidden else None

    def _logits(self, x: Floats) -> Floats:
        with self._translated(x.shape), torch.inference_mode():
            return self.numpy(self._module(self._input(x)))

    def _placed(self, array: Floats) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(self._device)

    def _input(self, x: Floats) -> torch.Tensor:
        return self._placed(x).to(self._dtype)

    def plain(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        with self._translated(pictures.shape), torch.inference_mode():
            return self.numpy(self._passes["plain"](self._upload(pictures))[0])

    def prepare(self, size: tuple[int, int]) -> None:
        """Any size is as good as another."""

    def numpy(self, maps: torch.Tensor | Floats) -> NDArray[np.float32]:
        if isinstance(maps, np.ndarray):
            return np.asarray(maps, np.float32)
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
        except (torch.OutOfMemoryError, MemoryError) as error:
            raise ModelError(
                f"{self.device}: out of memory for an input of {shape}; use a smaller --input-size"
            ) from error
        except (RuntimeError, AssertionError, ValueError) as error:
            reason = first_line(error)
            raise ModelError(f"{self.device}: the network failed on an input of {shape}: {reason}") from error

    def close(self) -> None:
        """Free the graphs; the network is as it was. Twice is harmless."""
        self._pinned = None
        self._passes.clear()


def _size(inputs: torch.Tensor) -> tuple[int, int]:
    """(H, W) of (B, 3, H, W)."""
    return inputs.shape[2], inputs.shape[3]


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
