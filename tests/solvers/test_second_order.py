"""L-BFGS and Newton's method, part by part: directions, line search, preconditioner, conjugate gradients."""

from collections import deque

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from mnistlr import LogisticRegression, SoftmaxRegression
from mnistlr.objective import Objective
from mnistlr.samples import Samples
from mnistlr.solvers import lbfgs
from mnistlr.solvers.iterate import Iterate
from mnistlr.solvers.lbfgs import two_loop
from mnistlr.solvers.line_search import Point, line_search
from mnistlr.solvers.newton import conjugate_gradients
from mnistlr.solvers.preconditioner import Preconditioner, pays
from mnistlr.stopping import GradientRule
from tests.conftest import ImageData
from tests.helpers import reference
from tests.helpers.solver_problems import ALPHA, run

# --- L-BFGS -----------------------------------------------------------------------------------------------------


def test_two_loop_is_the_recursion_of_inverse_hessians():
    random = np.random.default_rng(0)
    n = 6
    root = random.normal(size=(n, n))
    A = root @ root.T + np.eye(n)
    pairs = deque()
    for _ in range(4):
        s = random.normal(size=n)
        pairs.append((s, A @ s, 1 / (s @ A @ s)))
    diagonal = random.uniform(1, 2, n)
    s, y, _ = pairs[-1]
    H = np.diag(diagonal) * (s @ y) / (y @ (diagonal * y))
    for s, y, rho in pairs:
        left = np.eye(n) - rho * np.outer(s, y)
        H = left @ H @ left.T + rho * np.outer(s, s)
    gradient = random.normal(size=n)
    assert_allclose(two_loop(pairs, gradient, lambda vector: diagonal * vector), H @ gradient, rtol=1e-10)
    assert_array_equal(two_loop(deque(), gradient, lambda vector: 2 * vector), 2 * gradient)


def test_few_samples_of_many_features_do_not_overshoot():
    random = np.random.default_rng(0)
    X, y = random.normal(size=(60, 3000)), np.arange(60, dtype=np.int32) % 3
    objective = Objective(Samples.of(X), y, 3, alpha=1e-3)
    result, _ = run(lbfgs(objective, precondition=False), objective.zeros(), 1e-4, 1000)
    exact, _ = run(lbfgs(objective, precondition=False), objective.zeros(), 1e-9, 1000)
    assert objective.value(result.theta) <= 1.1 * objective.value(exact.theta)


@pytest.mark.parametrize(
    ("norm", "enough", "is_good"), [(1e-3, 0.0, False), (1e-3, 1e-2, True), (1e-3, 1e-4, False), (1e-5, np.inf, False)]
)
def test_what_rounding_allows_is_enough_where_the_rule_says_so(norm, enough, is_good):
    """A gradient below the tolerance at the last point means that all losses have vanished: that is never good."""
    rule = GradientRule(1e-4, None, enough)
    rule.extras(Iterate(3, np.zeros(1), 1.0, norm))
    is_enough, message = rule.stuck()
    assert is_enough == is_good
    assert ("all losses have vanished" in message) == (norm < 1e-4)


def test_vanished_losses_are_no_reason_to_stop(digits: ImageData):
    X, y = digits.X_train[:200] / 255, (digits.y_train[:200] == 0).astype(np.int32)
    objective = Objective(Samples.of(X), y, 1, alpha=1e-6)
    best, _ = run(lbfgs(objective), objective.zeros(), 1e-6, 1000)
    far = 10 * best.theta
    assert np.abs(objective.value_and_gradient(far)[1]).max() < 1e-4
    result, _ = run(lbfgs(objective, far, precondition=False), far, GradientRule(1e-4, objective), 1000)
    assert objective.value(result.theta) < 0.5 * objective.value(far)
    assert "<= tol" in result.message


@pytest.mark.parametrize(
    ("n", "d", "expected"), [(10, 256, True), (1000, 300, False), (1200, 300, True), (200, 2000, False)]
)
def test_a_preconditioner_is_made_where_it_pays(n, d, expected):
    assert pays(Objective(Samples.of(np.zeros((n, d))), np.zeros(n, np.int32), 1, alpha=1.0)) == expected


# phi and phi', after More & Thuente, ACM TOMS 20, 1994, section 5, and some plain ones.
LINES = {
    "quadratic": (lambda a: (a - 3) ** 2, lambda a: 2 * (a - 3)),
    "far away": (lambda a: (a - 3e3) ** 2, lambda a: 2 * (a - 3e3)),
    "More-Thuente 1": (lambda a: -a / (a * a + 2), lambda a: (a * a - 2) / (a * a + 2) ** 2),
    "More-Thuente 2": (
        lambda a: (a + 0.004) ** 5 - 2 * (a + 0.004) ** 4,
        lambda a: 5 * (a + 0.004) ** 4 - 8 * (a + 0.004) ** 3,
    ),
    "steep then flat": (
        lambda a: np.logaddexp(0, -20 * (a - 0.2)) + a,
        lambda a: 1 - 20 / (1 + np.exp(20 * (a - 0.2))),
    ),
    "wall": (lambda a: -a - np.log(1 - a) / 10 if a < 1 else np.inf, lambda a: -1 + 0.1 / (1 - a) if a < 1 else np.nan),
}


