"""How the name of a source is read: camera, glob, image."""

from __future__ import annotations

import re
from pathlib import Path

from livecam.addresses import scheme

BROWSER = "browser:"
IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"})


def is_glob(spec: str) -> bool:
    """Is ``spec`` a pattern? A file that is really called ``clip [1].mp4`` is not."""
    return not scheme(spec) and any(c in spec for c in "*?[") and not Path(spec).exists()


def is_images(spec: str) -> bool:
    """An image file, a folder or a pattern (whether or not it exists)."""
    if scheme(spec) or not spec or is_camera(spec) or is_browser(spec):
        return False
    path = Path(spec)
    return is_glob(spec) or path.is_dir() or path.suffix.lower() in IMAGE_SUFFIXES


def is_browser(spec: str) -> bool:
    """The camera of a page: ``browser:``, ``browser:http://127.0.0.1:8080``."""
    return spec.startswith(BROWSER)


def is_camera(spec: str) -> bool:
    """A camera's number, device file or ``cam:`` name.

    >>> [is_camera(s) for s in ("0", "/dev/video2", "cam:Logitech", "0.mp4")]
    [True, True, True, False]
    """
    return bool(re.fullmatch(r"\d+|/dev/video\d+|/dev/v4l/.+|cam:.*", spec))
