"""The function that is minimised: against its definition, finite differences and what must not change it."""

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal

from mnistlr.objective import Objective
from mnistlr.samples import Csr, Samples
from tests.helpers import reference


def make_objective(K, n=1500, d=7, seed=0, X=None, **settings):
    random = np.random.default_rng(seed)
    X = random.normal(size=(n, d)) if X is None else X
    y = random.integers(0, max(K, 2), n).astype(np.int32)
    objective = Objective(Samples.of(X), y, K, **({"alpha": 0.1} | settings))
    return objective, random.normal(size=objective.n_parameters)


@pytest.mark.parametrize("K", [1, 3])
def test_value_gradient_and_hessian_are_those_of_the_definition(K):
    weight = np.random.default_rng(1).uniform(0, 2, 1500)
    objective, theta = make_objective(K, sample_weight=weight)
    X, y = objective.samples.X, objective.y
    W, b = objective.unpack(theta)
    value, gradient = objective.value_and_gradient(theta)
    assert_allclose(value, reference.value(X, y, W, b, 0.1, weight), rtol=1e-13)
    assert_allclose(objective.value(theta), value, rtol=1e-14)
    expected = reference.gradient(X, y, W, b, 0.1, weight)
    assert_allclose(gradient, np.concatenate([g.ravel() for g in expected]), rtol=0, atol=1e-13)
    H = np.array([objective.hessian_vector(theta, e) for e in np.eye(len(theta))])
    assert_allclose(H, reference.hessian(X, W, b, 0.1, weight), rtol=0, atol=1e-13)


def test_without_intercept_its_derivatives_are_zero():
    objective, theta = make_objective(3)
    held, _ = make_objective(3, fit_intercept=False)
    n = held.n_weights
    _, gradient = held.value_and_gradient(theta)
    assert not gradient[n:].any()
    assert_array_equal(gradient[:n], objective.value_and_gradient(theta)[1][:n])
    assert not held.hessian_vector(theta, theta)[n:].any()


@pytest.mark.parametrize("K", [1, 4])
@pytest.mark.parametrize("kind", ["float64", "float32", "uint8", "CSR"])
def test_same_bits_for_any_number_of_threads(K, kind):
    X, _ = reference.make_data(kind, 2500, 11, np.random.default_rng(2))
    results = []
    for n_threads in (1, 2, 3, 2):
        objective, theta = make_objective(K, n=2500, X=X, n_threads=n_threads)
        value, gradient = objective.value_and_gradient(theta)
        results.append(
            np.concatenate([[value, objective.value(theta)], gradient, objective.hessian_vector(theta, theta)])
        )
    for result in results[1:]:
        assert_array_equal(result, results[0])


def test_the_chunks_cover_each_sample_once_and_depend_on_the_data_alone():
    for n in (1, 511, 512, 513, 5000, 60000):
        samples = Samples.of(np.zeros((n, 1)))
        for bytes_each in (0, 8 * 7850, 1 << 30):
            chunks = samples.chunks(bytes_each)
            assert_array_equal(np.concatenate([np.arange(*chunk) for chunk in chunks]), np.arange(n))
            assert len(chunks) * bytes_each <= 64 << 20 or len(chunks) == 1


def test_without_splits_the_samples_into_two_objectives():
    weight = np.random.default_rng(1).uniform(1, 2, 600)
    objective, theta = make_objective(3, n=600, sample_weight=weight)
    held_back = np.random.default_rng(2).permutation(600)[:200]
    others = np.setdiff1d(np.arange(600), held_back)
    kept, validation, rows = objective.without(held_back)
    assert_array_equal(rows, others)
    X, y = objective.samples.X, objective.y
    W, b = objective.unpack(theta)
    assert_allclose(kept.value(theta), reference.value(X[others], y[others], W, b, 0.1, weight[others]), rtol=1e-13)
    mean_loss = reference.value(X[held_back], y[held_back], W, b, 0.0, weight[held_back])
    assert_allclose(validation.value(theta), mean_loss, rtol=1e-13)
    assert np.shares_memory(kept.samples.X, objective.samples.X)


# --- samples ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [np.asarray, sp.csr_matrix])
def test_every_takes_every_nth_sample(make):
    X = np.random.default_rng(0).normal(size=(23, 5)) * (np.random.default_rng(1).random((23, 5)) > 0.6)
    for stride in (1, 2, 5, 23, 40):
        part = Samples.of(make(X)).every(stride)
        dense = sp.csr_matrix(part.X, shape=(part.n, part.d)).toarray() if isinstance(part, Csr) else part.X
        assert_array_equal(dense, X[::stride])
        assert part.n == len(dense)


