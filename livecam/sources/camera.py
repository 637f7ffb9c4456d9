"""Cameras, through OpenCV (Video4Linux on Linux)."""

from __future__ import annotations

import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np

from livecam.addresses import scheme
from livecam.clock import Clock, SystemClock
from livecam.errors import SourceLost, SourceNotFound
from livecam.sources import SOURCES, Source, SourceOptions
from livecam.sources._devices import CameraInfo, find_camera, identity, list_cameras, listing, same_camera
from livecam.sources._guarded import GuardedSource
from livecam.sources._names import is_camera
from livecam.types import Frame, Image, SourceInfo

__all__ = ["CameraInfo", "CameraSource", "list_cameras"]

DEFAULT_SIZE = (1280, 720)
DEFAULT_FPS = 30.0
PATIENCE = 5  # failed reads in a row after which the camera is gone
MICROSECONDS = 1_000_000

cv2.utils.logging.setLogLevel(
    cv2.utils.logging.LOG_LEVEL_SILENT
)  # a failure is an exception here, not a line on stderr


class Capture(Protocol):
    """What is used of ``cv2.VideoCapture``."""

    def isOpened(self) -> bool: ...  # noqa: N802

    def set(self, prop: int, value: float, /) -> bool: ...

    def get(self, prop: int, /) -> float: ...

    def read(self) -> tuple[bool, Any]: ...

    def release(self) -> None: ...


class CameraSource(GuardedSource):
    """Pictures of an open camera, as they come.

    capture: a ``cv2.VideoCapture`` or its like; owned from now on. pts: seconds since the first picture, ticks the same
    in microseconds. Raises SourceNotFound when no picture comes at first, SourceLost when they cease.
    """

    def __init__(
        self, capture: Capture, name: str, options: SourceOptions | None = None, clock: Clock | None = None
    ) -> None:
        super().__init__()
        self._capture = capture
        self._name = name
        self._options = options or SourceOptions()
        self._clock = clock or SystemClock()
        self._index = 0
        self._last = -1
        try:
            if not capture.isOpened():
                raise SourceNotFound(f"{name}: cannot be opened; is another program using it?")
            negotiate(capture, self._options)
            self._head: Image | None = self._first()
        except BaseException:
            self.close()
            raise
        self._start = self._arrived = self._clock.now()
        self._info = self._describe(self._head)

    @property
    def info(self) -> SourceInfo:
        return self._info

    def _next(self) -> Frame:
        image, self._head = self._head, None
        if image is None:
            image = self._grab()
            self._arrived = self._clock.now()
        self._last = max(round((self._arrived - self._start) * MICROSECONDS), self._last + 1)
        self._index += 1
        return Frame(
            image=self._sized(image),
            index=self._index - 1,
            pts=self._last / MICROSECONDS,
            captured_at=self._arrived,
            ticks=self._last,
        )

    def _first(self) -> Image:
        try:
            return self._grab()
        except SourceLost as error:
            raise SourceNotFound(f"{self._name}: opens, but gives no picture; is another program using it?") from error

    def _grab(self) -> Image:
        """The next picture, (H, W, 3) uint8 RGB. A few damaged ones are passed over and counted."""
        since = self._clock.now()
        for _ in range(PATIENCE):
            good, image = self._capture.read()
            if good and image is not None and image.size:
                return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)
            self._errors += 1
            if self._clock.now() - since >= self._options.timeout_s:
                break
        raise SourceLost(f"{self._name}: no picture comes any more; is it unplugged?")

    def _sized(self, image: Image) -> Image:
        size = (self._info.width, self._info.height)
        if image.shape[1::-1] == size:
            return image
        return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)

    def _describe(self, image: Image) -> SourceInfo:
        height, width = image.shape[:2]
        fps = self._capture.get(cv2.CAP_PROP_FPS)
        fps = fps if 0 < fps < 1000 else 0.0
        rate = f"{fps:g} fps" if fps else "unknown rate"
        return SourceInfo(
            name=self._name,
            width=width,
            height=height,
            fps=fps,
            time_base=Fraction(1, MICROSECONDS),
            live=True,
            detail=f"{width}x{height} {rate} {_pixel_format(self._capture)}".rstrip(),
        )

    def _release(self) -> None:
        self._capture.release()


class CameraKind:
    """``0``, ``/dev/video0``, ``/dev/v4l/by-id/...``, ``cam:part of a name``."""

    def __init__(
        self,
        cameras: Callable[[], list[CameraInfo]] = list_cameras,
        capture: Callable[[int], Capture] | None = None,
    ) -> None:
        self.cameras = cameras
        self._capture = capture or _open_capture

    def matches(self, spec: str) -> bool:
        """Also a bare part of a camera's name, where no file is called so."""
        return is_camera(spec) or (not scheme(spec) and not Path(spec).exists() and self._named(spec))

    def _named(self, spec: str) -> bool:
        return bool(spec) and any(spec.lower() in camera.name.lower() for camera in self.cameras())

    def open(self, spec: str, options: SourceOptions) -> Source:
        cameras = self.cameras()
        index = self.find(spec, cameras)
        known = next((c for c in cameras if c.index == index), None)
        if known is not None and not known.usable:
            raise SourceNotFound(f"{spec}: {known.name} ({known.device}) {known.reason}")
        capture = self._capture(index)
        if not capture.isOpened() and known is None:
            capture.release()
            raise SourceNotFound(f"no camera {spec}; {listing(cameras)}; plug one in, or name a file or an address")
        return CameraSource(capture, known.name if known else f"camera {index}", options)

    def find(self, spec: str, cameras: list[CameraInfo]) -> int:
        return find_camera(spec if is_camera(spec) else f"cam:{spec}", cameras)


class SameCamera:
    """Opens one camera as often as it is called: at first by any of its names, then that very camera, by what it is.

    Its number is another one after replugging, and the old number may be another camera's. Raises SourceNotFound.
    """

    def __init__(self, spec: str, kind: CameraKind) -> None:
        self._spec, self._kind = spec, kind
        self._opened = False
        self._identity: str | None = None

    def __call__(self, options: SourceOptions) -> Source:
        cameras = self._kind.cameras()
        if self._opened:
            return self._kind.open(same_camera(self._identity, cameras).device, options)
        source = self._kind.open(self._spec, options)
        self._opened, self._identity = True, identity(self._kind.find(self._spec, cameras), cameras)
        return source


def negotiate(capture: Capture, options: SourceOptions) -> None:
    """Ask for a mode; what the camera makes of it is read back later.

    Compressed pictures first: setting the format resets size and rate, and raw 720p does not fit through USB 2.
    """
    width, height = options.size or DEFAULT_SIZE
    capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
    capture.set(cv2.CAP_PROP_FRAME_WIDTH, width)
    capture.set(cv2.CAP_PROP_FRAME_HEIGHT, height)
    capture.set(cv2.CAP_PROP_FPS, options.fps or DEFAULT_FPS)
    capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)


def _open_capture(index: int) -> Capture:
    return cv2.VideoCapture(index, cv2.CAP_V4L2 if sys.platform.startswith("linux") else cv2.CAP_ANY)


def _pixel_format(capture: Capture) -> str:
    """The four letters of the negotiated format, empty when unknown."""
    code = int(capture.get(cv2.CAP_PROP_FOURCC))
    letters = code.to_bytes(4, "little", signed=code < 0).decode("latin-1")
    return letters.strip() if letters.strip().isalnum() else ""


SOURCES.add("camera", CameraKind())
