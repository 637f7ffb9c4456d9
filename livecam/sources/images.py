"""Still pictures: one image, a folder, a pattern."""

from __future__ import annotations

import logging
import math
import re
import time
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from livecam.errors import SourceError, SourceNotFound
from livecam.sources import SOURCES, Source, SourceOptions
from livecam.sources._fit import fitted
from livecam.sources._guarded import GuardedSource
from livecam.sources._names import IMAGE_SUFFIXES, is_glob, is_images
from livecam.types import Frame, Image, SourceInfo

NOMINAL_FPS = 25.0

log = logging.getLogger("livecam")
cv2.utils.logging.setLogLevel(
    cv2.utils.logging.LOG_LEVEL_SILENT
)  # what cannot be read is reported here, not by OpenCV on stderr


class ImagesSource(GuardedSource):
    """Images in natural order (2 before 10), turned upright as their EXIF says.

    All pictures have the size of the first: others are scaled, keeping their proportions, onto black. A file that
    cannot be read is skipped, counted and warned of. ``SourceOptions.fps`` is the rate, 25 otherwise; ticks count
    delivered pictures. Raises SourceNotFound, and SourceError when no file can be read.
    """

    def __init__(self, spec: str, options: SourceOptions) -> None:
        super().__init__()
        rate = Fraction(options.fps or NOMINAL_FPS).limit_denominator(100_000)
        paths = _part(image_paths(spec), rate, options)
        self._paths = iter(paths)
        self._index = 0
        self._head = self._image()
        if self._head is None:
            raise SourceError(f"{spec}: {_none_readable(paths, options)}")
        height, width = self._head.shape[:2]
        self._info = SourceInfo(
            name=options.name or spec,
            width=width,
            height=height,
            fps=float(rate),
            time_base=1 / rate,
            frames=len(paths),
            duration_s=float(len(paths) / rate),
        )

    @property
    def info(self) -> SourceInfo:
        return self._info

    def _next(self) -> Frame | None:
        image, self._head = self._head if self._head is not None else self._image(), None
        if image is None:
            return None
        self._index += 1
        return Frame(
            image=fitted(image, self._info.width, self._info.height),
            index=self._index - 1,
            pts=float((self._index - 1) * self._info.time_base),
            captured_at=time.monotonic(),
            ticks=self._index - 1,
            duration=1,
        )

    def _image(self) -> Image | None:
        """The next image that can be read."""
        for path in self._paths:
            image = read_image(path)
            if image is not None:
                return image
            self._errors += 1
            log.warning("%s: cannot be read as an image; skipped", path)
        return None

    def _release(self) -> None:
        self._head = None


class ImagesKind:
    """An image file, a folder or a pattern such as ``photos/*.jpg``."""

    def matches(self, spec: str) -> bool:
        return is_images(spec)

    def open(self, spec: str, options: SourceOptions) -> Source:
        return ImagesSource(spec, options)


SOURCES.add("images", ImagesKind())


def read_image(path: Path) -> Image | None:
    """(H, W, 3) uint8 RGB, upright after EXIF, without alpha; None when ``path`` is no readable image."""
    try:
        data = np.fromfile(path, np.uint8)
        image = cv2.imdecode(data, cv2.IMREAD_COLOR_RGB) if data.size else None
    except (OSError, cv2.error):
        return None
    return None if image is None else np.asarray(image, np.uint8)


def natural_key(path: Path) -> list[tuple[int, int, str]]:
    """Digits count as numbers.

    >>> [p.name for p in sorted(map(Path, ("a10.jpg", "a9.jpg", "B1.jpg")), key=natural_key)]
    ['a9.jpg', 'a10.jpg', 'B1.jpg']
    """
    parts = re.split(r"(\d+)", str(path).lower())
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts]


def image_paths(spec: str) -> list[Path]:
    path = Path(spec)
    if is_glob(spec):
        found = [p for p in Path(path.anchor).glob(str(path.relative_to(path.anchor))) if p.is_file()]
    elif path.is_dir():
        found = [p for p in path.iterdir() if p.is_file()]
    elif path.is_file():
        return [path]
    else:
        raise SourceNotFound(f"{spec}: no such file; check the spelling")
    images = [p for p in found if p.suffix.lower() in IMAGE_SUFFIXES and not p.name.startswith(".")]
    if not images:
        raise SourceNotFound(f"{spec}: no images there; known are {' '.join(sorted(IMAGE_SUFFIXES))}")
    return sorted(images, key=natural_key)


def _part(paths: list[Path], rate: Fraction, options: SourceOptions) -> list[Path]:
    first = math.ceil((options.start_s or 0.0) * rate)
    count = len(paths) if options.duration_s is None else math.ceil(options.duration_s * rate)
    return paths[first : first + count]


def _none_readable(paths: list[Path], options: SourceOptions) -> str:
    if not paths:
        return f"there is no picture from {options.start_s or 0:g} s on; start earlier"
    return (
        "it cannot be read as an image, or is too large a one"
        if len(paths) == 1
        else f"none of {len(paths)} images can be read"
    )
