"""What every source promises."""

from __future__ import annotations

import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from source_helpers import corners, write_video

from livecam.errors import SourceNotFound
from livecam.registry import load_all
from livecam.sources import SOURCES, Source, SourceOptions, open_source
from livecam.sources.camera import CameraSource
from livecam.web.camera import Arrived

load_all("livecam.sources")
KINDS = list(SOURCES)


@pytest.fixture(params=KINDS)
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Source:
    match request.param:
        case "synthetic":
            return open_source("test://?size=96x64&frames=5")
        case "images":
            for number in range(5):
                cv2.imwrite(str(tmp_path / f"{number}.png"), corners())
            return open_source(str(tmp_path))
        case "video":
            return open_source(str(write_video(tmp_path / "a.mp4", [corners()] * 5)))
        case "camera":
            path = write_video(tmp_path / "a.avi", [corners()] * 5, codec="mjpeg", pix_fmt="yuvj420p")
            return CameraSource(cv2.VideoCapture(str(path)), "file", SourceOptions())
        case "browser":
            source = open_source("browser:http://127.0.0.1:0", SourceOptions(size=(96, 64)))
            jpeg = cv2.imencode(".jpg", corners())[1].tobytes()
            take = source._feed.take

            def sent() -> Arrived | None:  # as a page does, whenever the picture before is taken
                source._feed.put(Arrived(jpeg, time.monotonic()))
                return take()

            source._feed.take = sent
            return source
    pytest.fail(f"no example of {request.param}")


def test_pictures_in_order(source: Source) -> None:
    with source:
        info = source.info
        frames = [source.read() for _ in range(5)]
    last = None
    for index, frame in enumerate(frames):
        assert frame is not None
        assert frame.index == index
        assert (frame.image.shape, frame.image.dtype) == ((info.height, info.width, 3), np.dtype(np.uint8))
        assert frame.image.flags.c_contiguous
        assert frame.pts == pytest.approx(float(frame.ticks * info.time_base))
        assert last is None or (frame.ticks > last.ticks and frame.captured_at >= last.captured_at)
        last = frame
    assert source.decode_errors == 0


def test_pictures_belong_to_the_caller(source: Source) -> None:
    with source:
        first = source.read()
        assert first is not None
        kept = first.image.copy()
        source.read()
        assert np.array_equal(first.image, kept)
        first.image[:] = 0


def test_close_is_final_and_harmless(source: Source) -> None:
    source.read()
    source.close()
    source.close()
    assert source.read() is None
    with source:
        pass


def test_the_end_stays_the_end(source: Source) -> None:
    """A camera has none: for it, the end is that it is closed."""
    with source:
        while source.read() is not None:
            if source.info.live:
                source.close()
        assert source.read() is None
        assert source.read() is None


NAMES = {
    "browser": ["browser:", "browser:http://127.0.0.1:9000"],
    "camera": ["0", "12", "/dev/video3", "/dev/v4l/by-id/usb-x", "cam:Logitech"],
    "images": ["a.jpg", "a.PNG", "shots/*.jpg", "*", "."],
    "synthetic": ["test://", "test://?size=64x64", "TEST://?seed=1"],
    "video": [
        "a.mp4",
        "a",
        "./0",
        "file:///a.mp4",
        "http://h/a.jpg",
        "https://h/a",
        "rtsp://h",
        "rtmp://h",
        "udp://h:1",
    ],
}


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, names in NAMES.items() for name in names])
def test_each_name_belongs_to_one_kind(kind: str, name: str) -> None:
    assert [k for k in SOURCES if SOURCES.get(k).matches(name)] == [kind]


@pytest.mark.parametrize("name", ["", "gopher://x"])
def test_names_of_nothing(name: str) -> None:
    assert not any(SOURCES.get(k).matches(name) for k in SOURCES)
    with pytest.raises(SourceNotFound):
        open_source(name)


def test_every_kind_has_names() -> None:
    assert set(NAMES) == set(KINDS)