def test_samples_are_read_only_views():
    X = np.ones((4, 3))
    samples = Samples.of(X)
    assert np.shares_memory(samples.X, X)
    assert not samples.X.flags.writeable
    assert X.flags.writeable
    sparse = Samples.of(sp.csr_matrix(X))
    assert all(not array.flags.writeable for array in sparse.X)


def test_peaks_and_size():
    X = np.array([[-3.0, 2.0, 0.0], [1.0, -1.0, 0.0]])
    assert_array_equal(Samples.of(X).peaks(), [3, 2, 0])
    assert_array_equal(Samples.of(sp.csr_matrix(X)).peaks(), [3, 2, 0])
    assert_array_equal(Samples.of(np.array([[0, 255]], np.uint8)).peaks(), [0, 1])
    assert_array_equal(Samples.of(sp.csr_matrix((3, 2))).peaks(), [0, 0])


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_peaks_of_several_chunks_on_any_number_of_threads(dtype):
    X = np.random.default_rng(0).integers(-200, 200, (2000, 3)).astype(dtype)
    samples = Samples.of(X)
    assert len(samples.chunks()) > 2
    expected = np.abs(X.astype(np.float64)).max(axis=0) * samples.unit
    for n_threads in (1, 2, 5):
        assert_array_equal(samples.peaks(n_threads), expected)
    assert Samples.of(np.zeros((3, 2), np.float32)).nbytes == 24


@pytest.mark.parametrize("make", [np.asarray, sp.csr_matrix])
@pytest.mark.parametrize("dtype", [np.uint8, np.float64])
def test_squared_norms_projections_and_equality(make, dtype):
    random = np.random.default_rng(0)
    X = (random.integers(1, 200, (30, 9)) * (random.random((30, 9)) > 0.6)).astype(dtype)
    X[7], X[8] = X[3], X[3]
    X[8, 4] += 1
    samples = Samples.of(make(X))
    seen = X * samples.unit
    mean, metric, direction = random.normal(size=9), random.uniform(0.5, 2, 9), random.normal(size=9)
    expected = np.square(seen - mean) @ metric
    assert_allclose(samples.squared_norms(mean, metric), expected, rtol=1e-5 if dtype == np.uint8 else 1e-12)
    found = samples.project(direction)
    assert_allclose(found, X @ direction, rtol=1e-12)
    assert found[3] == found[7]
    assert samples.are_equal(3, 7)
    assert not samples.are_equal(3, 8)


@pytest.mark.parametrize("make", [np.asarray, sp.csr_matrix])
@pytest.mark.parametrize("dtype", [np.uint8, np.float64])
def test_second_moment_vector(make, dtype):
    random = np.random.default_rng(0)
    X = (random.integers(1, 200, (1300, 9)) * (random.random((1300, 9)) > 0.6)).astype(dtype)
    weight, v = random.uniform(0, 2, 1300), random.normal(size=10)
    samples = Samples.of(make(X))
    objective = Objective(samples, np.zeros(1300, np.int32), 3, alpha=0.5, sample_weight=weight)
    x = np.column_stack([X * samples.unit, np.ones(1300)])
    expected = x.T @ (weight * (x @ v)) / weight.sum()
    rtol = 1e-5 if dtype == np.uint8 else 1e-12
    assert_allclose(objective.second_moment_vector(v), expected, rtol=0, atol=rtol * np.abs(expected).max())


def test_labels_of_any_kind_make_an_objective():
    X = np.random.default_rng(0).normal(size=(6, 2))
    two = Objective.from_labels(X, ["no", "yes", "no", "yes", "no", "no"], alpha=0.1)
    assert two.n_raw == 1
    assert_array_equal(two.y, [0, 1, 0, 1, 0, 0])
    three = Objective.from_labels(X, [7, 3, 7, 9, 9, 3], alpha=0.1, sample_weight=np.arange(6.0), fit_intercept=False)
    assert (three.n_raw, three.alpha, three.weight_sum, three.fit_intercept) == (3, 0.1, 15, False)
    assert_array_equal(three.y, [1, 0, 1, 2, 2, 0])
