"""Planes say their picture in RGB on demand, and go into FFmpeg's frames byte for byte."""

import numpy as np
import pytest
from yuv_oracle import KINDS, scene, to_planes, to_rgb

from livecam.planes import CODES, Planes, frame_of, rgb_to_yuv, yuv_to_rgb

SIZES = [(48, 64), (50, 62), (2, 2), (90, 130)]


@pytest.mark.parametrize(("matrix", "full"), KINDS)
def test_rgb_follows_matrix_and_range(matrix, full):
    planes = to_planes(scene(), matrix, full)
    error = planes.rgb - to_rgb(planes)
    assert planes.rgb.shape == planes.shape == (144, 192, 3)
    assert planes.rgb.dtype == np.uint8
    assert np.abs(error).max() <= 3  # the fast path of FFmpeg's scaler
    assert np.abs(error).mean() < 1.5


def test_rgb_is_converted_once():
    planes = to_planes(scene())
    assert planes.rgb is planes.rgb
    assert planes.rgb.flags.c_contiguous
    assert planes.rgb.flags.owndata


@pytest.mark.parametrize(("matrix", "full"), KINDS)
def test_the_weights_are_those_of_the_standards(matrix, full):
    image = scene()
    planes = to_planes(np.kron(image[::2, ::2], np.ones((2, 2, 1))), matrix, full)
    colours = image[::2, ::2].reshape(-1, 3)
    values = np.hstack([colours, np.ones((len(colours), 1))]) @ rgb_to_yuv(matrix, full).T
    stored = np.stack([planes.y[::2, ::2], planes.u, planes.v], -1).reshape(-1, 3)
    assert np.abs(values - stored).max() <= 0.5 + 1e-9
    back = np.hstack([values, np.ones((len(values), 1))]) @ yuv_to_rgb(matrix, full).T
    np.testing.assert_allclose(back, colours, atol=1e-9)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("matrix", "full"), KINDS)
def test_a_frame_holds_the_same_bytes(size, matrix, full):
    planes = to_planes(scene(size), matrix, full)
    frame = frame_of(planes)
    assert (frame.format.name, frame.height, frame.width) == ("yuv420p", *size)
    stacked = np.concatenate([planes.y.ravel(), planes.u.ravel(), planes.v.ravel()])
    np.testing.assert_array_equal(frame.to_ndarray().ravel(), stacked)
    assert (frame.colorspace, frame.color_range) == (CODES[matrix], 2 if full else 1)


def test_limited_range_is_kept_and_full_range_is_narrowed():
    image = scene()
    limited = to_planes(image)
    assert limited.limited() is limited
    narrowed = to_planes(image, "bt601", full=True).limited()
    expected = to_planes(image, "bt601")
    assert (narrowed.matrix, narrowed.full) == ("bt601", False)
    for got, wanted in zip((narrowed.y, narrowed.u, narrowed.v), (expected.y, expected.u, expected.v), strict=True):
        assert np.abs(got.astype(int) - wanted).max() <= 1  # rounded twice


def test_a_copy_has_memory_of_its_own():
    planes = to_planes(scene())
    copy = planes.copy()
    for plane, other in ((planes.y, copy.y), (planes.u, copy.u), (planes.v, copy.v)):
        np.testing.assert_array_equal(plane, other)
        assert not np.shares_memory(plane, other)
    assert (copy.matrix, copy.full) == (planes.matrix, planes.full)
    assert isinstance(copy, Planes)
