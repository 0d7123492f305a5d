"""Data sets by name: their order, their images, and what replaces MNIST."""

from typing import Any

import numpy as np
import pytest

from mnistlr.datasets.named import NAMES, load_mnist_or_digits, load_named


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


def test_unknown_name() -> None:
    with pytest.raises(ValueError, match="expected a data set of mnist, digits, mnist_5k, got 'cifar'"):
        load_named("cifar")
    assert NAMES == ("mnist", "digits", "mnist_5k")
