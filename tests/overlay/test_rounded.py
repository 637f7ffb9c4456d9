"""Round corners: the area of the shape, and that its parts make up the whole."""

import numpy as np
import pytest

from livecam.overlay.rounded import rounded, rounded_chroma

SIZES = [(40, 80), (41, 81), (36, 300), (6, 99), (90, 12), (1, 1), (3, 2)]


def cover(shape, size):
    """The shape as one array; a pixel in two parts would count twice."""
    whole = np.zeros(size)
    whole[shape.solid] += 255
    for part, inside, outside in shape.edges:
        whole[part] += inside
        np.testing.assert_array_equal(inside.astype(int) + outside, 255)
    return whole


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("radius", [0, 1, 5, 12, 500])
def test_it_is_a_rectangle_without_its_corners(size, radius):
    r = min(radius, size[0] // 2, size[1] // 2)
    got = cover(rounded(size, radius), size)
    assert got.sum() / 255 == pytest.approx(size[0] * size[1] - (4 - np.pi) * r * r, rel=0.01, abs=0.2)
    np.testing.assert_array_equal(got, got[::-1])
    np.testing.assert_array_equal(got, got[:, ::-1])
    assert got.max() <= 255
    colours = cover(rounded((*size, 3), radius), (*size, 3))
    np.testing.assert_array_equal(colours, np.repeat(got[..., None], 3, axis=2))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("down", "right"), [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_a_chroma_value_is_covered_as_its_four_pixels_are(size, down, right):
    half = (down + size[0] + 1) // 2, (right + size[1] + 1) // 2
    fine = np.zeros((2 * half[0], 2 * half[1]))
    fine[down : down + size[0], right : right + size[1]] = cover(rounded(size, 5), size)
    got = cover(rounded_chroma(size, 5, down, right), half)
    assert np.abs(got - fine.reshape(half[0], 2, half[1], 2).mean(axis=(1, 3))).max() <= 0.5
