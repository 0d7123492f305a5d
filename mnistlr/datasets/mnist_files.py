"""The four files of MNIST: names, shapes and checksums. Whatever the source, the bytes must be these."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mnistlr.datasets.idx import idx_sha256
from mnistlr.exceptions import DataFormatError


class MnistFile(NamedTuple):
    """One of the four files."""

    file_name: str
    """Name of the unpacked file."""
    shape: tuple[int, ...]
    """Shape of the uint8 array in it."""
    sha256: str
    """SHA-256 of the unpacked file."""


MNIST_FILES = {
    "train-images": MnistFile(
        "train-images-idx3-ubyte",
        (60_000, 28, 28),
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    ),
    "t10k-images": MnistFile(
        "t10k-images-idx3-ubyte",
        (10_000, 28, 28),
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    ),
    "train-labels": MnistFile(
        "train-labels-idx1-ubyte",
        (60_000,),
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    ),
    "t10k-labels": MnistFile(
        "t10k-labels-idx1-ubyte",
        (10_000,),
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
}


def check_shape(part: str, array: NDArray[Any], where: object) -> None:
    """Raise `DataFormatError` unless the array that lies at ``where`` has the shape of MNIST's ``part``."""
    expected = MNIST_FILES[part].shape
    if array.dtype != np.uint8 or array.shape != expected:
        raise DataFormatError(
            f"{where} is not MNIST's {part}: expected uint8 of shape {expected}, found {array.dtype.name} of "
            f"shape {array.shape}."
        )


def check_contents(part: str, array: NDArray[Any], where: object) -> None:
    """Raise `DataFormatError` unless the array from ``where`` is byte for byte MNIST's ``part``."""
    check_shape(part, array, where)
    expected, found = MNIST_FILES[part].sha256, idx_sha256(array)
    if found != expected:
        raise DataFormatError(
            f"{where} is not MNIST's {part}: expected the SHA-256 {expected} of the unpacked file, found {found}."
        )
