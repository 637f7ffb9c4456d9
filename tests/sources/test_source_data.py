"""Real recordings, with the facts that are known of them."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from source_helpers import read_all

from livecam.errors import SourceError
from livecam.sources import open_source

pytestmark = pytest.mark.data

# name: pictures, errors, (width, height), first time
FACTS = {
    "01_dog.mp4": (289, 0, (1280, 720), Fraction(0)),
    "bbb_2500ms.ts": (58, 0, (1920, 1080), Fraction(137250, 90000)),
    "bbb_800x640_768kbps_30fps_avc_2b_firstpts_10_sec.mp4": (120, 0, (800, 640), Fraction(10)),
    "corrupted.mp4": (49, 1, (1280, 720), Fraction(0)),
    "fire2.mp4": (25, 0, (1280, 720), Fraction(0)),
    "hlg10-color-test.mp4": (9, 0, (1920, 1080), Fraction(0)),
    "internal_emulator_transformer_output.mp4": (149, 0, (1280, 720), Fraction(0)),
    "internal_emulator_transformer_output_270_rotated.mp4": (149, 0, (720, 1280), Fraction(0)),
    "nasa_13013.mp4": (390, 0, (480, 270), Fraction(0)),
    "no_duration.webm": (74, 0, (1280, 720), Fraction(0)),
    "portrait_4k60.mp4": (18, 0, (2160, 3840), Fraction(0)),
    "sample.mkv": (30, 0, (1080, 720), Fraction(67, 1000)),
    "sample_android_slow_motion.mp4": (7, 0, (1280, 720), Fraction(0)),
    "sample_edit_list.mp4": (77, 0, (1080, 1920), Fraction(0)),
    "sample_with_invalid_nalu.mp4": (29, 1, (1080, 720), Fraction(0)),
    "wolf.mp4": (40, 0, (512, 512), Fraction(0)),
}


@pytest.mark.parametrize("name", FACTS)
def test_facts(data: Path, name: str) -> None:
    pictures, errors, size, first = FACTS[name]
    count, last = 0, None
    with open_source(str(data / "video" / name)) as source:
        assert (source.info.width, source.info.height) == size
        while (frame := source.read()) is not None:
            assert frame.image.shape == (size[1], size[0], 3)
            assert frame.ticks * source.info.time_base == first if last is None else frame.ticks > last
            last = frame.ticks
            count += 1
        assert (count, source.decode_errors) == (pictures, errors)


@pytest.mark.parametrize("name", ["sample_malformed_free_box.mp4", "sample_audio_only.mp4"])
def test_not_usable(data: Path, name: str) -> None:
    with pytest.raises(SourceError, match=name):
        open_source(str(data / "video" / name))


@pytest.mark.parametrize(
    "name",
    ["portrait_4k60", "fire2", "internal_emulator_transformer_output_270_rotated", "01_dog", "wolf", "sample.mkv"],
)
def test_upright_and_coloured_as_opencv_shows_it(data: Path, name: str) -> None:
    path = str(data / "video" / (name if "." in name else f"{name}.mp4"))
    capture = cv2.VideoCapture(path)
    capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 1)
    good, theirs = capture.read()
    capture.release()
    with open_source(path) as source:
        ours = source.read()
    assert good
    assert ours is not None
    # OpenCV takes BT.601 for every picture that does not name its matrix: 17 levels at most, but the same picture.
    assert np.abs(theirs[:, :, ::-1].astype(int) - ours.image).mean() < 2


def test_twins_store_the_same_picture(data: Path) -> None:
    folder = data / "video"
    plain = open_source(str(folder / "internal_emulator_transformer_output.mp4"))
    turned = open_source(str(folder / "internal_emulator_transformer_output_270_rotated.mp4"))
    for a, b in zip(read_all(plain)[::50], read_all(turned)[::50], strict=True):
        assert np.array_equal(np.rot90(a.image), b.image)


def test_claims(data: Path) -> None:
    with open_source(str(data / "video" / "no_duration.webm")) as source:
        assert (source.info.frames, source.info.duration_s) == (0, 0.0)
    with open_source(str(data / "video" / "sample.mkv")) as source:
        assert source.info.fps == 60.0  # not the 1000 that it claims
