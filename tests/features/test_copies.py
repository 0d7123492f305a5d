"""Copies to train on: what comes in which order, and what learning from them is good for."""

import numpy as np
import pytest
import scipy.sparse as sp

from mnistlr import ArgumentError
from mnistlr.features import DigitReader, add_copies, distort, redraw


@pytest.mark.parametrize("copy", [distort, redraw])
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


@pytest.mark.parametrize("copy", [distort, redraw])
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


@pytest.mark.parametrize("name", ["distorted", "redrawn"])
def test_there_is_a_label_for_each_image_and_no_fewer_copies_than_none(digits, name):
    X, y = digits.X_train[:30], digits.y_train[:30]
    with pytest.raises(ArgumentError, match=f"expected {name} >= 0, such as 1, got -1"):
        add_copies(X, y, **{name: -1})
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        add_copies(X, y[:-1])


def test_a_reader_that_learns_from_distorted_copies_reads_more(mnist):
    """Few images are not enough to learn every way of writing: copies mend a tenth of the errors and more."""
    X, y = mnist.X_train[:2000], mnist.y_train[:2000]
    alone = DigitReader(random_state=0).fit(X, y)
    taught = DigitReader(random_state=0).fit(*add_copies(X, y, redrawn=0, random_state=0))
    assert 1 - taught.score(mnist.X_test, mnist.y_test) < 0.9 * (1 - alone.score(mnist.X_test, mnist.y_test))


def test_a_reader_that_learns_from_redrawn_copies_knows_other_pens(mnist):
    """Digits of other writers, redrawn: a tenth of the errors and more are mended."""
    X, y = mnist.X_train[:2000], mnist.y_train[:2000]
    others = redraw(mnist.X_test, random_state=1)
    alone = DigitReader(random_state=0).fit(X, y)
    taught = DigitReader(random_state=0).fit(*add_copies(X, y, distorted=0, random_state=0))
    assert 1 - taught.score(others, mnist.y_test) < 0.9 * (1 - alone.score(others, mnist.y_test))
