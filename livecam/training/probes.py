"""Probes: how the layers do in training."""

from __future__ import annotations

import difflib
import threading
from collections.abc import Sequence
from types import TracebackType

import numpy as np
import torch
from numpy.typing import NDArray

from livecam.backends.target_layer import ACTIVATIONS
from livecam.errors import ConfigError
from livecam.training.findings import LayerStatistics
from livecam.training.histogram import Adding

SAMPLE = 4096  # values of a tensor that are counted

Extremes = tuple[torch.Tensor, torch.Tensor]


class Probes:
    """Histograms of activations and gradients, and dead channels, of ``layers`` of ``module``, from forward hooks.

    layers: dotted names; None: every module that is an activation function. every: of so many passes one is observed.
    Only passes in training mode count. No tensor is kept longer than the hook that sees it, and nothing is computed
    that the training step could notice: no value is changed, no random number drawn. The network is not kept alive.
    ``close()``, or leaving the context, takes the hooks away again.

    Raises ConfigError for a layer that is not there.

    >>> network = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.ReLU())
    >>> with torch.no_grad():
    ...     _ = network[0].bias.copy_(torch.tensor([9.0, 9.0, -9.0]))  # the last channel is never active
    >>> with Probes(network, every=1) as probes:
    ...     network(torch.tensor([[0.1, 0.2], [0.3, 0.4]])).sum().backward()
    ...     (relu,) = probes.read()
    >>> relu.name, relu.channels, relu.dead, relu.activations.number, relu.gradients.most
    ('1', 3, 1, 6, 1.0)
    """

    def __init__(self, module: torch.nn.Module, layers: Sequence[str] | None = None, *, every: int = 10) -> None:
        if every < 1:
            raise ConfigError(f"every {every}: observe at least every 1st pass")
        named = dict(module.named_modules())
        chosen = [name for name, part in named.items() if isinstance(part, ACTIVATIONS)] if layers is None else layers
        if not chosen:
            raise ConfigError("there is no activation function among the modules; name the layers to be observed")
        for name in chosen:
            if name not in named:
                close = difflib.get_close_matches(name, named, n=1)
                raise ConfigError(f"no layer {name!r}" + (f"; did you mean {close[0]!r}?" if close else ""))
        self._every, self._passes = every, 0
        self._clock: _Probe | None = None
        self._probes = [_Probe(name) for name in chosen]
        self._handles = [
            named[probe.name].register_forward_hook(
                lambda part, _inputs, output, probe=probe: self._note(probe, part, output)
            )
            for probe in self._probes
        ]

    def _note(self, probe: _Probe, part: torch.nn.Module, output: object) -> None:
        if not part.training or not isinstance(output, torch.Tensor) or output.ndim < 2:
            return
        self._clock = self._clock or probe  # the first one to run begins each pass
        if probe is self._clock:
            self._passes += 1
        if (self._passes - 1) % self._every:
            return
        probe.activation(output.detach())
        if output.requires_grad:
            output.register_hook(probe.gradient)  # type: ignore[no-untyped-call]  # lives as long as the graph

    def read(self) -> tuple[LayerStatistics, ...]:
        """What has been seen since the last time, for each layer; counting starts afresh, with the next pass."""
        self._passes = 0
        return tuple(probe.read() for probe in self._probes)

    def close(self) -> None:
        """Take the hooks away. Twice is harmless."""
        for handle in self._handles:
            handle.remove()
        self._handles.clear()

    def __enter__(self) -> Probes:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Probe:
    """What one layer shows. DataParallel's replicas call from threads of their own."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._lock = threading.Lock()
        self._reset()

    def _reset(self) -> None:
        self._activations, self._gradients, self._passes = Adding(), Adding(), 0
        # By their number, since a module may run several times in a pass, with different ones.
        self._extremes: dict[int, Extremes] = {}

    def activation(self, output: torch.Tensor) -> None:
        """output: (B, K, ...) pictures, or (B, K) and (B, N, K) vectors."""
        axis = 1 if output.ndim >= 4 else output.ndim - 1
        others = [number for number in range(output.ndim) if number != axis]
        least, most = output.amin(others).float().cpu(), output.amax(others).float().cpu()
        values = _sample(output)
        with self._lock:
            known = self._extremes.get(len(least))
            if known is not None:
                least, most = torch.minimum(known[0], least), torch.maximum(known[1], most)
            self._extremes[len(least)] = least, most
            self._activations.add(values)
            self._passes += 1

    def gradient(self, gradient: torch.Tensor) -> None:
        values = _sample(gradient.detach())
        with self._lock:
            self._gradients.add(values)

    def read(self) -> LayerStatistics:
        with self._lock:
            pairs = list(self._extremes.values())
            found = LayerStatistics(
                self.name,
                self._activations.histogram(),
                self._gradients.histogram(),
                channels=sum(len(least) for least, _ in pairs),
                dead=sum(int((least == most).sum()) for least, most in pairs),
                broken=sum(int((~(least.isfinite() & most.isfinite())).sum()) for least, most in pairs),
                passes=self._passes,
            )
            self._reset()
        return found


def _sample(values: torch.Tensor) -> NDArray[np.float32]:
    """Some of ``values``, evenly spread; an odd step does not stay on one column of a map."""
    step = (values.numel() // SAMPLE) | 1
    found: NDArray[np.float32] = values.flatten()[::step].float().cpu().numpy()
    return found
