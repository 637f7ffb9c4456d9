"""Activations of a head with their first and second derivatives; the same code for NumPy arrays and for tensors."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from livecam.tap import Array

TOLERANCE = 1e-4  # of the largest value
_LOWEST = -80.0  # e⁸⁰ is still a float32; the sigmoid there is 0


@dataclass(frozen=True, slots=True)
class Activation:
    """function: z → act(z). derivative: z → act'(z), which may be a mask (bool) where it is 0 or 1. second:
    z → act''(z), an array like z."""

    function: Callable[[Array], Array]
    derivative: Callable[[Array], Array]
    second: Callable[[Array], Array]


def _sigmoid(z: Array) -> Array:
    return 1 / (1 + math.e ** -z.clip(min=_LOWEST))


def _silu_slope(z: Array) -> Array:
    sigmoid = _sigmoid(z)
    return sigmoid * (1 + z * (1 - sigmoid))


def _silu_second(z: Array) -> Array:
    sigmoid = _sigmoid(z)
    return sigmoid * (1 - sigmoid) * (2 + z * (1 - 2 * sigmoid))


def _flat(z: Array) -> Array:
    return 0 * z


# by their names in torch.nn.functional
ACTIVATIONS = {
    "relu": Activation(lambda z: z.clip(min=0), lambda z: z > 0, _flat),
    "relu6": Activation(lambda z: z.clip(min=0, max=6), lambda z: (z > 0) & (z < 6), _flat),
    "hardswish": Activation(
        lambda z: z * (z + 3).clip(min=0, max=6) / 6,
        lambda z: ((z > -3) & (z < 3)) * (2 * z + 3) / 6 + (z >= 3),
        lambda z: (((z > -3) & (z < 3)) + _flat(z)) / 3,
    ),
    "silu": Activation(lambda z: z * _sigmoid(z), _silu_slope, _silu_second),
}


def fitting(z: Array, activated: Array) -> list[str]:
    """Names of those that make ``activated`` of ``z``, arrays of one shape."""
    limit = TOLERANCE * abs(activated).max()
    return [name for name, known in ACTIVATIONS.items() if abs(known.function(z) - activated).max() <= limit]
