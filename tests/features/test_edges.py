"""Edge features against the definition in plain NumPy, and by what they are invariant to."""

import numpy as np
import pytest

from mnistlr.features import EdgeFeatures
from mnistlr.features.edges import FULL, windows


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
    for y in range(rows):
        for x in range(columns):
            lower = int(angle[y, x] // step)
            # g = a u_lower + b u_lower+1, by the sine rule
            rest = angle[y, x] - lower * step
            votes[lower % directions, y, x] += length[y, x] * np.sin(step - rest)
            votes[(lower + 1) % directions, y, x] += length[y, x] * np.sin(rest)
    out = []
    for grid in grids:
        sums = np.einsum("iy,jx,kyx->ijk", windows(rows, grid), windows(columns, grid), votes)
        share = sums * grid * grid * directions / FULL / max(votes.sum(), 1e-300)
        out.append(np.minimum(255, 255 * np.sqrt(share)).ravel())
    return np.concatenate(out)


@pytest.mark.parametrize("shape", [(28, 28), (8, 8), (5, 9), (1, 6), (40, 37)])
@pytest.mark.parametrize(("directions", "grids"), [(9, (8, 6)), (8, (7,)), (4, (1, 2, 3)), (12, (5,))])
def test_is_what_the_equation_says(shape, directions, grids):
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


def test_fainter_ink_has_the_same_edges():
    image = np.zeros((28, 28), np.uint8)
    image[8:20, 12:16] = 80
    first, second = EdgeFeatures().fit_transform(np.stack([image.ravel(), 3 * image.ravel()]))
    assert np.array_equal(first, second)


def test_a_turn_of_the_image_turns_the_features():
    rng = np.random.default_rng(3)
    image = rng.integers(0, 256, (28, 28)).astype(np.uint8)
    turned = np.rot90(image)  # against the clock: right becomes up, which is a quarter of all directions back
    both = EdgeFeatures(directions=8, grids=(4,)).fit_transform(np.stack([image.ravel(), turned.ravel()]))
    first, second = both.reshape(2, 4, 4, 8).astype(int)
    assert np.abs(np.roll(np.rot90(first), -2, axis=2) - second).max() <= 1
