"""Which recordings come as planes, and that these are the bytes that FFmpeg has decoded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from source_helpers import corners, read_all, write_video

from livecam._av import av
from livecam.planes import Planes
from livecam.sources import open_source
from livecam.sources._picture import Converter

LIMITED, FULL = 1, 2


def decoded(
    width: int = 96, height: int = 64, pix_fmt: str = "yuv420p", *, matrix: int = 1, colour_range: int = LIMITED
) -> av.VideoFrame:
    """A frame as a decoder gives it, of noise; FFmpeg makes its lines longer than narrow pictures."""
    frame = av.VideoFrame(width, height, pix_fmt)
    rng = np.random.default_rng(0)
    for plane in frame.planes:
        plane.update(rng.integers(16, 236, plane.buffer_size, dtype=np.uint8).tobytes())
    frame.colorspace, frame.color_range = matrix, colour_range
    return frame


@pytest.mark.parametrize(("width", "height"), [(96, 64), (62, 50), (2, 2), (1280, 720)])
@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuvj420p", "nv12"])
@pytest.mark.parametrize("colour_range", [LIMITED, FULL])
def test_planes_are_what_was_decoded(width: int, height: int, pix_fmt: str, colour_range: int) -> None:
    frame = decoded(width, height, pix_fmt, colour_range=colour_range)
    planes = Converter().picture(frame)
    assert isinstance(planes, Planes)
    assert planes.full == (pix_fmt == "yuvj420p" or colour_range == FULL)
    assert planes.shape == (height, width, 3)
    luma, chroma = np.split(frame.to_ndarray().reshape(-1), [width * height])
    u, v = (chroma[0::2], chroma[1::2]) if pix_fmt == "nv12" else np.split(chroma, 2)
    for plane, wanted in ((planes.y, luma), (planes.u, u), (planes.v, v)):
        np.testing.assert_array_equal(plane.ravel(), wanted)
        assert plane.flags.c_contiguous
        assert plane.dtype == np.uint8


@pytest.mark.parametrize(
    ("matrix", "height", "name"),
    [(1, 64, "bt709"), (5, 720, "bt601"), (6, 720, "bt601"), (2, 64, "bt601"), (2, 720, "bt709"), (3, 64, "bt601")],
)
@pytest.mark.parametrize("colour_range", [0, LIMITED, FULL])
def test_their_rgb_is_that_of_the_general_path(matrix: int, height: int, name: str, colour_range: int) -> None:
    frame = decoded(96, height, matrix=matrix, colour_range=colour_range)
    planes = Converter().picture(frame)
    assert isinstance(planes, Planes)
    assert planes.matrix == name
    np.testing.assert_array_equal(planes.rgb, Converter()(frame))


@pytest.mark.parametrize(
    ("frame", "why"),
    [
        (decoded(97, 64), "odd width"),
        (decoded(96, 65), "odd height"),
        (decoded(pix_fmt="yuv422p"), "chroma of full height"),
        (decoded(pix_fmt="yuv444p"), "chroma of full size"),
        (decoded(pix_fmt="yuv420p10le"), "10 bits"),
        (decoded(pix_fmt="rgb24"), "no planes"),
        (decoded(matrix=4), "FCC"),
        (decoded(matrix=7), "SMPTE 240M"),
        (decoded(matrix=9), "BT.2020"),
    ],
    ids=lambda value: value.replace(" ", "-") if isinstance(value, str) else "",
)
def test_what_else_there_is_comes_as_rgb(frame: av.VideoFrame, why: str) -> None:
    picture = Converter().picture(frame)
    assert isinstance(picture, np.ndarray)
    np.testing.assert_array_equal(picture, Converter()(frame))


@pytest.mark.parametrize("transfer", [16, 18], ids=["PQ", "HLG"])
def test_hdr_comes_as_rgb(transfer: int) -> None:
    frame = decoded()
    frame.color_trc = transfer
    assert isinstance(Converter().picture(frame), np.ndarray)


def test_a_recording_comes_as_planes_and_a_turned_one_as_rgb(tmp_path: Path) -> None:
    plain = write_video(tmp_path / "plain.mp4", [corners()] * 2)
    turned = write_video(tmp_path / "turned.mp4", [corners()] * 2, setup=lambda s: s.set_display_rotation(90))
    assert [type(frame.picture) for frame in read_all(open_source(str(plain)))] == [Planes] * 2
    assert [type(frame.picture) for frame in read_all(open_source(str(turned)))] == [np.ndarray] * 2


def test_a_picture_of_another_size_comes_as_rgb(tmp_path: Path) -> None:
    parts = [write_video(tmp_path / f"{w}.h264", [corners(w, w)] * 2).read_bytes() for w in (96, 128)]
    (tmp_path / "both.h264").write_bytes(b"".join(parts))
    frames = read_all(open_source(str(tmp_path / "both.h264")))
    assert [type(frame.picture) for frame in frames] == [Planes] * 2 + [np.ndarray] * 2
    assert [frame.image.shape for frame in frames] == [(96, 96, 3)] * 4
