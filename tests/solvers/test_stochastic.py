"""Stochastic gradient descent, part by part: sets of few samples, step size, order, averages, validation."""

import sys
from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_wine
from sklearn.model_selection import cross_val_score

from mnistlr import SoftmaxRegression
from mnistlr.objective import Objective
from mnistlr.samples import Samples
from mnistlr.solvers import lbfgs, sgd, svrg
from mnistlr.solvers.few_samples import distinct
from mnistlr.solvers.sgd import shuffled
from mnistlr.solvers.step_size import derive_step_size, eigenvalue_of_changed
from mnistlr.stopping import ImprovementRule
from tests.conftest import ImageData
from tests.helpers import reference
from tests.helpers.solver_problems import run, value_of


def test_sgd_comes_nearer_like_one_over_t(objective, optimum):
    """What steps like 1 / sqrt(t) and averages promise (Polyak & Juditsky, 1992); a few seeds even out the noise."""
    f = value_of(objective, optimum)
    gaps = []
    for seed in range(4):
        iterates = sgd(objective, random_state=np.random.RandomState(seed))
        _, history = run(iterates, objective.zeros(), ImprovementRule(0.0, 1000, None), 160)
        gaps.append(history["objective"][[9, 39, 159]] - f)
    gaps = np.mean(gaps, axis=0)
    assert (gaps > 0).all()
    assert gaps[1] < gaps[0] / 2
    assert gaps[2] < gaps[1] / 2
    assert gaps[2] < 1e-4 * f


# --- few samples ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [np.asarray, sp.csr_matrix], ids=["dense", "CSR"])
def test_distinct_samples(make):
    random = np.random.default_rng(0)
    X = random.integers(0, 2, (40, 3)).astype(np.float64)  # eight kinds of samples
    y, weight = random.integers(0, 2, 40).astype(np.int32), random.integers(0, 3, 40).astype(np.float64)
    objective = Objective(Samples.of(make(X)), y, 1, alpha=0.1, sample_weight=weight)
    few = distinct(objective)
    kinds = {(*x, label) for x, label, w in zip(X.tolist(), y, weight, strict=True) if w}
    assert few.samples.n == len(kinds) < 17
    theta = random.standard_normal(4)
    value, gradient = objective.value_and_gradient(theta)
    few_value, few_gradient = few.value_and_gradient(theta)
    assert_allclose(few_value, value, rtol=1e-14)
    assert_allclose(few_gradient, gradient, rtol=0, atol=1e-14)


@pytest.mark.parametrize("make", [np.asarray, sp.csr_matrix], ids=["dense", "CSR"])
@pytest.mark.parametrize("dtype", [np.uint8, np.float64])
def test_few_samples_are_one_set_in_any_order_and_any_spelling(digits: ImageData, make, dtype):
    X, y = digits.X_train[:100].astype(dtype), digits.y_train[:100].astype(np.int32)
    weight = np.arange(100) % 4
    rows = np.random.default_rng(1).permutation(np.repeat(np.arange(100), weight))
    weighted = distinct(Objective(Samples.of(make(X)), y, 10, alpha=0.1, sample_weight=weight.astype(np.float64)))
    repeated = distinct(Objective(Samples.of(make(X[rows])), y[rows], 10, alpha=0.1))
    assert weighted.samples.n == 75
    for one, other in zip(weighted.samples.X, repeated.samples.X, strict=True):
        assert_array_equal(one, other)
    assert_array_equal(weighted.y, repeated.y)
    assert_array_equal(weighted.weight, repeated.weight)


# --- stochastic gradient descent --------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [np.asarray, sp.csr_matrix], ids=["dense", "CSR"])
@pytest.mark.parametrize("dtype", [np.uint8, np.float64])
def test_moments(make, dtype):
    random = np.random.default_rng(0)
    X = (random.integers(1, 200, (50, 9)) * (random.random((50, 9)) > 0.5)).astype(dtype)
    if dtype == np.float64:
        X -= 2.0 * X * (np.arange(9) % 2)  # negative ones as well
    seen = X / 255 if dtype == np.uint8 else X
    counts = random.integers(1, 4, 50)
    mean, variance, spread = Samples.of(make(X)).moments(counts / counts.mean())
    seen = np.repeat(seen, counts, axis=0)
    rtol = 1e-6 if dtype == np.uint8 else 1e-12
    assert_allclose(mean, seen.mean(axis=0), rtol=rtol)
    assert_allclose(variance, seen.var(axis=0), rtol=rtol)
    assert_allclose(spread, np.ptp(seen, axis=0), rtol=rtol)


