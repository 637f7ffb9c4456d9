"""Small videos with known content."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from livecam._av import av
from livecam.sources import Source
from livecam.types import Frame, Image

CORNERS = {"red": (220, 40, 40), "green": (40, 200, 40), "blue": (40, 40, 220), "grey": (128, 128, 128)}


def corners(width: int = 96, height: int = 64) -> Image:
    """Four flat quarters: red, green above; blue, grey below."""
    image = np.empty((height, width, 3), np.uint8)
    top, left = height // 2, width // 2
    image[:top, :left], image[:top, left:] = CORNERS["red"], CORNERS["green"]
    image[top:, :left], image[top:, left:] = CORNERS["blue"], CORNERS["grey"]
    return image


def quarter_names(image: Image) -> list[str]:
    """Which colour each quarter has: top left, top right, bottom left, bottom right."""
    height, width = image.shape[:2]
    names = []
    for y in (height // 4, 3 * height // 4):
        for x in (width // 4, 3 * width // 4):
            pixel = image[y, x].astype(int)
            names.append(min(CORNERS, key=lambda n: int(np.abs(pixel - CORNERS[n]).sum())))
    return names


def write_video(
    path: Path,
    images: Iterable[Image],
    *,
    pts: list[int] | None = None,
    time_base: Fraction = Fraction(1, 25),
    setup: Callable[[Any], None] = lambda stream: None,
    pix_fmt: str = "yuv420p",
    codec: str = "libx264",
    options: dict[str, str] | None = None,
    container: dict[str, str] | None = None,
) -> Path:
    pictures = list(images)
    height, width = pictures[0].shape[:2]
    with av.open(str(path), "w", options=container or {}) as out:
        stream = out.add_stream(codec, rate=25, options=options or {})
        stream.width, stream.height, stream.pix_fmt = width, height, pix_fmt
        stream.codec_context.time_base = time_base
        setup(stream)
        for index, image in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = (index if pts is None else pts[index]), time_base
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return path


def read_all(source: Source) -> list[Frame]:
    frames = []
    with source:
        while (frame := source.read()) is not None:
            frames.append(frame)
    return frames
