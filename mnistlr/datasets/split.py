"""Cut a data set into parts for training and for testing."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

RandomState = int | np.random.RandomState | np.random.Generator | None

_N_TRAIN, _N_TEST = 60_000, 10_000


def split_mnist(X: Any, y: ArrayLike) -> tuple[Any, Any, NDArray[Any], NDArray[Any]]:
    """Split the 70,000 images of MNIST as its authors did: the first 60,000 to train, the rest to test.

    Parameters
    ----------
    X : array or CSR matrix, shape (70000, n_features)
        The images in the order of the original files, which is OpenML's order too.
    y : array-like, shape (70000,)
        Their labels.

    Returns
    -------
    X_train, X_test, y_train, y_test
        Views of the arrays given.

    Raises
    ------
    ValueError
        If there are not 70,000 rows.
    """
    X, y = _check_rows(X, y)
    if len(y) != _N_TRAIN + _N_TEST:
        raise ValueError(
            f"expected MNIST's {_N_TRAIN + _N_TEST} rows, got {len(y)}; split other data with stratified_split."
        )
    return X[:_N_TRAIN], X[_N_TRAIN:], y[:_N_TRAIN], y[_N_TRAIN:]


def shuffle(X: Any, y: ArrayLike, *, random_state: RandomState = None) -> tuple[Any, NDArray[Any]]:
    """Put the rows of ``X`` and ``y`` into the same random order.

    Parameters
    ----------
    X : array or CSR matrix, shape (n, ...)
    y : array-like, shape (n,)
    random_state : int, RandomState, Generator or None
        An int gives the same order each time, the one that `sklearn.utils.shuffle` gives for it; a
        `numpy.random.RandomState` or `numpy.random.Generator` is drawn from; None takes fresh entropy.

    Returns
    -------
    X, y
        Shuffled copies.
    """
    X, y = _check_rows(X, y)
    order = _random(random_state).permutation(len(y))
    return X[order], y[order]


def stratified_split(
    X: Any, y: ArrayLike, *, test_size: float | int = 0.2, random_state: RandomState = None
) -> tuple[Any, Any, NDArray[Any], NDArray[Any]]:
    """Split into a training and a test set at random, with the classes in the same proportions in both.

    Class ``k`` with ``n_k`` of the ``n`` rows should get ``n_test * n_k / n`` rows of the test set. That is
    rounded down, and the rows still missing go one each to the classes with the largest remainders (the
    method of Hamilton, known from parliaments); of equal remainders the class that sorts first wins.

    Parameters
    ----------
    X : array or CSR matrix, shape (n, ...)
    y : array-like, shape (n,)
        Class labels of any kind that sorts.
    test_size : float or int, default=0.2
        A float between 0 and 1 is the share of rows to test on, rounded up; an int is their number.
    random_state : int, RandomState, Generator or None
        As in `shuffle`.

    Returns
    -------
    X_train, X_test, y_train, y_test
        Copies, in random order.

    Raises
    ------
    ValueError
        If `test_size` is out of range, a class has a single row, or one of the sets would have fewer rows
        than there are classes.
    """
    X, y = _check_rows(X, y)
    n = len(y)
    n_test = _n_test(test_size, n)
    classes, code, counts = np.unique(y, return_inverse=True, return_counts=True)
    if counts.size and counts.min() < 2:
        raise ValueError(
            f"a stratified split needs at least two rows of each class; class {classes[counts.argmin()]} has one."
        )
    if min(n_test, n - n_test) < len(classes):
        raise ValueError(
            f"expected at least one row for each of the {len(classes)} classes on both sides, but {n} rows "
            f"would be split into {n - n_test} and {n_test}; change test_size."
        )
    n_test_of_class = _largest_remainder(counts, n_test)

    order = _random(random_state).permutation(n)
    in_test = np.zeros(n, dtype=bool)  # of the rows in that order
    for k in range(len(classes)):
        in_test[np.flatnonzero(code[order] == k)[: n_test_of_class[k]]] = True
    train, test = order[~in_test], order[in_test]
    return X[train], X[test], y[train], y[test]


def stratified_folds(
    y: ArrayLike, n_splits: int = 5, *, random_state: RandomState = None
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Cut the rows into folds for cross-validation, with the classes in the same proportions in each.

    The rows are laid out class by class, like cards sorted by suit, and dealt to the folds in turn: that
    fixes how many rows of each class a fold gets. The folds are those of
    `sklearn.model_selection.StratifiedKFold`.

    Parameters
    ----------
    y : array-like, shape (n,)
        Class labels of any kind that sorts.
    n_splits : int, default=5
        Number of folds, at least 2 and at most the number of rows of the rarest class.
    random_state : int, RandomState, Generator or None
        None keeps the order: the first rows of each class make the first fold, and so on. Anything else, as
        in `shuffle`, deals the rows of each class at random.

    Returns
    -------
    iterator of (train, test)
        For each fold the sorted indices of the rows outside it and inside it.

    Raises
    ------
    ValueError
        If `n_splits` is out of range.
    """
    y = _check_labels(y)
    classes, first, code, counts = np.unique(y, return_index=True, return_inverse=True, return_counts=True)
    if not 2 <= n_splits <= counts.min(initial=len(y)):
        rarest = f"; class {classes[counts.argmin()]} has {counts.min()}" if counts.size else ""
        raise ValueError(
            f"expected at least 2 folds and in each class as many rows as folds, got n_splits={n_splits}{rarest}."
        )
    # The class seen first is dealt first, as in scikit-learn.
    by_appearance = np.argsort(first)
    dealt = np.repeat(by_appearance, counts[by_appearance])
    fold = np.empty(len(y), dtype=np.intp)
    random = None if random_state is None else _random(random_state)
    for k in by_appearance:
        n_of_fold = np.bincount(np.flatnonzero(dealt == k) % n_splits, minlength=n_splits)
        folds_of_class = np.repeat(np.arange(n_splits), n_of_fold)
        if random is not None:
            random.shuffle(folds_of_class)
        fold[code == k] = folds_of_class
    return ((np.flatnonzero(fold != i), np.flatnonzero(fold == i)) for i in range(n_splits))


