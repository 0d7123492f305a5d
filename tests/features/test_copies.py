"""Copies to train on: distorted ones by their definition, which come in which order, and what is learned from them."""

import numpy as np
import pytest
import scipy.sparse as sp

from mnistlr import ArgumentError
from mnistlr._support.arrays import read_only
from mnistlr.features import DigitReader, add_copies, distort, distortion, redraw
from mnistlr.features.distortion import BEND, CHUNK, PIECE, PLACES, distort_images, draw
from mnistlr.features.edges import windows

# --- distorted ---------------------------------------------------------------------------------------------


def defined(image, A, t, u):
    """Do what the docstring of ``distortion`` says, point by point."""
    rows, columns = image.shape
    middle = np.array([(rows - 1) / 2, (columns - 1) / 2])
    r, c = windows(rows, PLACES), windows(columns, PLACES)
    paper = np.pad(image.astype(float), 1)
    out = np.zeros_like(image)
    for y, x in np.ndindex(rows, columns):
        bend = np.einsum("i,j,aij->a", r[:, y], c[:, x], u)
        source = middle + A @ (np.array([y, x]) - middle) + t + bend
        source = np.clip(source, -1, [rows, columns])  # all paper from there on
        (top, left), (part_y, part_x) = np.floor(source).astype(int), source % 1
        four = np.pad(paper, (0, 1))[top + 1 : top + 3, left + 1 : left + 3]
        out[y, x] = np.floor([1 - part_y, part_y] @ four @ [1 - part_x, part_x] + 0.5)
    return out


@pytest.mark.parametrize("shape", [(28, 28), (8, 8), (5, 9), (1, 6)])
@pytest.mark.parametrize("strength", [1, 5])
def test_a_distorted_copy_is_what_the_equation_says(shape, strength):
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


def test_distortions_turn_stretch_and_slant():
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


@pytest.mark.parametrize("strength", [-1, np.nan, np.inf])
def test_a_strength_is_a_number_that_is_not_negative(strength):
    with pytest.raises(ArgumentError, match="expected strength >= 0, such as 1, got"):
        distort(np.zeros((1, 4), np.uint8), strength=strength)


# --- distorted or redrawn ----------------------------------------------------------------------------------

of_either_kind = pytest.mark.parametrize("copy", [distort, redraw])


@of_either_kind
def test_takes_what_transformers_take(digits, copy):
    X = digits.X_train[:50]
    expected = copy(X, random_state=0)
    assert expected.dtype == np.uint8
    scale = int(X.max())  # which is full ink in other types
    of_floats = copy(X / 16.0, random_state=0)
    assert np.array_equal(of_floats, copy(np.rint(X * (255 / scale)).astype(np.uint8), random_state=0))
    assert np.array_equal(of_floats, copy(sp.csr_array(X / 16.0), random_state=0))
    wide = copy(X, shape=(4, -1), random_state=0)
    assert wide.shape == X.shape
    assert not np.array_equal(wide, expected)


@of_either_kind
def test_images_have_a_shape(copy):
    with pytest.raises(ArgumentError, match="expected square images"):
        copy(np.zeros((1, 5), np.uint8))
    with pytest.raises(ValueError, match="NaN"):
        copy(np.full((1, 4), np.nan))


def test_copies_come_behind_the_originals(digits):
    X, y = digits.X_train[:30], digits.y_train[:30]
    more, labels = add_copies(X, y, distorted=2, redrawn=1, random_state=0)
    random = np.random.RandomState(0)
    copies = [distort(X, random_state=random), distort(X, random_state=random), redraw(X, random_state=random)]
    assert np.array_equal(more, np.concatenate([X, *copies]))
    assert np.array_equal(labels, [*y, *y, *y, *y])
    none, same = add_copies(X, y, 0, 0)
    assert np.array_equal(none, X)
    assert np.array_equal(same, y)
    names = np.array([f"a {digit}" for digit in y])
    assert np.array_equal(add_copies(X, names, distorted=1, redrawn=0)[1], [*names, *names])


@of_either_kind
def test_same_seed_same_bits_for_any_number_of_threads(copy):
    X = np.random.default_rng(0).integers(0, 256, (PIECE + CHUNK + 7, 16)).astype(np.uint8)
    one = copy(X, random_state=3, n_jobs=1)
    assert np.array_equal(one, copy(X, random_state=3, n_jobs=3))
    assert not np.array_equal(one, copy(X, random_state=4))
    if copy is distort:  # the numbers of a piece are drawn together
        assert np.array_equal(one[:PIECE], copy(X[:PIECE], random_state=3))


@pytest.mark.parametrize("name", ["distorted", "redrawn"])
def test_there_is_a_label_for_each_image_and_no_fewer_copies_than_none(digits, name):
    X, y = digits.X_train[:30], digits.y_train[:30]
    with pytest.raises(ArgumentError, match=f"expected {name} >= 0, such as 1, got -1"):
        add_copies(X, y, **{name: -1})
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        add_copies(X, y[:-1])


@pytest.mark.parametrize(
    ("copies", "pen"), [({"redrawn": 0}, None), ({"distorted": 0}, 1)], ids=["of distorted ones", "of other pens"]
)
def test_a_reader_that_learns_from_copies_reads_more(mnist, copies, pen):
    """Few images do not show every hand and every pen: copies mend a tenth of the errors and more."""
    X, y = mnist.X_train[:2000], mnist.y_train[:2000]
    X_test = mnist.X_test if pen is None else redraw(mnist.X_test, random_state=pen)
    alone, taught = (
        1 - DigitReader(random_state=0).fit(*data).score(X_test, mnist.y_test)
        for data in ((X, y), add_copies(X, y, **copies, random_state=0))
    )
    assert taught < 0.9 * alone
