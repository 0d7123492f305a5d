"""Few samples with many features: the problem in the span of the samples is the same problem."""

import time
from itertools import islice

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from mnistlr import SoftmaxRegression
from mnistlr.objective import Objective
from mnistlr.samples import Samples
from mnistlr.solvers import lbfgs
from mnistlr.solvers.span import Span, pays
from mnistlr.trace import trace_fit

KINDS = {
    "plain": lambda X: X,
    "centred": lambda X: X - X.mean(axis=0),
    "repeated": lambda X: np.vstack([X[:10], X[:10], X[20:]]),
    "pixels": lambda X: np.random.default_rng(1).integers(1, 256, X.shape).astype(np.uint8),
    "float32": lambda X: X.astype(np.float32),
}


def data(kind: str = "plain", n: int = 30, d: int = 200) -> tuple[np.ndarray, np.ndarray]:
    y = np.arange(n) % 3
    return KINDS[kind](np.random.default_rng(0).normal(size=(n, d)) + 3 * np.eye(d)[y]), y


def objective_of(X: np.ndarray, y: np.ndarray, **options: object) -> Objective:
    return Objective.from_labels(X, y, alpha=1e-3, **options)


@pytest.mark.parametrize("kind", KINDS)
def test_the_function_is_the_same(kind: str) -> None:
    """The gradient along any direction of the span is the same, too: inner products stay what they are."""
    X, y = data(kind)
    whole = objective_of(X, y, sample_weight=np.random.default_rng(1).uniform(0, 2, len(y)))
    span = Span(whole)
    random = np.random.default_rng(2)
    # Where a row of L is left out, its weight changes nothing but the penalty, and the map drops it.
    is_used = (span.objective.samples.X != 0).any(axis=0)
    inside, other = (
        np.concatenate([(random.normal(size=(3, len(y))) * is_used).ravel(), random.normal(size=3)]) for _ in range(2)
    )
    rtol = 1e-5 if whole.samples.dtype == np.float32 else 1e-10
    assert_allclose(span.objective.value(inside), whole.value(span.theta(inside)), rtol=rtol)
    there, here = (objective.value_and_gradient(theta)[1] for objective, theta in
                   ((span.objective, inside), (whole, span.theta(inside))))  # fmt: skip
    assert_allclose(there @ other, here @ span.theta(other), rtol=10 * rtol, atol=10 * rtol)


def test_steps_are_those_of_lbfgs() -> None:
    whole = objective_of(*data())
    span = Span(whole)
    inner = islice(lbfgs(span.objective, precondition=False), 12)
    for here, there in zip(lbfgs(whole, precondition=False), inner, strict=False):
        assert_allclose(there.value, here.value, rtol=1e-9)
        assert_allclose(span.theta(there.theta), here.theta, atol=1e-6)


@pytest.mark.parametrize("kind", ["plain", "centred", "repeated"])
def test_defaults_reach_the_optimum(kind: str) -> None:
    """A point where the gradient is g is at most ||g||^2 / (2 alpha) above the optimum of an alpha-convex function."""
    X, y = data(kind)
    alpha = 1e-2
    model = SoftmaxRegression(alpha=alpha).fit(X, y)
    exact = SoftmaxRegression(alpha=alpha, solver="lbfgs", tol=1e-8).fit(X, y)
    assert model.history_["gradient_norm"][-1] <= 1e-7
    objective = Objective.from_labels(X, y, alpha=alpha)
    found, best = (objective.value(np.concatenate([m.coef_.ravel(), m.intercept_])) for m in (model, exact))
    assert found - best <= (1e-7 * np.sqrt(3 * len(y))) ** 2 / (2 * alpha) + 1e-15
    assert_allclose(model.history_["objective"][-1], found, rtol=1e-9)


def test_the_number_of_threads_changes_no_bit() -> None:
    X, y = data(n=300, d=1500)
    one, three = (SoftmaxRegression(n_jobs=n_jobs).fit(X, y) for n_jobs in (1, 3))
    assert_array_equal(one.coef_, three.coef_)


def test_a_watcher_sees_all_weights() -> None:
    X, y = data()
    X_test, y_test = data("centred")
    model = SoftmaxRegression().fit(X, y)
    traced = trace_fit(SoftmaxRegression(), X, y, X_test, y_test)
    assert_array_equal(traced["objective"], model.history_["objective"])
    assert traced["test_error"][-1] == np.mean(model.predict(X_test) != y_test)


def test_the_clock_runs_while_inner_products_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    init = Span.__init__

    def slow(self: Span, objective: Objective) -> None:
        time.sleep(0.05)
        init(self, objective)

    monkeypatch.setattr(Span, "__init__", slow)
    assert SoftmaxRegression().fit(*data()).history_["seconds"][0] >= 0.05


def test_a_warm_start_from_outside_of_the_span_is_kept() -> None:
    X, y = data()
    model = SoftmaxRegression(warm_start=True).fit(X, y)
    before = model.history_["objective"][-1]
    model.fit(X, y)
    assert model.history_["objective"][0] <= before * (1 + 1e-9)


def test_it_is_for_few_dense_samples_of_many_features() -> None:
    X, y = data()
    assert pays(objective_of(X, y))
    assert not pays(objective_of(X[:, :100], y))
    assert not pays(objective_of(X * (np.arange(200) < 50), y))  # most entries are zero
    assert not pays(Objective(Samples.of(np.ones((1001, 4004), np.uint8)), np.zeros(1001, np.int32), 2, alpha=0.0))
