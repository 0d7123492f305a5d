"""Deskewing against the definition, written out pixel by pixel in fractions."""

from fractions import Fraction
from math import floor

import numpy as np
import pytest

from mnistlr.features import Deskew


def sheared(image):
    """Do what the docstring of ``deskew`` says, slowly and exactly."""
    rows, columns = image.shape
    ink = {(y, x): Fraction(int(image[y, x])) for y in range(rows) for x in range(columns)}
    m = sum(ink.values())
    if not m:
        return image
    y0, x0 = (sum(v * at[axis] for at, v in ink.items()) / m for axis in (0, 1))
    spread = sum(v * (y - y0) ** 2 for (y, _), v in ink.items())
    slant = sum(v * (x - x0) * (y - y0) for (y, x), v in ink.items()) / spread if spread else Fraction(0)
    out = np.zeros_like(image)
    for y in range(rows):
        shift = Fraction(floor(256 * slant * (y - y0) + Fraction(1, 2)), 256)
        for x in range(columns):
            left, part = floor(x + shift), (x + shift) % 1
            value = (1 - part) * ink.get((y, left), 0) + part * ink.get((y, left + 1), 0)
            out[y, x] = floor(value + Fraction(1, 2))
    return out


@pytest.mark.parametrize("shape", [(28, 28), (8, 8), (5, 9), (1, 6), (6, 1)])
def test_is_what_the_equation_says(shape):
    rng = np.random.default_rng(1)
    images = rng.integers(0, 256, (20, *shape)).astype(np.uint8)
    images[rng.random(images.shape) < 0.6] = 0
    images[0] = 0
    images[1, :, :] = 0
    images[1, 0, 0] = 9  # a single dot has no slant
    out = Deskew(shape=shape).fit_transform(images.reshape(20, -1)).reshape(images.shape)
    for image, result in zip(images, out, strict=True):
        assert np.array_equal(result, sheared(image))


def test_far_shears_lose_what_leaves_the_image():
    image = np.zeros((9, 9), np.uint8)
    image[4, 0], image[5, 8] = 200, 200  # nearly flat: a slant of 8 columns a row
    image[0, 4] = 1
    out = Deskew().fit_transform(image.reshape(1, -1)).reshape(9, 9)
    assert np.array_equal(out, sheared(image))
    assert out[0].sum() == 0


def test_a_slanting_line_becomes_upright():
    image = np.zeros((21, 21), np.uint8)
    image[np.arange(3, 18), np.arange(3, 18)] = 255
    out = Deskew().fit_transform(image.reshape(1, -1)).reshape(21, 21)
    expected = np.zeros_like(out)
    expected[3:18, 10] = 255
    assert np.array_equal(out, expected)
