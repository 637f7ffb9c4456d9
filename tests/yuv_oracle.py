"""Planes in floating point, by the equations of ITU-R BT.601 and BT.709; knows nothing of livecam's own conversions."""

from __future__ import annotations

import numpy as np

from livecam.planes import Planes

RED_BLUE = {"bt709": (0.2126, 0.0722), "bt601": (0.299, 0.114)}
KINDS = [(matrix, full) for matrix in RED_BLUE for full in (False, True)]


def to_rgb(planes: Planes) -> np.ndarray:
    """(H, W, 3) float64 RGB in [0, 255]; each chroma value serves four pixels."""
    kr, kb = RED_BLUE[planes.matrix]
    luma_range, chroma_range, black = (255, 255, 0) if planes.full else (219, 224, 16)
    y = (planes.y.astype(float) - black) / luma_range
    pb, pr = (np.kron(plane, np.ones((2, 2))) / chroma_range - 128 / chroma_range for plane in (planes.u, planes.v))
    red, blue = y + 2 * (1 - kr) * pr, y + 2 * (1 - kb) * pb
    green = (y - kr * red - kb * blue) / (1 - kr - kb)
    return np.clip(np.stack([red, green, blue], -1), 0, 1) * 255


def to_planes(image: np.ndarray, matrix: str = "bt709", full: bool = False) -> Planes:
    """(H, W, 3) RGB in [0, 255] of even size → planes; chroma is the mean of four pixels."""
    kr, kb = RED_BLUE[matrix]
    red, green, blue = np.moveaxis(np.asarray(image, float) / 255, -1, 0)
    luma = kr * red + (1 - kr - kb) * green + kb * blue
    height, width = luma.shape
    fine = np.stack([(blue - luma) / (2 - 2 * kb), (red - luma) / (2 - 2 * kr)])
    u, v = fine.reshape(2, height // 2, 2, width // 2, 2).mean(axis=(2, 4))
    luma_range, chroma_range, black = (255, 255, 0) if full else (219, 224, 16)

    def bytes_of(values: np.ndarray) -> np.ndarray:
        return np.rint(values).clip(0, 255).astype(np.uint8)

    return Planes(
        bytes_of(black + luma_range * luma),
        bytes_of(128 + chroma_range * u),
        bytes_of(128 + chroma_range * v),
        matrix,  # type: ignore[arg-type]
        full,
    )


def scene(size: tuple[int, int] = (144, 192), seed: int = 0) -> np.ndarray:
    """(H, W, 3) uint8 RGB like a photograph: soft shapes in muted colours, some grain."""
    rng = np.random.default_rng(seed)
    height, width = size
    rows, columns = np.mgrid[:height, :width] / max(size)
    image = np.zeros((height, width, 3))
    for _ in range(12):
        y, x, radius = rng.random(), rng.random(), 0.05 + 0.3 * rng.random()
        image += rng.normal(0, 60, 3) * np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / radius**2)[..., None]
    luma = image.mean(axis=2, keepdims=True)
    image = 120 + luma + 0.6 * (image - luma) + rng.normal(0, 3, (height, width, 1))
    return np.rint(image.clip(25, 225)).astype(np.uint8)
