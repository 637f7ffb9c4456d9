"""CUDA graphs: a network's kernels launched as one, for inputs of a fixed shape.

At a batch of 1 a small network spends more time in launching its kernels than in running them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

import torch

from livecam.errors import first_line

log = logging.getLogger("livecam")

KEPT = 4  # graphs, each with memory of its own
WARM_UP = 3  # runs before the capture, in which libraries allocate and choose their algorithms

Outputs = tuple[torch.Tensor, ...]
Function = Callable[[torch.Tensor], Outputs]


class Replayed:
    """``function`` of a tensor, replayed from a graph for each shape that comes twice in a row (a stream's; stills of
    all shapes are not worth a capture). Where capturing fails, ``function`` itself is called from then on.

    The outputs live until the next call. function: no host synchronisation, and the same kernels for the same shape.
    capture: (function, an input) → the same function of inputs of that shape.
    """

    def __init__(self, function: Function, capture: Callable[[Function, torch.Tensor], Function] | None = None) -> None:
        self._function, self._capture = function, capture or captured
        self._graphs: dict[torch.Size, Function] = {}
        self._last: torch.Size | None = None

    def __call__(self, x: torch.Tensor) -> Outputs:
        if x.shape == self._last and x.shape not in self._graphs:
            self._add(x)
        self._last = x.shape
        return self._graphs.get(x.shape, self._function)(x)

    def _add(self, x: torch.Tensor) -> None:
        if len(self._graphs) == KEPT:
            del self._graphs[next(iter(self._graphs))]  # the oldest
        try:
            self._graphs[x.shape] = self._capture(self._function, x)
        except RuntimeError as error:  # also of the device, and out of memory
            reason = first_line(error)
            log.warning("no CUDA graph for an input of %s, it runs kernel by kernel: %s", tuple(x.shape), reason)
            self._graphs[x.shape] = self._function


def captured(function: Function, x: torch.Tensor) -> Function:
    """``function`` captured for inputs like ``x``: they are copied into a buffer, the outputs stay in theirs.

    Raises RuntimeError.
    """
    with torch.cuda.device(x.device):
        buffer, here = x.clone(), torch.cuda.current_stream()
        side = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        side.wait_stream(here)
        with torch.cuda.stream(side):
            for _ in range(WARM_UP):
                function(buffer)
        here.wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        # Other threads (that of the overlay) go on using the device meanwhile.
        with torch.cuda.graph(graph, capture_error_mode="thread_local"):
            outputs = function(buffer)

    def replay(x: torch.Tensor) -> Outputs:
        buffer.copy_(x)
        graph.replay()
        return outputs

    return replay
