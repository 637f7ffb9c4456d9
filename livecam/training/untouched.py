"""What keeps a training from noticing that it is looked at."""

from __future__ import annotations

import random
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

import numpy as np
import torch

from livecam.errors import ModelError, first_line


@contextmanager
def same_random_numbers() -> Iterator[None]:
    """Afterwards PyTorch (on the CPU and on CUDA), NumPy and Python draw the numbers that they would have drawn."""
    devices = list(range(torch.cuda.device_count())) if torch.cuda.is_initialized() else []  # type: ignore[no-untyped-call]
    python, numpy = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng(devices):
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)


def copied(module: torch.nn.Module, shared: tuple[Any, ...] = ()) -> torch.nn.Module:
    """A copy of ``module`` in evaluation mode, its parameters frozen, on the same device; ``module`` stays as it is.

    Hooks that only look on (after a pass, and on its way back) stay behind, for they look at the training. shared: what
    the copy refers to rather than copies, e.g. a trainer. The wrappers of DataParallel, DDP and ``torch.compile`` are
    left out. Raises ModelError for a module that cannot be copied.
    """
    while True:  # one may be around the other
        if isinstance(module, torch.nn.DataParallel | torch.nn.parallel.DistributedDataParallel):
            module = module.module
        elif hasattr(module, "_orig_mod"):
            module = module.get_submodule("_orig_mod")
        else:
            break
    known: dict[int, Any] = {id(one): one for one in shared}
    for part in module.modules():
        looking_on = (part._forward_hooks, part._backward_hooks, part._backward_pre_hooks)
        known |= {id(hooks): OrderedDict() for hooks in looking_on}
    try:
        return deepcopy(module, known).eval().requires_grad_(False)
    except (RuntimeError, TypeError) as error:
        raise ModelError(
            f"{type(module).__name__}: cannot be copied to be explained ({first_line(error)[:200]}); keep no tensors "
            "of a pass as its attributes"
        ) from error
