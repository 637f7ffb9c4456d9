"""How the positions lie in a layer's output, so that methods see maps (B, K, h, w) of any network."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import torch

from livecam.errors import ModelError

Size = tuple[int, int]


class Layout(Protocol):
    """size: (H, W) of the network's input."""

    def maps(self, output: torch.Tensor, size: Size) -> torch.Tensor:
        """The layer's output as (B, K, h, w)."""
        ...

    def put(self, maps: torch.Tensor, output: torch.Tensor) -> torch.Tensor:
        """``output`` (of as many pictures, or of one) with ``maps`` (B, K, h, w) in place of its own."""
        ...

    def side(self, shape: torch.Size) -> int:
        """h of an output of this shape, of a square picture."""
        ...

    @property
    def moments(self) -> int:
        """Of a clip: maps (B, K, moments·h, w) are so many, one above the other, the oldest at the top."""
        ...


@dataclass(frozen=True, slots=True)
class ChannelsFirst:
    """(B, K, h, w): convolutional networks."""

    def maps(self, output: torch.Tensor, size: Size) -> torch.Tensor:
        return output

    def put(self, maps: torch.Tensor, output: torch.Tensor) -> torch.Tensor:
        return maps

    def side(self, shape: torch.Size) -> int:
        return shape[2]

    @property
    def moments(self) -> int:
        return 1


@dataclass(frozen=True, slots=True)
class ChannelsLast:
    """(B, h, w, K): Swin."""

    def maps(self, output: torch.Tensor, size: Size) -> torch.Tensor:
        return output.permute(0, 3, 1, 2)

    def put(self, maps: torch.Tensor, output: torch.Tensor) -> torch.Tensor:
        return maps.permute(0, 2, 3, 1)

    def side(self, shape: torch.Size) -> int:
        return shape[1]

    @property
    def moments(self) -> int:
        return 1


@dataclass(frozen=True, slots=True)
class Tokens:
    """(B, prefix + moments·h·w, K), row by row: Vision Transformers. prefix: class and register tokens, which have no
    place in the picture. stride: pixels from one patch to the next."""

    prefix: int
    stride: int
    moments: int = 1

    def grid(self, count: int, size: Size) -> Size:
        """(moments·h, w) of ``count`` tokens of an input of ``size``. Raises ModelError."""
        height, width = self.moments * (size[0] // self.stride), size[1] // self.stride
        if self.prefix + height * width != count:
            raise ModelError(
                f"{count} tokens of an input of {size} are not {self.prefix} and {height}x{width} patches; "
                "use --input squash, or another --layer"
            )
        return height, width

    def maps(self, output: torch.Tensor, size: Size) -> torch.Tensor:
        height, width = self.grid(output.shape[1], size)
        return output[:, self.prefix :].transpose(1, 2).reshape(len(output), -1, height, width)

    def put(self, maps: torch.Tensor, output: torch.Tensor) -> torch.Tensor:
        prefix = output[:, : self.prefix].expand(len(maps), -1, -1)
        return torch.cat([prefix, maps.flatten(2).transpose(1, 2).to(output.dtype)], 1)

    def side(self, shape: torch.Size) -> int:
        return math.isqrt((shape[1] - self.prefix) // self.moments)


@dataclass(frozen=True, slots=True)
class Volume:
    """(B, K, moments, h, w): convolutional networks over clips."""

    moments: int

    def maps(self, output: torch.Tensor, size: Size) -> torch.Tensor:
        return output.flatten(2, 3)

    def put(self, maps: torch.Tensor, output: torch.Tensor) -> torch.Tensor:
        return maps.reshape(*maps.shape[:2], self.moments, -1, maps.shape[3])

    def side(self, shape: torch.Size) -> int:
        return shape[3]


CHANNELS_FIRST, CHANNELS_LAST = ChannelsFirst(), ChannelsLast()


def layout_of(shape: torch.Size, side: int, frames: int = 1) -> Layout | None:
    """The layout of an output of this shape, of a square picture of ``side`` pixels, or of a clip of so many; None for
    one without positions."""
    if len(shape) == 5 and frames > 1 and shape[3] == shape[4] > 1:
        return Volume(shape[2])
    if len(shape) == 4 and shape[2] == shape[3] > 1:
        return CHANNELS_FIRST
    if len(shape) == 4 and shape[1] == shape[2] > 1:
        return CHANNELS_LAST
    if len(shape) == 3:
        return tokens_of(shape[1], side) if frames == 1 else _clip_tokens(shape[1], side, frames)
    return None


def tokens_of(count: int, side: int) -> Tokens | None:
    """The layout of so many tokens of a square picture of ``side`` pixels: the largest square, and what comes before
    it."""
    across = math.isqrt(count)
    return Tokens(count - across**2, side // across) if across > 1 and side % across == 0 else None


def _clip_tokens(count: int, side: int, frames: int) -> Tokens | None:
    """Of as many moments as can be, behind a class token or none."""
    for moments in range(frames, 0, -1):
        across = math.isqrt(count // moments)
        if across > 1 and count - moments * across**2 <= 1 and side % across == 0 and frames % moments == 0:
            return Tokens(count - moments * across**2, side // across, moments)
    return None