@pytest.mark.parametrize("name", LINES)
@pytest.mark.parametrize("first_step", [1e-3, 0.1, 1.0, 10.0, 1e3])
def test_line_search_finds_a_point_of_the_strong_wolfe_conditions(name, first_step):
    phi, slope = LINES[name]
    calls = []

    def evaluate(theta):
        calls.append(theta[0])
        with np.errstate(over="ignore"):
            return phi(theta[0]), np.array([slope(theta[0])])

    found = line_search(evaluate, Point(np.zeros(1), phi(0.0), np.array([slope(0.0)])), np.ones(1), first_step)
    assert found is not None
    step, value, gradient = found.step, found.value, found.gradient
    assert found.theta[0] == step == calls[-1]
    assert (value, gradient[0]) == (phi(step), slope(step))
    assert value <= phi(0) + 1e-4 * step * slope(0)
    assert abs(slope(step)) <= 0.9 * abs(slope(0))


def test_line_search_refuses_to_go_uphill():
    start = Point(np.ones(1), 1.0, np.array([2.0]))
    assert line_search(lambda t: (t @ t, 2 * t), start, np.ones(1), 1.0) is None


def test_line_search_gives_up_where_there_is_no_lower_point():
    def rising(theta):  # a gradient that lies
        return 1.0 + abs(theta[0]), -np.ones(1)

    assert line_search(rising, Point(np.zeros(1), 1.0, -np.ones(1)), np.ones(1), 1.0) is None


# --- preconditioner, conjugate gradients ------------------------------------------------------------------------


def test_preconditioner_from_all_samples_is_the_hessian(objective, optimum):
    n, d, K = objective.samples.n, objective.samples.d, objective.n_raw
    M = Preconditioner(objective, optimum, 1)
    L = np.tril(M.factor)
    x = np.hstack([objective.samples.X, np.ones((n, 1))])
    if K == 1:
        expected = reference.hessian(objective.samples.X, *objective.unpack(optimum), ALPHA)
    else:
        expected = (K - 1) / K**2 * x.T @ x / n + ALPHA * np.diag(np.arange(d + 1) < d)
    assert_allclose(L @ L.T, expected, rtol=0, atol=2e-6 * expected.diagonal().max())
    vector = np.random.default_rng(0).normal(size=len(optimum))
    V, c = objective.unpack(vector)
    solution = np.linalg.solve(L @ L.T, np.hstack([V, c[:, None]]).T).T
    assert_allclose(M.solve(vector), np.concatenate([solution[:, :d].ravel(), solution[:, d]]), rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("preconditioned", [True, False])
def test_conjugate_gradients_solve_newtons_equation(objective, optimum, preconditioned):
    theta = optimum + np.random.default_rng(0).normal(size=len(optimum)) / 1000
    _, gradient = objective.value_and_gradient(theta)
    M = Preconditioner(objective, theta, 1) if preconditioned else None
    p, products = conjugate_gradients(objective, theta, gradient, M)
    norm = np.sqrt(gradient @ gradient)
    residual = objective.hessian_vector(theta, p) + gradient
    assert np.sqrt(residual @ residual) <= 1.001 * min(0.5, np.sqrt(norm)) * norm
    assert norm < 0.05  # small enough for the square root to count
    assert 1 <= products <= len(p)
    assert p @ gradient < 0


def test_preconditioner_that_would_see_only_weights_of_zero():
    random = np.random.default_rng(0)
    X = random.normal(size=(6000, 5))
    y = X[:, 0] + random.normal(size=6000) > 0
    weight = np.ones(6000)
    weight[::3] = 0  # just those that a part of 2,000 would hold
    all_of_them = LogisticRegression(alpha=1e-2, tol=1e-10).fit(X, y, weight)
    others = LogisticRegression(alpha=1e-2, tol=1e-10).fit(X[weight > 0], y[weight > 0])
    assert_allclose(all_of_them.coef_, others.coef_, rtol=1e-7)


def test_lbfgs_goes_on_where_values_drown_in_float32(digits: ImageData):
    SoftmaxRegression(solver="lbfgs", alpha=1e-2, tol=5e-7).fit(digits.X_train, digits.y_train)


def test_lbfgs_on_features_of_sizes_from_1e_minus_3_to_1e3(digits: ImageData):
    X = digits.X_train / 255 * np.logspace(-3, 3, digits.X_train.shape[1])
    LogisticRegression(alpha=1e-6, tol=2e-9).fit(X, digits.y_train % 2)


def test_preconditioned_lbfgs_under_a_vanishing_penalty(small_mnist: ImageData):
    """Pixels that the preconditioner's samples hardly show must not take wild steps."""
    X, y = small_mnist.X_train, (small_mnist.y_train == 2).astype(np.int32)
    objective = Objective(Samples.of(X), y, 1, alpha=1e-10)
    runs = [run(lbfgs(objective, precondition=choice), objective.zeros(), 0.0, 15) for choice in (True, False)]
    preconditioned, plain = (objective.value(result.theta) for result, _ in runs)
    assert preconditioned < plain
