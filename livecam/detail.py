"""How finely a picture is explained: how often the network looks at it, and how the maps become one.

Several scales: a larger input has more cells, a smaller one sees more of the context (the multi-scale testing of
segmentation; for class activation maps: Ahn & Kwak, CVPR 2018, arXiv:1803.10464). Spreading: positions whose features
are alike share their heat, the affinity of the pixel correlation module of Wang et al. (SEAM, CVPR 2020,
arXiv:2004.04581, eq. 5), here between the network's own features as they are, without training anything.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from livecam.errors import ConfigError
from livecam.geometry import STRIDE
from livecam.upsampling import UPSAMPLES, Upsample

Maps = NDArray[np.float32]
Fuse = Literal["mean", "max", "product"]
FUSES: tuple[Fuse, ...] = ("mean", "max", "product")
MOST = 4.0  # times the input's side: 16 times the work
PASSES = 8
TINY = np.float32(1e-30)


class Look(NamedTuple):
    """What one layer gave in one pass over pictures. maps: (B, h, w), raw. features: A (B, K, h, w), if needed."""

    maps: Maps
    features: Maps | None


@dataclass(frozen=True, slots=True)
class Detail:
    """scales: of the input, times ``input_size``; at the first one the class is chosen. weights: of the scales in the
    mean of their maps; None: equal. fuse: how their maps become one. share: of the heat that is spread over
    positions alike, 0 to 1. upsampling: how the map becomes as large as the picture.

    Raises ConfigError.
    """

    scales: tuple[float, ...] = (1.0,)
    weights: tuple[float, ...] | None = None
    fuse: Fuse = "mean"
    share: float = 0.0
    upsampling: Upsample = "bilinear"

    def __post_init__(self) -> None:
        if not 1 <= len(self.scales) <= PASSES or not all(0 < scale <= MOST for scale in self.scales):
            raise ConfigError(f"scales are 1 to {PASSES} numbers above 0 to {MOST:g}, as in 1,1.4,2, not {self.scales}")
        if self.fuse not in FUSES:
            raise ConfigError(f"fuse {self.fuse!r} is not one of {', '.join(FUSES)}")
        if self.weights is not None:
            if len(self.weights) != len(self.scales) or not all(0 < weight < np.inf for weight in self.weights):
                raise ConfigError(f"scale weights {self.weights}: give one above 0 to each scale of {self.scales}")
            if self.fuse != "mean":
                raise ConfigError(f"scale weights are of a mean; they do not go with fuse {self.fuse!r}")
        if self.upsampling not in UPSAMPLES:
            raise ConfigError(f"upsample {self.upsampling!r} is not one of {', '.join(UPSAMPLES)}")

    def shorts(self, short: int) -> list[int]:
        """The short side of the input at each scale.

        >>> DETAILS["best"].shorts(224)
        [224, 448]
        """
        # Whole strides: what is not seen by a cell of its own is seen by none.
        return [short if scale == 1 else max(1, round(short * scale / STRIDE)) * STRIDE for scale in self.scales]

    def but(
        self,
        scales: tuple[float, ...] | None = None,
        weights: tuple[float, ...] | None = None,
        fuse: Fuse | None = None,
        upsampling: Upsample | None = None,
    ) -> Detail:
        """This one with what is not None instead."""
        wishes = {"scales": scales, "weights": weights, "fuse": fuse, "upsampling": upsampling}
        return replace(self, **{name: wish for name, wish in wishes.items() if wish is not None})  # type: ignore[arg-type]

    def once(self) -> Detail:
        """This one with one look at a picture."""
        return replace(self, scales=(1.0,), weights=None)

    def combine(self, looks: list[Look]) -> Maps:
        """One map (B, h, w) of the looks at the same pictures, of the size of the largest. looks: of each scale those
        of its layers.

        What is not at the positions of the features (a method may map pixels) is not spread.
        """
        layers = len(looks) // len(self.scales)
        weights = np.repeat(self.weights, layers) if self.weights else None
        maps = looks[0].maps if len(looks) == 1 else fused([look.maps for look in looks], self.fuse, weights)
        for look in looks:
            if look.features is not None and look.features.shape[2:] == maps.shape[1:]:
                return spread(maps, look.features, self.share)
        return maps


DETAILS = {
    "plain": Detail(),
    "live": Detail(share=0.25, upsampling="guided"),
    "best": Detail(scales=(1.0, 2.0), share=0.6, upsampling="guided"),
}
"""Chosen by localisation on the development data; see CHANGELOG."""


def fused(maps: list[Maps], how: Fuse = "mean", weights: NDArray[np.float64] | None = None) -> Maps:
    """Maps (B, h, w) of the same pictures on several grids → one on the finest of them, in units of the first.

    Each is brought to the peak of the first, above or below 0: a cell of a finer grid is a smaller part of the same
    sum, and a scale at which the network is less sure of its class points at it all the same. ``product`` is the
    geometric mean, 0 where one is not above 0. weights: of the mean, (len(maps),); None: equal.
    """
    size = max((one.shape[1:] for one in maps), key=lambda shape: shape[0] * shape[1])
    peaks = [np.abs(one).max((1, 2), keepdims=True) for one in maps]
    even = [one * (peaks[0] / np.maximum(peak, TINY)) for one, peak in zip(maps, peaks, strict=True)]
    stack = np.stack([_on(one, size) for one in even])
    if how == "max":
        return np.asarray(stack.max(0), np.float32)
    if how == "product":
        return np.asarray(np.exp(np.log(np.maximum(stack, TINY)).mean(0)) * (stack > 0).all(0), np.float32)
    return np.asarray(stack.mean(0) if weights is None else np.average(stack, 0, weights), np.float32)


def spread(maps: Maps, activations: Maps, share: float) -> Maps:
    """Maps (B, h, w) with a share of the heat spread over positions alike; the peak of the spread part is as high.

    activations: (B, K, h, w), the features of the same positions.
        S_ij = ReLU(cos(x_i − x̄, x_j − x̄)),   m' = (1 − λ) m + λ s Σ_j S_ij m_j / Σ_j S_ij
    x̄, the mean over the positions of one picture, is what foreground and background have in common; less it, they are
    unlike. s holds the peak.
    """
    return np.stack([_spread(*one, share) for one in zip(maps, activations, strict=True)])


def _spread(cam: Maps, activations: Maps, share: float) -> Maps:
    x = activations.reshape(len(activations), -1)
    x = x - x.mean(1, keepdims=True)
    x /= np.maximum(np.linalg.norm(x, axis=0), np.float32(1e-6))
    alike = np.maximum(x.T @ x, 0)
    wide = (alike @ cam.ravel() / np.maximum(alike.sum(1), np.float32(1e-6))).reshape(cam.shape)
    peak = float(wide.max())
    if peak <= 0:
        return cam
    return np.asarray((1 - share) * cam + wide * (share * float(cam.max()) / peak), np.float32)


def _on(maps: Maps, size: tuple[int, ...]) -> Maps:
    """Maps (B, h, w) on a finer grid (H, W), cubic, which by itself puts nothing below 0."""
    if maps.shape[1:] == size:
        return maps
    finer = [cv2.resize(one, (size[1], size[0]), interpolation=cv2.INTER_CUBIC) for one in maps]
    return np.asarray(np.maximum(np.stack(finer), np.minimum(maps.min((1, 2), keepdims=True), 0)), np.float32)
