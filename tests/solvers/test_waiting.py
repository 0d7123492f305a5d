"""Sparse data: the features that a batch does not hold wait, and nothing else changes."""

import sys

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal

from mnistlr.objective import Objective
from mnistlr.samples import Samples
from mnistlr.solvers import SGD, lbfgs, sgd
from mnistlr.solvers.step_size import derive_step_size
from tests.conftest import ImageData
from tests.helpers import reference


def make_words(n, d, K, dtype, seed=0):
    """Rows of words that are the rarer the larger their number, some of which tell the class."""
    random = np.random.default_rng(seed)
    y = random.integers(0, max(K, 2), n).astype(np.int32)
    columns = (d * random.random((n, 12)) ** 4).astype(np.int32)
    columns[:, :4] = (columns[:, :4] * 7 + 31 * y[:, np.newaxis]) % d
    data = random.uniform(0.2, 1, columns.size)
    X = sp.csr_matrix((data, columns.ravel(), np.arange(0, columns.size + 1, 12)), shape=(n, d))
    X.sum_duplicates()
    return X.astype(dtype), y


def naive_epoch(X, y, theta, alpha, order, batch_size, step, waits, fit_intercept):
    """The equations, for all features in every step; those of ``waits`` that a batch does not hold shrink by e^-x."""
    n, d = X.shape
    K = len(theta) // (d + 1)
    W, b = theta[: K * d].reshape(K, d).copy(), theta[K * d :].copy()
    average, average_b, largest = W.copy(), b.copy(), 0.0
    for t, first in enumerate(range(0, n, batch_size), 1):
        batch = order[first : first + batch_size]
        x = X[batch].toarray()
        residuals = reference.residuals(x @ W.T + b, y[batch])
        g, g_b = residuals.T @ x / len(batch), residuals.mean(axis=0)
        eta = step.eta * (1 + t / (n / batch_size)) ** -0.5
        held = (x != 0).any(axis=0) | ~waits
        change = -eta * step.metric * (g + alpha * W - g_b[:, np.newaxis] * step.mean)
        change[:, ~held] = (W * np.expm1(-eta * step.metric * alpha))[:, ~held]
        W = W + change
        b = b - fit_intercept * (eta * g_b + change @ step.mean)
        share = 4 / (t + 3)
        average += share * (W - average)
        average_b += share * (b - average_b)
        largest = max(largest, np.abs(W).max())
    return np.append(W.ravel(), b), np.append(average.ravel(), average_b), largest


@pytest.mark.parametrize(("K", "dtype"), [(1, np.float64), (3, np.float32), (20, np.float64)])
@pytest.mark.parametrize("alpha", [0.0, 1e-3])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_an_epoch(K, dtype, alpha, fit_intercept):
    X, y = make_words(150, 6000, K, dtype)
    objective = Objective(Samples.of(X), y, K, alpha=alpha, fit_intercept=fit_intercept)
    theta = np.random.default_rng(1).normal(0, 0.1, objective.n_parameters)
    if not fit_intercept:
        theta[-K:] = 0
    waits = objective.samples.rare_features(4, K)
    step = derive_step_size(objective, 4, waits)
    assert 5000 < waits.sum() < 6000
    assert (step.mean[waits] == 0).all()
    assert step.mean[~waits].any() == fit_intercept
    order = np.random.RandomState(0).permutation(150)
    point, average, largest = naive_epoch(
        X.astype(np.float64), y, theta, alpha, order, 4, step, step.mean == 0, fit_intercept
    )
    last = SGD(objective, theta, batch_size=4, average=False)
    mean = SGD(objective, theta, batch_size=4)
    for state in (last, mean):
        state.epoch(objective, None, np.random.RandomState(0))
        assert state.steps == 38
    rounding = 8 * 38 * np.finfo(dtype).eps * largest
    assert_allclose(last.theta, point, rtol=0, atol=rounding)
    # On the path of a feature that waits the average takes W's mean: off by its length, whatever the shares are.
    longest = -np.expm1(-alpha * 38 * step.eta * step.metric) * largest
    off = np.abs(mean.theta - average)
    assert (off[:-K].reshape(K, -1) <= rounding + longest).all()
    assert (off[-K:] <= rounding).all()


def test_the_step_size_is_that_of_centred_features_but_for_rare_ones():
    X, y = make_words(3000, 90000, 3, np.float64)
    objective = Objective(Samples.of(X), y, 3, alpha=1e-4)
    waits = objective.samples.rare_features(16, 3)
    one, other = (derive_step_size(objective, 16, rare) for rare in (waits, None))
    assert_array_equal(one.mean[~waits], other.mean[~waits])
    assert_array_equal(one.metric[~waits], other.metric[~waits])
    assert_allclose(one.eta, other.eta, rtol=0.1)


@pytest.mark.parametrize("K", [1, 3])
def test_epochs_come_nearer_to_the_optimum(K):
    X, y = make_words(3000, 30_000, K, np.float64)
    objective = Objective(Samples.of(X), y, K, alpha=1e-3)
    optimum = next(it for it in lbfgs(objective) if it.gradient_norm < 1e-8).value
    gaps = [it.value - optimum for it, _ in zip(sgd(objective, random_state=np.random.RandomState(0)), range(40))]  # noqa: B905
    start = objective.value(objective.zeros()) - optimum
    assert 0 < gaps[39] < gaps[9] / 2 < gaps[0] / 4
    assert gaps[39] < 2e-3 * start


def test_momentum_or_data_that_fill_a_batch_let_nothing_wait(digits: ImageData, monkeypatch):
    monkeypatch.setattr(sys.modules[SGD.__module__], "sparse_sgd_steps", None)
    images = Objective(Samples.of(sp.csr_matrix(digits.X_train)), digits.y_train.astype(np.int32), 10, alpha=1e-3)
    assert not images.samples.rare_features(16, 10).any()
    SGD(images, images.zeros()).epoch(images, None, np.random.RandomState(0))
    dense = Samples.of(make_words(100, 9000, 3, np.float64)[0].toarray())
    assert not dense.rare_features(1, 3).any()
    X, y = make_words(100, 9000, 3, np.float64)
    words = Objective(Samples.of(X), y, 3, alpha=1e-3)
    SGD(words, words.zeros(), momentum=0.5).epoch(words, None, np.random.RandomState(0))


def test_pieces_of_any_kind_follow_one_another():
    X, y = make_words(400, 9000, 3, np.float64)
    state, objectives = None, []
    for rows in (slice(0, 100), slice(100, 110), slice(110, 400)):
        for piece in (X[rows], X[rows].toarray()):
            objective = Objective(Samples.of(piece), y[rows], 3, alpha=1e-4)
            state = SGD(objective, objective.zeros()) if state is None else state
            state.piece(objective, 0, np.random.RandomState(0))
            objectives.append(objective)
    assert objectives[-1].value(state.theta) < 0.8 * objectives[-1].value(objectives[-1].zeros())


def test_a_long_wait_leaves_no_subnormal_number():
    X, y = make_words(400, 9000, 3, np.float32)
    objective = Objective(Samples.of(X), y, 3, alpha=100.0)
    theta = np.full(objective.n_parameters, 0.1)
    state = SGD(objective, theta, batch_size=1)
    for _ in range(5):
        state.epoch(objective, None, np.random.RandomState(0))
    size = np.abs(state.point.W)
    assert ((size == 0) | (size >= np.finfo(np.float32).tiny)).all()
