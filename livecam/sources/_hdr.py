"""HDR → SDR for 8-bit pictures: three small tables, computed once.

A channel of the HDR signal becomes light in cd/m² (PQ: ST 2084; HLG: the light of the scene, BT.2100), is compressed to
the range of an SDR screen whose white is HDR's reference white, 203 cd/m² (BT.2390 EETF, BT.2408), goes from BT.2020 to
BT.709 primaries in linear light and gets the curve of sRGB.

FFmpeg's own conversion (``scale`` with ``out_transfer``, ``out_primaries``) needs 5 s to begin and 70 ms for a picture
of 1920×1080, and clips the whites; this one needs 3 ms.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

PQ, HLG = 16, 18  # AVCOL_TRC_SMPTE2084, AVCOL_TRC_ARIB_STD_B67
PEAK = 1000.0  # cd/m², assumed of a PQ master
HLG_WHITE = 150.0  # cd/m², light of HLG's reference white (a signal of 0.75): leaves its highlights room
WHITE = 203.0  # cd/m², BT.2408
ONE = 16383  # 1.0 of linear light as int16: the matrix may overshoot by a factor of 2 before it is clipped

BT2020_TO_BT709 = np.array(
    [[1.660491, -0.587641, -0.072850], [-0.124550, 1.132900, -0.008349], [-0.018151, -0.100579, 1.118730]], np.float32
)

Array = NDArray[np.float64]


def to_sdr(image: NDArray[np.uint8], transfer: int) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 RGB of BT.2020 with ``transfer`` PQ or HLG → (H, W, 3) uint8 sRGB."""
    linear = cv2.transform(cv2.LUT(image, _to_linear(transfer)), BT2020_TO_BT709)
    return np.asarray(cv2.LUT(linear.view(np.uint16), _from_linear()), np.uint8)


@lru_cache
def _to_linear(transfer: int) -> NDArray[np.int16]:
    """256 signal values → tone-mapped linear light, ``ONE`` is SDR white."""
    light = _LIGHT[transfer](np.linspace(0, 1, 256))
    peak = min(float(light[-1]), PEAK)
    sdr = _pq(_eetf(_pq_inverse(np.minimum(light, peak)), peak))
    return np.round(sdr / WHITE * ONE).astype(np.int16)


@lru_cache
def _from_linear() -> NDArray[np.uint8]:
    """Linear light as the bits of an int16 → 8-bit sRGB (below zero is black, above ``ONE`` white)."""
    value = np.clip(np.arange(65536).astype(np.uint16).view(np.int16) / ONE, 0, 1)
    curve = np.where(value <= 0.0031308, 12.92 * value, 1.055 * np.power(value, 1 / 2.4) - 0.055)
    return np.round(curve * 255).astype(np.uint8)


def _hlg(signal: Array) -> Array:
    """BT.2100 HLG, inverse OETF, in cd/m².

    Without the OOTF (gamma 1.2 of a 1000 cd/m² screen): taken of each channel for itself it makes colours garish.
    """
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)
    white = (math.exp((0.75 - c) / a) + b) / 12
    return np.asarray(HLG_WHITE * scene / white)


def _pq(signal: Array) -> Array:
    """ST 2084 EOTF: signal in [0, 1] → cd/m²."""
    power = signal ** (1 / _M2)
    return 10000 * (np.maximum(power - _C1, 0) / (_C2 - _C3 * power)) ** (1 / _M1)


def _pq_inverse(light: Array) -> Array:
    power = (light / 10000) ** _M1
    return ((_C1 + _C2 * power) / (1 + _C3 * power)) ** _M2


def _eetf(signal: Array, peak: float) -> Array:
    """BT.2390, 5.4.1: PQ signals up to ``peak`` are rolled off into PQ signals up to ``WHITE`` by a Hermite spline."""
    source, target = _pq_inverse(np.array(peak)), _pq_inverse(np.array(WHITE))
    e1, top = signal / source, target / source
    knee = 1.5 * top - 0.5
    t = (np.maximum(e1, knee) - knee) / (1 - knee)
    spline = (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (-2 * t**3 + 3 * t**2) * top
    return np.where(e1 < knee, e1, spline) * source


_M1, _M2, _C1, _C2, _C3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
_LIGHT: dict[int, Callable[[Array], Array]] = {PQ: _pq, HLG: _hlg}