def test_largest_eigenvalue_of_a_direction_that_the_start_hardly_holds():
    d = 10_000
    X = sp.diags_array(np.append(np.sqrt(1.5), np.ones(d - 1)), format="csr")
    found = eigenvalue_of_changed(Samples.of(X), np.ones(d), np.zeros(d), np.ones(d))
    assert_allclose(found, 1.5 / d, rtol=0.02)


@pytest.mark.parametrize(("K", "batch_size"), [(1, 1), (3, 16)])
@pytest.mark.parametrize("centred", [True, False])
@pytest.mark.parametrize("make", [np.asarray, sp.csr_matrix], ids=["dense", "CSR"])
@pytest.mark.parametrize(("weighted", "alpha", "scale"), [(False, 0.0, 1.0), (True, 0.0, 1.0), (True, 0.3, 4.0)])
def test_step_size(digits: ImageData, K, batch_size, centred, make, weighted, alpha, scale):
    X = np.hstack([digits.X_train[:200] / 255, np.zeros((200, 1))])
    X[7, -1] = 5.0  # a feature of one sample
    s = 1 + np.arange(200) % 3 * weighted
    s = s / s.mean()
    objective = Objective(
        Samples.of(make(X)), np.zeros(200, np.int32), K, alpha=alpha, fit_intercept=centred, sample_weight=7.0 * s
    )
    step = derive_step_size(objective, batch_size, scale=scale)
    mean = s @ X / 200 * centred
    spread, deviation = np.ptp(X, axis=0), np.sqrt(s @ np.square(X - mean) / 200)
    common = deviation**2 * 200 > 8 * spread**2
    assert 30 < common.sum() < X.shape[1] - 1
    squared = spread * (deviation + spread / 16)
    squared[~common] = spread[~common] ** 2
    squared[squared == 0] = squared.max()
    c = 0.25 if K == 1 else 0.5
    squared += alpha / c
    assert_allclose(step.mean, mean)
    assert_allclose(step.metric, 1 / squared)
    x = (X - mean) / np.sqrt(squared)
    largest = max(np.linalg.eigvalsh(x.T @ (s[:, np.newaxis] * x) / 200)[-1], 1)
    square = s**2 @ (np.square(x).sum(axis=1) + 1) / 200
    penalty = alpha / squared.min()
    eta = 2 / (c / scale * (square / batch_size + largest) + penalty)
    steady_eta = 2 / (c * (s * (np.square(x).sum(axis=1) + 1)).max() / batch_size + penalty)
    assert_allclose(step.steady_eta, min(step.eta, steady_eta))
    assert eta * (1 - 1e-12) <= step.eta <= 1.05 * eta  # power iteration comes from below


def test_the_step_of_a_rare_feature_does_not_know_the_units_of_the_others(digits: ImageData):
    X = np.hstack([digits.X_train[:200] / 255, np.eye(200, 3)])
    y, units = np.zeros(200, np.int32), np.append(np.full(64, 1000.0), [1.0, 0.01, 100.0])
    plain, scaled = (derive_step_size(Objective(Samples.of(x), y, 1, alpha=0.0), 16) for x in (X, X * units))
    seen = np.ptp(X, axis=0) > 0
    assert_allclose(scaled.metric[seen], (plain.metric / units**2)[seen])
    assert_allclose(scaled.eta, plain.eta, rtol=0.01)


def test_the_step_of_a_feature_that_the_subset_misses_comes_from_all_samples():
    X = np.random.default_rng(0).normal(size=(1024, 3))
    X[:, 1:] = 0
    X[1, 1], X[3, 2] = 50.0, 1e-3  # every second sample is looked at
    step = derive_step_size(Objective(Samples.of(X), np.zeros(1024, np.int32), 1, alpha=0.0), 16)
    assert_allclose(step.metric[1:], [50.0**-2, 1e6])


def test_raw_features_of_different_units_are_learned():
    X, y = load_wine(return_X_y=True)
    raw = cross_val_score(SoftmaxRegression(solver="sgd", random_state=0), X, y)
    assert raw.mean() > 0.93  # the best is 0.97, and 0.70 is what the largest feature alone tells


