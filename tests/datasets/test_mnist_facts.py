"""Facts about MNIST that do not depend on how it was loaded."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from mnistlr import load_mnist_5k, split_mnist
from mnistlr.datasets import fetch_mnist, load_mnist
from tests.conftest import ImageData


@pytest.fixture
def full(mnist: ImageData) -> ImageData:
    if not mnist.is_full:
        pytest.skip("needs all of MNIST: set MNISTLR_DATA")
    return mnist


@pytest.fixture
def everything(full: ImageData) -> tuple[np.ndarray, np.ndarray]:
    return load_mnist(return_all=True)


def test_shapes_and_range(full: ImageData) -> None:
    assert full.X_train.shape == (60_000, 784)
    assert full.X_test.shape == (10_000, 784)
    for X in (full.X_train, full.X_test):
        assert (X.min(), X.max()) == (0, 255)


def test_label_counts(full: ImageData) -> None:
    train = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    test = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert np.bincount(full.y_train).tolist() == train
    assert np.bincount(full.y_test).tolist() == test


def test_first_labels(full: ImageData) -> None:
    assert full.y_train[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert full.y_test[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]


def test_image_36001_is_a_2(everything: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = everything
    assert y[36001] == 2
    assert X[36001].any()


def test_order_of_all_70_000(full: ImageData, everything: tuple[np.ndarray, np.ndarray]) -> None:
    for got, expected in zip(split_mnist(*everything), full[:4], strict=True):
        np.testing.assert_array_equal(got, expected)


def test_the_mean_pixel(full: ImageData) -> None:
    # The constants with which MNIST is commonly standardised.
    assert full.X_train.mean() / 255 == pytest.approx(0.1307, abs=5e-5)
    assert full.X_train.std() / 255 == pytest.approx(0.3081, abs=5e-5)


def test_checksums_of_the_unpacked_files(full: ImageData, tmp_path: Path) -> None:
    digests = [
        hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(fetch_mnist(cache_dir=tmp_path).iterdir())
    ]
    assert digests == [
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    ]


def test_the_5000_images_are_part_of_the_training_set(full: ImageData) -> None:
    X, y = load_mnist_5k()
    label_of = {row.tobytes(): label for row, label in zip(full.X_train, full.y_train.tolist(), strict=True)}
    assert [label_of[row.tobytes()] for row in X] == y.tolist()


def test_splits_of_the_fixtures(mnist: ImageData, small_mnist: ImageData, digits: ImageData) -> None:
    for data in (mnist, small_mnist, digits):
        assert data.X_train.dtype == np.uint8
        assert data.X_train.max() == 255
        assert len(data.X_train) == len(data.y_train)
        assert len(data.X_test) == len(data.y_test)
        assert set(data.y_train) == set(data.y_test) == set(range(10))
    assert (len(small_mnist.y_train), len(small_mnist.y_test)) == (4000, 1000)
