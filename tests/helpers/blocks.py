"""Data cut into blocks, fits of them with and without Dask, and a cluster in this process."""

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.base import clone

EDGES = [0, 700, 700, 2300, 4000]  # blocks of unequal size, one of them empty
MARKS = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:Sending large graph:UserWarning"),  # these data come from this process
    pytest.mark.filterwarnings("ignore:X holds whole numbers:UserWarning"),  # digits as floats
    pytest.mark.filterwarnings("ignore:Couldn't detect a suitable IP address:RuntimeWarning"),  # for want of a network
]

# Dask is an extra, and imported where it is used.


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Three workers in this process."""
    from distributed import LocalCluster

    with LocalCluster(n_workers=3, threads_per_worker=1, processes=False, dashboard_address="127.0.0.1:0") as cluster:
        yield cluster


@pytest.fixture
def client(cluster: Any) -> Iterator[Any]:
    """The current client, of the three workers."""
    from distributed import Client

    with Client(cluster) as client:
        yield client


def cut(array: Any, edges: Sequence[int] = EDGES) -> list[Any]:
    """Return the blocks between the edges."""
    return [array[start:stop] for start, stop in itertools.pairwise(edges)]


def on_dask(array: Any, edges: Sequence[int] = EDGES) -> Any:
    """Return a Dask array of the blocks between the edges."""
    import dask.array as da

    if sp.issparse(array):
        return on_dask(array.toarray(), edges).map_blocks(sp.csr_matrix)
    return da.from_array(array, chunks=(tuple(np.diff(edges)), *(-1,) * (array.ndim - 1)))


def fit_in_blocks(model: Any, X: Sequence[Any], y: Sequence[Any], sample_weight: Sequence[Any] | None = None) -> Any:
    """Return what a fit on Dask should make of ``model`` and these blocks, found in this process without Dask."""
    from benchmarks.measuring.blocks import LocalRunner
    from mnistlr.on_dask.fitting import learn_in_blocks

    model = clone(model)
    learn_in_blocks(model, X[0], LocalRunner.of(model, X, y, sample_weight, 1), False, None)
    return model


def assert_same_bits(one: Any, other: Any) -> None:
    """Compare two fitted models to the last bit."""
    assert type(one).__name__ == type(other).__name__
    for name in ("classes_", "coef_", "intercept_", "n_iter_", "n_features_in_", "stop_reason_"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), strict=True)
    for name in one.history_:
        if name != "seconds":
            np.testing.assert_array_equal(one.history_[name], other.history_[name])