def _largest_remainder(counts: NDArray[np.intp], n_seats: int) -> NDArray[np.intp]:
    # In whole numbers, so that equal remainders are equal and not apart by a rounding error.
    seats, remainders = np.divmod(counts * n_seats, counts.sum())
    n_left = n_seats - seats.sum()
    seats[np.argsort(-remainders, kind="stable")[:n_left]] += 1
    return seats


def _n_test(test_size: float | int, n: int) -> int:
    if isinstance(test_size, (int, np.integer)) and not isinstance(test_size, bool):
        if 0 < test_size < n:
            return int(test_size)
        raise ValueError(f"expected test_size between 1 and {n - 1} rows, got {test_size}.")
    if not 0.0 < test_size < 1.0:
        raise ValueError(f"expected test_size as a share between 0 and 1 or as an int, got {test_size!r}.")
    return math.ceil(test_size * n)


def _random(random_state: RandomState) -> np.random.RandomState | np.random.Generator:
    if isinstance(random_state, (np.random.RandomState, np.random.Generator)):
        return random_state
    return np.random.RandomState(random_state)


def _check_rows(X: Any, y: ArrayLike) -> tuple[Any, NDArray[Any]]:
    y = _check_labels(y)
    if not hasattr(X, "shape"):
        X = np.asarray(X)
    if X.shape[0] != len(y):
        raise ValueError(f"expected a label for each row, got {X.shape[0]} rows and {len(y)} labels.")
    return X, y


def _check_labels(y: ArrayLike) -> NDArray[Any]:
    y = np.asarray(y)
    if y.ndim != 1:
        raise ValueError(f"expected labels of shape (n,), got shape {y.shape}.")
    return y
