"""Deskewing against the definition in fractions, edge features against theirs in plain NumPy, pixel by pixel."""

from fractions import Fraction
from math import floor

import numpy as np
import pytest

from mnistlr.features import Deskew, EdgeFeatures
from mnistlr.features.edges import FULL, windows


def sheared(image):
    """Do what the docstring of ``deskew`` says, slowly and exactly."""
    ink = {at: Fraction(int(value)) for at, value in np.ndenumerate(image)}
    m = sum(ink.values())
    if not m:
        return image
    y0, x0 = (sum(v * at[axis] for at, v in ink.items()) / m for axis in (0, 1))
    spread = sum(v * (y - y0) ** 2 for (y, _), v in ink.items())
    slant = sum(v * (x - x0) * (y - y0) for (y, x), v in ink.items()) / spread if spread else Fraction(0)
    out = np.zeros_like(image)
    for y, x in ink:
        source = x + Fraction(floor(256 * slant * (y - y0) + Fraction(1, 2)), 256)
        left, part = divmod(source, 1)
        value = (1 - part) * ink.get((y, left), 0) + part * ink.get((y, left + 1), 0)
        out[y, x] = floor(value + Fraction(1, 2))
    return out


@pytest.mark.parametrize("shape", [(28, 28), (8, 8), (5, 9), (1, 6), (6, 1)])
def test_deskewing_is_what_the_equation_says(shape):
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


def by_definition(image, directions, grids):
    """Do what the docstring of ``edges`` says for one image, in float64."""
    rows, columns = image.shape
    padded = np.pad(image.astype(float), 2)
    line = np.array([1.0, 2.0, 1.0])
    smooth = sum(line[i] * line[j] * padded[i : i + rows + 2, j : j + columns + 2] for i in range(3) for j in range(3))
    g_x, g_y = smooth[1:-1, 2:] - smooth[1:-1, :-2], smooth[2:, 1:-1] - smooth[:-2, 1:-1]
    angle, length = np.arctan2(g_y, g_x), np.hypot(g_x, g_y)
    step = 2 * np.pi / directions
    votes = np.zeros((directions, rows, columns))
    for y, x in np.ndindex(rows, columns):
        lower, rest = divmod(angle[y, x], step)
        # g = a u_lower + b u_lower+1, by the sine rule
        votes[int(lower) % directions, y, x] += length[y, x] * np.sin(step - rest)
        votes[int(lower + 1) % directions, y, x] += length[y, x] * np.sin(rest)
    out = []
    for grid in grids:
        sums = np.einsum("iy,jx,kyx->ijk", windows(rows, grid), windows(columns, grid), votes)
        share = sums * grid * grid * directions / FULL / max(votes.sum(), 1e-300)
        out.append(np.minimum(255, 255 * np.sqrt(share)).ravel())
    return np.concatenate(out)


@pytest.mark.parametrize("shape", [(28, 28), (8, 8), (5, 9), (1, 6), (40, 37)])
@pytest.mark.parametrize(("directions", "grids"), [(9, (8, 6)), (8, (7,)), (4, (1, 2, 3)), (12, (5,))])
def test_edge_features_are_what_the_equation_says(shape, directions, grids):
    rng = np.random.default_rng(2)
    images = rng.integers(0, 256, (12, *shape)).astype(np.uint8)
    images[rng.random(images.shape) < 0.7] = 0
    images[0] = 0
    images[1:, :, : shape[1] // 3] = 0
    edges = EdgeFeatures(directions=directions, grids=grids, shape=shape)
    out = edges.fit_transform(images.reshape(12, -1))
    for image, features in zip(images, out, strict=True):
        assert np.abs(features - by_definition(image, directions, grids)).max() < 0.501
    assert not out[0].any()


def test_windows_share_out_every_pixel():
    for size, places in ((28, 8), (28, 6), (8, 8), (5, 9)):
        weights = windows(size, places)
        assert weights.shape == (places, size)
        assert np.allclose(weights.sum(axis=0), 1)
        assert weights.min() >= 0
    assert windows(4, 2).tolist() == [[1.0, 0.75, 0.25, 0.0], [0.0, 0.25, 0.75, 1.0]]
