"""What loading MNIST should end with: the data, a clean cache, or one clear error."""

from pathlib import Path

import numpy as np
import pytest

from mnistlr import DataUnavailableError, load_mnist
from tests.conftest import TinyMnist


def assert_is(split: tuple[np.ndarray, ...], tiny: TinyMnist) -> None:
    for got, expected in zip(split, tiny.split, strict=True):
        np.testing.assert_array_equal(got, expected)


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def expected_sum(tiny: TinyMnist) -> int:
    return sum(int(array.sum()) for array in tiny.split)


def assert_cache_is_good_and_clean(cache: Path, tiny: TinyMnist) -> None:
    assert contents(cache) == tiny.raw


def failing_load(cache: Path) -> str:
    with pytest.raises(DataUnavailableError) as caught:
        load_mnist(cache_dir=cache)
    assert list(cache.iterdir()) == []  # nothing half-written
    return str(caught.value)
