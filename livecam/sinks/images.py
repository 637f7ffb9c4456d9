"""``frames/%05d.png``: a file for every picture."""

from __future__ import annotations

import re
from pathlib import Path

import cv2

from livecam.errors import ConfigError, SinkError
from livecam.sinks import SINKS, BaseSink, SinkOptions
from livecam.sinks._files import cannot_write, check_free, write_whole
from livecam.types import AnnotatedFrame, Image, RunInfo

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")
NUMBER = re.compile(r"%(0?\d*)d")


class ImagesSink(BaseSink):
    """Writes PNG, JPEG or WebP files numbered by ``Frame.index``; each appears whole or not at all.

    pattern: a path with one integer field, e.g. ``frames/%05d.png``. Its folder is made. Files that exist are
    overwritten only by force. Pictures that were written stay when the run is aborted.
    Raises ConfigError for a pattern with several fields, SinkError when writing fails.
    """

    def __init__(self, pattern: str, options: SinkOptions | None = None) -> None:
        if len(NUMBER.findall(pattern)) != 1:
            raise ConfigError(f"{pattern}: name one number field, e.g. frames/%05d.png")
        self._pattern = pattern
        self._options = options or SinkOptions()
        folder = self._path(0).parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as exc:
            raise cannot_write(folder, exc) from exc

    @staticmethod
    def matches(spec: str) -> bool:
        return Path(spec).suffix.lower() in SUFFIXES and NUMBER.search(spec) is not None and "://" not in spec

    @staticmethod
    def open(spec: str, options: SinkOptions, run: RunInfo | None) -> ImagesSink:
        return ImagesSink(spec, options)

    def write(self, annotated: AnnotatedFrame) -> bool:
        self.check_open()
        path = self._path(annotated.frame.index)
        check_free(path, self._options)
        write_whole(path, encode(path, annotated.image))
        return True

    def _path(self, index: int) -> Path:
        return Path(NUMBER.sub(lambda field: f"{index:{field[1]}d}", self._pattern))


def encode(path: Path, image: Image) -> bytes:
    """An (H, W, 3) uint8 RGB picture as a file of the kind that ``path`` ends in. Raises SinkError."""
    try:
        done, data = cv2.imencode(path.suffix.lower(), cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    except cv2.error as exc:
        raise _refused(path, image) from exc
    if not done:
        raise _refused(path, image)
    return data.tobytes()


def _refused(path: Path, image: Image) -> SinkError:
    height, width = image.shape[:2]
    return SinkError(f"{path}: OpenCV cannot encode a picture of {width}×{height} so; use .png")


SINKS.add("images", ImagesSink)
