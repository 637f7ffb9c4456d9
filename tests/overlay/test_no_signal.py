from __future__ import annotations

import numpy as np
import pytest

from livecam.health import SourceHealth, State
from livecam.overlay.no_signal import AMBER, TITLE, mark_stale, next_try, no_signal
from livecam.planes import Planes
from livecam.types import Image

LOST = SourceHealth(State.LOST, 0.0, "unplugged; plug it in again", 1, 1, 9.0)


def contrast(a: np.ndarray, b: np.ndarray) -> float:
    """WCAG 2.2 contrast ratio of two sRGB colours."""

    def luminance(colour: np.ndarray) -> float:
        c = colour / 255
        return float(np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722])

    lighter, darker = sorted((luminance(a), luminance(b)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def rows_with_type(image: Image) -> list[tuple[int, int]]:
    """(first, last) row of each line of type: rows with something bright in them."""
    bright = np.r_[False, image.max(axis=(1, 2)) > 120, False].astype(int)
    return list(zip(np.flatnonzero(np.diff(bright) == 1), np.flatnonzero(np.diff(bright) == -1), strict=True))


@pytest.mark.parametrize("size", [(480, 640), (720, 1280), (1920, 1080)])
def test_it_is_large_dark_centred_and_inside(size: tuple[int, int]) -> None:
    image = no_signal(size, "HD Webcam C920", LOST, 1.0)
    assert (image.shape, image.dtype) == ((*size, 3), np.dtype(np.uint8))
    lines = rows_with_type(image)
    top, bottom = lines[0]
    assert bottom - top > min(size) / 14, "read from across a room"
    assert abs((lines[0][0] + lines[-1][1]) / 2 - size[0] / 2) < 0.08 * size[0]
    columns = np.flatnonzero(image.max(axis=(0, 2)) > 120)
    assert columns[0] > 0.04 * size[1]
    assert abs(columns[0] + columns[-1] - size[1]) < 0.03 * size[1]
    assert np.median(image) < 40, "calm"
    brightest = image.reshape(-1, 3)[image.sum(axis=2).argmax()]
    assert contrast(brightest, np.median(image.reshape(-1, 3), axis=0)) > 7


def test_it_says_who_why_and_when() -> None:
    def differs(**changes: object) -> bool:
        other = SourceHealth(**{"state": State.LOST, "cause": LOST.cause, "retry_at": 9.0, **changes})  # type: ignore[arg-type]
        return not np.array_equal(no_signal((480, 640), "cam", other, 1.0), base)

    base = no_signal((480, 640), "cam", LOST, 1.0)
    assert not differs(attempts=7)
    assert differs(cause="no picture for 5 s")
    assert differs(retry_at=12.0)
    assert differs(state=State.CONNECTING)
    assert not np.array_equal(no_signal((480, 640), "another", LOST, 1.0), base)
    assert (np.abs(base.astype(int) - AMBER).max(axis=2) < 8).any(), "the next try has its own colour"


def test_when() -> None:
    assert next_try(LOST, 1.0) == "next try in 8 s"
    assert next_try(LOST, 8.99) == "next try in 1 s"
    assert next_try(LOST, 30.0) == "next try in 1 s"
    assert next_try(SourceHealth(State.CONNECTING, cause="lost"), 0.0) == "connecting …"
    assert next_try(SourceHealth(State.CONNECTING), 0.0) == ""


@pytest.mark.parametrize("size", [(16, 32), (48, 64), (90, 2000), (2000, 90)])
def test_any_size_and_any_words(size: tuple[int, int]) -> None:
    words = "a cause of very many words " * 20 + "\ud800\n"
    image = no_signal(size, "rtsp://" + "x" * 400, SourceHealth(State.LOST, cause=words, retry_at=1e6), 0.0)
    assert image.shape == (*size, 3)
    mark_stale(image, 1e9)


@pytest.mark.parametrize("grey", [0, 128, 255])
@pytest.mark.parametrize("size", [(480, 640), (720, 1280), (1920, 1080)])
def test_the_badge_is_legible_on_anything_and_covers_little(grey: int, size: tuple[int, int]) -> None:
    image = np.full((*size, 3), grey, np.uint8)
    mark_stale(image, 3.2)
    changed = (image != grey).any(axis=2)
    rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
    assert 0.02 < changed.mean() < 0.12
    assert abs(rows[0] + rows[-1] - size[0]) < 4, "in the middle"
    assert abs(columns[0] + columns[-1] - size[1]) < 4
    patch = image[rows[0] : rows[-1], columns[0] : columns[-1]]
    ground = patch[2, patch.shape[1] // 2]  # above the letters
    assert contrast(np.array(TITLE), ground) > 4.5
    assert (np.abs(patch.astype(int) - TITLE).max(axis=2) < 8).any()


def test_the_badge_says_how_old() -> None:
    images = [np.zeros((480, 640, 3), np.uint8) for _ in range(2)]
    for image, age in zip(images, (3.0, 4.0), strict=True):
        mark_stale(image, age)
    assert not np.array_equal(*images)


def test_the_badge_on_planes() -> None:
    image = np.full((240, 320, 3), 128, np.uint8)
    planes = Planes(np.full((240, 320), 128, np.uint8), *np.full((2, 120, 160), 128, np.uint8), "bt709", True)
    mark_stale(planes, 3.0)
    mark_stale(image, 3.0)
    assert np.abs(planes.rgb.astype(int) - image).mean() < 3
