"""Data sets by name: their order, their images, and what replaces MNIST."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mnistlr.datasets import write_idx
from mnistlr.datasets.named import NAMES, load_folder, load_mnist_or_digits, load_named
from mnistlr.exceptions import DataFormatError
from tests.conftest import TinyMnist


def test_bad_folder_is_an_error_and_not_replaced(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setenv("MNISTLR_DATA", str(tmp_path))
    with pytest.raises(ValueError, match="MNISTLR_DATA"):
        load_mnist_or_digits()


@pytest.mark.parametrize("name", ["digits", "mnist_5k"])
def test_named_data_keep_the_published_order(name: str) -> None:
    import mnistlr

    data = load_named(name)
    X, y = {"digits": mnistlr.load_digits, "mnist_5k": mnistlr.load_mnist_5k}[name]()
    assert len(data) == len(y)
    for index in (0, 1, 777, len(y) - 1):
        pixels, label = data.image(index)
        assert np.array_equal(pixels, X[index])
        assert label == y[index]
    assert sum(data.is_for_training(index) for index in range(len(y))) == len(data.y_train)
    assert data.first_image_of(7) == np.flatnonzero(y == 7)[0]
    for index in (-1, len(y)):
        with pytest.raises(ValueError, match=f"index of an image of {name}, 0 to {len(y) - 1}, got {index}"):
            data.image(index)


@pytest.mark.parametrize("name", ["digits", "mnist_5k"])
def test_an_image_is_found_by_its_part_and_number(name: str) -> None:
    data = load_named(name)
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
    assert data.index_of("", 3) == 3


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