@pytest.mark.parametrize("n_bytes", [1, 1 << 31])
@pytest.mark.parametrize("rows", [50_001, np.arange(0, 100_000, 3)], ids=["all", "some"])
def test_shuffled_visits_each_sample_once_in_random_order(n_bytes, rows):
    numbers = np.arange(rows) if isinstance(rows, int) else rows
    pieces = list(shuffled(rows, n_bytes, 16, np.random.RandomState(0)))
    order = np.concatenate(pieces)
    assert_array_equal(np.sort(order), numbers)
    assert np.mean(np.diff(order) == 1) < 0.01
    assert sum(len(piece) % 16 != 0 for piece in pieces) <= 1
    if n_bytes > 1 << 30:  # of neighbours, so that a memory map is read in long runs
        assert all(np.ptp(np.searchsorted(numbers, piece)) == len(piece) - 1 for piece in pieces)
    again = np.concatenate(list(shuffled(rows, n_bytes, 16, np.random.RandomState(0))))
    other = np.concatenate(list(shuffled(rows, n_bytes, 16, np.random.RandomState(1))))
    assert_array_equal(order, again)
    assert (order != other).any()


def test_sgd_with_validation_returns_the_best_seen(objective):
    seen = []
    held_back = np.arange(0, 500, 4)
    others, validation, rows = objective.without(held_back)
    iterates = sgd(others, rows=rows, random_state=np.random.RandomState(0), average=False, eta=2.0, power=0.0)
    rule = ImprovementRule(0.0, 5, validation)
    result, history = run(iterates, objective.zeros(), rule, 30, lambda theta, record: seen.append(theta.copy()))
    losses = history["validation_loss"]
    assert_array_equal(result.theta, seen[np.argmin(losses)])
    assert_array_equal(result.theta, seen[-1])  # the watcher is shown what would be returned
    X, y = objective.samples.X[held_back], objective.y[held_back]
    for theta, loss in zip(seen, np.minimum.accumulate(losses), strict=True):
        assert_allclose(loss, reference.value(X, y, *objective.unpack(theta), 0.0), rtol=1e-12)
    if result.converged:
        assert len(losses) == np.argmin(losses) + 1 + 5


def test_sgd_with_samples_held_back_is_sgd_on_the_others():
    random = np.random.default_rng(0)
    X = random.normal(size=(400, 5))
    y = (X[:, 0] + random.normal(size=400) > 0).astype(np.int32)
    part, _, rows = Objective(Samples.of(X), y, 1, alpha=0.1).without(np.arange(0, 400, 2))
    others = Objective(Samples.of(X[1::2]), y[1::2], 1, alpha=0.1)
    epochs = [
        sgd(part, rows=rows, eta=0.1, random_state=np.random.RandomState(0)),
        sgd(others, eta=0.1, random_state=np.random.RandomState(0)),
    ]
    for _, one, other in zip(range(5), *epochs, strict=False):
        assert_allclose(one.theta, other.theta, rtol=1e-10)
        assert_allclose(one.value, other.value, rtol=1e-10)


@pytest.mark.parametrize("alpha", [1.0, 100.0])
def test_the_derived_step_is_stable_under_a_strong_penalty(digits: ImageData, alpha):
    X, y = digits.X_train, digits.y_train
    fit = SoftmaxRegression(solver="sgd", alpha=alpha, random_state=0).fit(X, y)
    exact = SoftmaxRegression(solver="lbfgs", alpha=alpha).fit(X, y)
    assert_allclose(fit.history_["objective"][-1], exact.history_["objective"][-1], rtol=0.02)


def test_svrg_converges_on_gaussian_data():
    """Gaussian data are the worst case: what the step expects of a batch is far less than what one batch may be."""
    random = np.random.default_rng(0)
    X = random.normal(size=(1003, 100))
    y = (X[:, 0] + random.normal(size=1003) > 0).astype(np.int32)
    objective = Objective(Samples.of(X), y, 1, alpha=1e-2)
    best, _ = run(lbfgs(objective), objective.zeros(), 1e-8, 1000)
    iterates = svrg(objective, random_state=np.random.RandomState(0))
    result, history = run(iterates, objective.zeros(), 1e-6, 150)
    assert result.converged
    assert (np.diff(history["objective"]) <= 0).all()
    assert_allclose(objective.value(result.theta), objective.value(best.theta), rtol=1e-8)


def test_svrg_undoes_an_epoch_that_raised_the_objective(monkeypatch):
    random = np.random.default_rng(0)
    X = random.normal(size=(600, 50))
    objective = Objective(Samples.of(X), (X[:, 0] > 0).astype(np.int32), 1, alpha=1e-2)
    derived = derive_step_size(objective, 16)
    wild = replace(derived, eta=100 * derived.eta, steady_eta=100 * derived.steady_eta)
    monkeypatch.setattr(sys.modules[sgd.__module__], "derive_step_size", lambda *_: wild)
    steps = run(svrg(objective, random_state=np.random.RandomState(0)), objective.zeros(), 1e-4, 60)
    values = steps[1]["objective"]
    assert (np.diff(values) <= 0).all()
    assert steps[1]["step"][-1] < wild.steady_eta / 8
    assert steps[0].converged
