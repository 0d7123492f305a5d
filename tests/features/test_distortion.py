"""Distorted copies: the definition in plain loops, and what they keep."""

import numpy as np
import pytest

from mnistlr import ArgumentError
from mnistlr._support.arrays import read_only
from mnistlr.features import distort, distortion
from mnistlr.features.distortion import BEND, CHUNK, PIECE, PLACES, distort_images, draw
from mnistlr.features.edges import windows


def defined(image, A, t, u):
    """Do what the docstring of ``distortion`` says, point by point."""
    rows, columns = image.shape
    middle = np.array([(rows - 1) / 2, (columns - 1) / 2])
    r, c = windows(rows, PLACES), windows(columns, PLACES)
    paper = np.pad(image.astype(float), 1)
    out = np.zeros_like(image)
    for y in range(rows):
        for x in range(columns):
            bend = np.einsum("i,j,aij->a", r[:, y], c[:, x], u)
            source = middle + A @ (np.array([y, x]) - middle) + t + bend
            source = np.clip(source, -1, [rows, columns])  # all paper from there on
            (top, left), (part_y, part_x) = np.floor(source).astype(int), source % 1
            four = np.pad(paper, (0, 1))[top + 1 : top + 3, left + 1 : left + 3]
            shares = np.outer([1 - part_y, part_y], [1 - part_x, part_x])
            out[y, x] = np.floor((four * shares).sum() + 0.5)
    return out


@pytest.mark.parametrize("shape", [(28, 28), (8, 8), (5, 9), (1, 6)])
@pytest.mark.parametrize("strength", [1, 5])
def test_is_what_the_equation_says(shape, strength):
    random = np.random.RandomState(0)
    images = random.randint(0, 256, (20, *shape)).astype(np.uint8)
    numbers = draw(20, strength, shape, random)
    out = np.empty_like(images)
    # Read-only as `distort` has them: numba compiles anew for others.
    by_side = (read_only(windows(side, PLACES)) for side in shape)
    distort_images(read_only(images), *numbers, *by_side, np.empty((2, PLACES)), out)
    for k, image in enumerate(images):
        difference = out[k].astype(int) - defined(image, *(array[k] for array in numbers))
        assert np.abs(difference).max() <= 1  # a sum in float32 may end on the other side of a half
        assert np.count_nonzero(difference) <= 0.01 * difference.size + 1


def test_matrices_turn_stretch_and_slant():
    """A = R(a) [[s_y, 0], [h, s_x]]: its second column is s_x (-sin a, cos a), its determinant s_y s_x."""
    A, t, u = draw(50_000, 1.0, (28, 14), np.random.RandomState(0))
    a, s_x = np.arctan2(-A[:, 0, 1], A[:, 1, 1]), np.hypot(A[:, 0, 1], A[:, 1, 1])
    s_y = np.linalg.det(A) / s_x
    h = np.einsum("ni,ni->n", A[:, :, 0], np.stack([-np.sin(a), np.cos(a)], axis=1))
    turn, stretch, slant, move, bend = distortion.TURN, distortion.STRETCH, distortion.SLANT, distortion.MOVE, BEND
    for values, deviation in ((a, turn), (np.log(s_y), stretch), (np.log(s_x), stretch), (h, slant)):
        assert abs(values.mean()) < 5 * deviation / np.sqrt(len(values))
        np.testing.assert_allclose(values.std(), deviation, rtol=0.02)
    np.testing.assert_allclose(t.std(axis=0), [28 * move, 14 * move], rtol=0.02)
    np.testing.assert_allclose(u.std(axis=(0, 2, 3)), [28 * bend, 14 * bend], rtol=0.02)


def test_no_strength_changes_nothing(digits):
    assert np.array_equal(distort(digits.X_train, strength=0), digits.X_train)


def test_same_seed_same_bits_for_any_number_of_threads():
    X = np.random.default_rng(0).integers(0, 256, (PIECE + CHUNK + 7, 16)).astype(np.uint8)
    one = distort(X, random_state=3, n_jobs=1)
    assert np.array_equal(one, distort(X, random_state=3, n_jobs=3))
    assert not np.array_equal(one, distort(X, random_state=4))
    assert np.array_equal(one[:PIECE], distort(X[:PIECE], random_state=3))  # a piece's numbers are drawn together


@pytest.mark.parametrize("strength", [-1, np.nan, np.inf])
def test_a_strength_is_a_number_that_is_not_negative(strength):
    with pytest.raises(ArgumentError, match="expected strength >= 0, such as 1, got"):
        distort(np.zeros((1, 4), np.uint8), strength=strength)
