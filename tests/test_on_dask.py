"""Fits on Dask have the same bits as those without it, whatever the workers; data and errors stay block-wise."""

import itertools

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.base import clone

from mnistlr import LogisticRegression, SoftmaxRegression
from mnistlr.on_dask.tree import add_node, merge, total

pytest.importorskip("distributed")
da = pytest.importorskip("dask.array")
from distributed import Client, LocalCluster  # noqa: E402

from mnistlr.on_dask import fit_in_blocks  # noqa: E402

EDGES = [0, 700, 700, 2300, 4000]  # blocks of unequal size, one of them empty
pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:Sending large graph:UserWarning"),  # these data come from this process
    pytest.mark.filterwarnings("ignore:Couldn't detect a suitable IP address:RuntimeWarning"),  # for want of a network
]


@pytest.fixture(scope="module")
def cluster():
    """Three workers in this process."""
    with LocalCluster(n_workers=3, threads_per_worker=1, processes=False, dashboard_address=None) as cluster:
        yield cluster


@pytest.fixture
def client(cluster):
    with Client(cluster) as client:
        yield client


def cut(array, edges=EDGES):
    return [array[start:stop] for start, stop in itertools.pairwise(edges)]


def on_dask(array, edges=EDGES):
    if sp.issparse(array):
        return on_dask(array.toarray(), edges).map_blocks(sp.csr_matrix)
    return da.from_array(array, chunks=(tuple(np.diff(edges)), *(-1,) * (array.ndim - 1)))


def assert_same_bits(one, other):
    assert type(one) is type(other)
    for name in ("classes_", "coef_", "intercept_", "n_iter_", "n_features_in_", "stop_reason_"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), strict=True)
    for name in one.history_:
        if name != "seconds":
            np.testing.assert_array_equal(one.history_[name], other.history_[name])


# The tree


@pytest.mark.parametrize("n", [1, 2, 3, 5, 8, 13, 64, 100])
def test_sums_do_not_depend_on_who_adds_what(n):
    random = np.random.default_rng(n)
    vectors = random.standard_normal((n, 3)) * 10.0 ** random.integers(-8, 8, (n, 1))
    expected = None
    for workers in (1, 2, 3, 7):
        owner = random.integers(workers, size=n)
        parts = []
        for worker in range(workers):
            parts.append({})
            for block in random.permutation(np.flatnonzero(owner == worker)):
                add_node(parts[-1], 0, int(block), vectors[block], n)
        random.shuffle(parts)
        sums = total(merge(parts, n))
        expected = sums if expected is None else expected
        np.testing.assert_array_equal(sums, expected)
    np.testing.assert_allclose(expected, vectors.sum(axis=0), rtol=1e-12, atol=1e-12 * abs(vectors).max())


def test_neighbouring_blocks_make_few_nodes():
    nodes = {}
    for block in range(37, 900):
        add_node(nodes, 0, block, np.ones(1), 1024)
    assert len(nodes) <= 2 * 10
    assert sum(int(vector[0]) for vector in nodes.values()) == 900 - 37


# Fitting


@pytest.mark.parametrize("solver", ["lbfgs", "newton", "gd", "nesterov", "sgd"])
@pytest.mark.parametrize("kind", ["uint8", "float32", "float64", "csr"])
def test_same_bits_as_on_one_machine(client, small_mnist, solver, kind):
    X, y = small_mnist.X_train, small_mnist.y_train
    if kind != "uint8":
        X = (X / 255).astype("float32" if kind == "csr" else kind)
    if kind == "csr":
        X = sp.csr_matrix(X)
    binary = kind in ("uint8", "csr")
    model = LogisticRegression() if binary else SoftmaxRegression()
    model.set_params(solver=solver, max_iter=4, random_state=0)
    y = y == 2 if binary else y
    here = fit_in_blocks(clone(model), cut(X), cut(y))
    there = clone(model).fit(on_dask(X), y)
    assert_same_bits(here, there)
    whole = clone(model).fit(X, y)
    assert_same_bits(whole, fit_in_blocks(clone(model), [X], [y]))
    if solver != "sgd":  # another order of the sums, but the same function
        np.testing.assert_allclose(there.history_["objective"], whole.history_["objective"], rtol=1e-5)
