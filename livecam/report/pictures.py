"""The pictures of a page: frames of the source, or of the annotated recording, or the heat alone."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

import cv2
import numpy as np

from livecam.addresses import scheme
from livecam.errors import LivecamError
from livecam.geometry import WHOLE, Region, plan
from livecam.overlay import COLORMAPS, DEFAULT_COLORMAP, blend, table
from livecam.overlay.objects import draw_objects
from livecam.report.recording import FARTHEST, Line, Recording, Still
from livecam.sinks.video import VideoSink
from livecam.sources import Source, SourceOptions, open_source
from livecam.sources._names import is_camera, is_images
from livecam.types import Frame, Heatmap, Image
from livecam.upsampling import upsample

WIDTH = 400  # pixels on the page
QUALITY = 80  # of JPEG
NEAR_S = 2.0  # media seconds that are decoded on the way rather than sought
Origin = Literal["source", "annotated", "map"]


class Shown(NamedTuple):
    """plain, heat: pictures as data addresses; plain is empty where there is only one to show."""

    plain: str
    heat: str
    origin: Origin


class Patience:
    """Seconds that decoding may take in all, on one page: a page with fewer pictures is better than none."""

    def __init__(self, seconds: float) -> None:
        self._left = seconds
        self._since = 0.0

    def __enter__(self) -> None:
        self._since = time.monotonic()

    def __exit__(self, *_: object) -> None:
        self._left -= time.monotonic() - self._since

    @property
    def over(self) -> bool:
        """While it is entered: is nothing left?"""
        return time.monotonic() - self._since > self._left


def pictures(run: Recording, rows: list[int], patience: Patience) -> tuple[dict[int, Image], Origin]:
    """The frames of ``rows``, ascending, as far as they can be had, and where from."""
    for origin, spec in (("source", _source(run)), ("annotated", _annotated(run.path))):
        if spec is None:
            continue
        try:
            with patience:
                found = dict(_decoded(run, spec, rows, patience, own=origin == "source"))
        except LivecamError:
            continue
        if found:
            return found, "source" if origin == "source" else "annotated"
    return {}, "map"


def show(run: Recording, image: Image | None, line: Line, origin: Origin) -> Shown:
    """A frame as it stands on the page."""
    size = (run.header["height"], run.header["width"])
    return shown(image, line, origin, size, region_of(run), colours_of(run))


def show_still(still: Still, image: Image | None, painted: Image | None) -> Shown:
    size = (still.header["height"], still.header["width"])
    if image is not None:
        return shown(image, still.line, "source", size)
    return shown(painted, still.line, "annotated" if painted is not None else "map", size)


def shown(
    image: Image | None,
    line: Line,
    origin: Origin,
    size: tuple[int, int],
    region: Region = WHOLE,
    colours: str = DEFAULT_COLORMAP,
) -> Shown:
    """size: (H, W) of the picture that ``line`` is of."""
    cam = line.cam
    if image is None:
        alone = _alone(cam, size, region, colours)
        draw_objects(alone, line.objects)
        return Shown("", address(alone), "map")
    small = _small(image)
    if origin == "annotated" or cam is None:
        return Shown("", address(small), origin)
    heat = upsample(cam, (small.shape[0], small.shape[1]), region)
    painted = blend(small, heat, colormap=colours)
    draw_objects(painted, line.objects)
    return Shown(address(small), address(painted), origin)


def region_of(run: Recording) -> Region:
    size = (run.header["height"], run.header["width"])
    return plan("crop", size, 224)[1] if run.settings.get("input") == "crop" else WHOLE


def colours_of(run: Recording) -> str:
    name = run.settings.get("colormap")
    return name if isinstance(name, str) and name in COLORMAPS else DEFAULT_COLORMAP


def address(image: Image) -> str:
    """A picture as a data address."""
    _, data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode("ascii")


def local(name: str, beside: Path) -> Path | None:
    """A file or folder of this machine that a sidecar names; nothing that would have to be fetched."""
    if not name or scheme(name) or is_camera(name):
        return None
    path = Path(name)
    for one in (path, beside.parent / path, beside.parent / path.name):
        try:
            if one.is_file() or one.is_dir():
                return one
        except (OSError, ValueError):
            continue
    return None


def _source(run: Recording) -> str | None:
    name: str = run.header["source"]
    if scheme(name) == "test":
        return name
    path = local(name, run.path)
    return None if path is None else str(path)


def _annotated(path: Path) -> str | None:
    """``out.mp4`` of ``out.mp4.jsonl``, ``frames/`` of ``frames.jsonl``."""
    beside = path.with_suffix("")
    return str(beside) if beside.is_dir() or (VideoSink.matches(str(beside)) and beside.is_file()) else None


def _decoded(
    run: Recording, spec: str, rows: list[int], patience: Patience, *, own: bool
) -> Iterator[tuple[int, Image]]:
    """own: ``spec`` is the source, with its times; otherwise what was recorded of it, which may begin at 0."""
    if scheme(spec) == "test" or is_images(spec):
        yield from _counted(run, spec, rows, patience, own=own)
        return
    with open_source(spec) as first:
        head = first.read()
    if head is None:
        return
    shift = 0.0 if own else head.pts - float(run.pts[0])
    source: Source | None = None
    frame: Frame | None = None
    try:
        for row in rows:
            if patience.over:
                return
            wanted = float(run.pts[row]) + shift
            if source is None or frame is None or not 0 <= wanted - frame.pts < NEAR_S:
                if source is not None:
                    source.close()
                source = open_source(spec, SourceOptions(start_s=max(wanted - head.pts - 1e-3, 0.0)))
                frame = source.read()
            frame = _forward(source, frame, wanted)
            if frame is not None:
                yield row, frame.image
    finally:
        if source is not None:
            source.close()


def _forward(source: Source, frame: Frame | None, wanted: float) -> Frame | None:
    """The frame at ``wanted`` seconds; sidecars and containers round."""
    while frame is not None and frame.pts < wanted - 1.5e-3:
        frame = source.read()
    return frame


def _counted(
    run: Recording, spec: str, rows: list[int], patience: Patience, *, own: bool
) -> Iterator[tuple[int, Image]]:
    """By number: images, and made-up sources, have no times of their own."""
    options = SourceOptions(start_s=_setting(run, "start"), fps=_setting(run, "fps")) if own else None
    wanted = {int(run.index[row]): row for row in rows}
    with open_source(spec, options) as source:
        while wanted and not patience.over and (frame := source.read()) is not None:
            if frame.index in wanted:
                yield wanted.pop(frame.index), frame.image


def _setting(run: Recording, name: str) -> float | None:
    """A setting that is a number, and one that makes sense."""
    value = run.settings.get(name)
    return value if isinstance(value, float) and 0 < value < FARTHEST else None


def _small(image: Image) -> Image:
    height, width = image.shape[:2]
    scale = min(1.0, WIDTH / width)
    size = max(round(width * scale), 1), max(round(height * scale), 1)
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def _alone(cam: Heatmap | None, size: tuple[int, int], region: Region, colours: str) -> Image:
    small = WIDTH // 2 * size[0] // size[1], WIDTH // 2
    small = max(min(small[0], 4 * WIDTH), 1), small[1]
    heat = np.zeros(small, np.float32) if cam is None else upsample(cam, small, region)
    return np.ascontiguousarray(table(colours)[np.rint(heat * 255).astype(np.uint8)])
