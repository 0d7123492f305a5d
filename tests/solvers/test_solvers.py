"""Every solver to the same optimum, each part of one against its equation."""

import os
import subprocess
import sys
from collections.abc import Iterable
from itertools import islice

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal

from mnistlr import LogisticRegression, SoftmaxRegression
from mnistlr.objective import Objective
from mnistlr.samples import Samples
from mnistlr.solvers import gradient_descent, newton
from mnistlr.solvers.curvature import largest_eigenvalue
from mnistlr.solvers.gradient_descent import largest_curvature
from mnistlr.solvers.iterate import Iterate
from mnistlr.solvers.step_size import eigenvalue_of_changed
from mnistlr.stopping import GradientRule
from mnistlr.training import minimise
from tests.conftest import ImageData
from tests.helpers import reference
from tests.helpers.solver_problems import ALL, ALPHA, EXACT, gradient_of, run, run_by_name, value_of

# --- the optimum ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", EXACT)
def test_same_optimum(objective, optimum, name):
    tol = 1e-6
    result, _ = run_by_name(name, objective, objective.zeros(), tol=tol, max_iter=20_000)
    assert result.converged
    # Strong convexity: f - f* <= |grad f|^2 / (2 alpha).
    gap = len(optimum) * tol**2 / (2 * ALPHA)
    f = value_of(objective, optimum)
    assert -1e-14 <= value_of(objective, result.theta) - f <= gap
    assert gap <= 1e-8 * f


SHAPES = [(30, 5), (200, 8), (1000, 20), (40, 60), (100, 300), (3010, 300)]


def make_problem(n: int, d: int, *, is_correlated: bool, fit_intercept: bool) -> Objective:
    """Samples of four classes that overlap; correlated features share a strong direction."""
    random = np.random.default_rng(0)
    X, W = random.normal(size=(n, d)), random.normal(size=(d, 4)) / np.sqrt(d)
    if is_correlated:
        X = X @ (0.3 * np.eye(d) + random.normal(size=(d, d)) / np.sqrt(d)) + 2 * random.normal(size=(n, 1))
    y = (X @ W + random.gumbel(size=(n, 4))).argmax(axis=1).astype(np.int32)
    return Objective(Samples.of(X), y, 4, alpha=0.01, fit_intercept=fit_intercept)


def check(objective: Objective, solvers: Iterable[str]) -> None:
    optimum = next(it for it in newton(objective) if it.gradient_norm < 1e-11)  # alpha/2 ||error||^2 < 1e-18
    for name in solvers:
        assert any(it.value - optimum.value <= 1e-9 for it in islice(EXACT[name](objective), 1000)), name


@pytest.mark.parametrize("is_correlated", [False, True], ids=["gaussian", "correlated"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_solvers_come_within_1e_9_of_the_optimum(shape, is_correlated):
    check(make_problem(*shape, is_correlated=is_correlated, fit_intercept=True), ("lbfgs", "newton"))
    # The passes of first-order methods grow with the condition number, which is at most 30 here.
    objective = make_problem(*shape, is_correlated=is_correlated, fit_intercept=False)
    objective.alpha = largest_curvature(objective)[0] / 29
    check(objective, EXACT)


@pytest.mark.parametrize("name", ALL)
def test_a_solver_can_be_stepped_through_by_hand_and_a_run_notes_the_same(objective, name):
    """From zeros, by default; each iterate belongs to its point, and no later step changes an earlier one."""
    iterates = list(islice(ALL[name](objective), 4))
    assert [iterate.iteration for iterate in iterates] == [i + (name == "sgd") for i in range(4)]
    if name not in ("sgd", "svrg"):  # svrg goes over the data once before its first anchor
        assert not iterates[0].theta.any()
    for iterate in iterates:
        assert_allclose(iterate.value, value_of(objective, iterate.theta), rtol=1e-12)
        if name != "sgd":
            norm = np.abs(gradient_of(objective, iterate.theta)).max()
            assert_allclose(iterate.gradient_norm, norm, rtol=1e-9, atol=1e-14)
    records = []
    _, history = run_by_name(
        name, objective, objective.zeros(), tol=0.0, max_iter=iterates[-1].iteration,
        look=lambda theta, record: records.append(dict(record)),
    )  # fmt: skip
    for field, attribute in (("objective", "value"), ("gradient_norm", "gradient_norm"), ("passes", "passes")):
        assert_array_equal(history[field], [getattr(iterate, attribute) for iterate in iterates])
        assert_array_equal(history[field], [record[field] for record in records])
    assert (np.diff(history["seconds"]) >= 0).all()
    assert (np.diff(history["passes"]) >= 1).all()
    if name in ("lbfgs", "plain lbfgs", "newton", "gd"):
        assert (np.diff(history["objective"]) < 0).all()


@pytest.mark.parametrize("name", ALL)
def test_max_iter_is_kept_and_told(objective, name):
    result, _ = run_by_name(name, objective, objective.zeros(), tol=0.0, max_iter=2)
    assert result.n_iter == 2
    assert not result.converged
    assert "max_iter" in result.message


@pytest.mark.parametrize("name", EXACT)
def test_a_start_at_the_optimum_is_left_alone(objective, optimum, name):
    result, _ = run_by_name(name, objective, optimum, tol=1e-10, max_iter=10)
    assert (result.n_iter, result.converged) == (0, True)
    assert_array_equal(result.theta, optimum)


def test_the_clock_stands_still_for_a_watcher_who_is_told_of_each_iteration_once(monkeypatch):
    """The starting point is no iteration of its own: the first one begins before it is evaluated."""
    clock, told = [0.0], []
    monkeypatch.setattr("mnistlr.training.time.perf_counter", lambda: clock[0])

    def solver():
        for iteration in range(10):
            clock[0] += 1
            yield Iterate(iteration, np.array([10.0 + iteration]), 1.0, 1.0)

    class SlowRule(GradientRule):
        def extras(self, iterate):
            clock[0] += 10
            return super().extras(iterate)

        def judge(self, iterate):
            clock[0] += 100
            return super().judge(iterate)

    class SlowWatcher:
        def begin(self, theta):
            clock[0] += 1000
            told.append(("begin", theta[0]))

        def end(self, theta, iteration, record):
            clock[0] += 10_000
            told.append((iteration, theta[0]))
            return False

    _, history = minimise(solver(), np.array([-1.0]), SlowRule(0.0), 2, SlowWatcher())
    assert told == [("begin", -1), (0, 10), (1, 11), ("begin", 11), (2, 12)]
    assert_array_equal(history["seconds"], [1, 2, 3])
    assert clock[0] >= 3 + 3 * 10_110 + 2 * 1000


def test_a_solver_that_finds_no_better_point_did_not_converge():
    points = (Iterate(i, np.array([float(i)]), 1.0, 0.5) for i in range(3))
    result, history = run(points, np.zeros(1), 0.1, 100)
    assert (result.n_iter, result.converged, result.theta[0]) == (2, False, 2.0)
    assert "rounding" in result.message
    assert "0.5 > tol" in result.message
    assert len(history["objective"]) == 3


@pytest.mark.parametrize("name", EXACT)
def test_the_intercept_alone_converges_to_the_log_odds(name):
    X, y = np.zeros((100, 2)), np.repeat([1, 0], [30, 70]).astype(np.int32)
    result, _ = run_by_name(name, Objective(Samples.of(X), y, 1, alpha=1.0), np.zeros(3), tol=1e-10, max_iter=200)
    assert_allclose(result.theta, [0, 0, np.log(0.3 / 0.7)], atol=1e-9)
    y = np.repeat([0, 1, 2], [20, 30, 50]).astype(np.int32)
    result, _ = run_by_name(name, Objective(Samples.of(X), y, 3, alpha=1.0), np.zeros(9), tol=1e-10, max_iter=500)
    assert_allclose(reference.probabilities(result.theta[None, -3:]), [[0.2, 0.3, 0.5]], atol=1e-9)


# --- gradient descent -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("accelerated", [False, True])
def test_gradient_descent_follows_its_equations(objective, accelerated):
    seen = []
    start = np.ones(objective.n_parameters) / 10
    iterates = gradient_descent(objective, start, accelerated=accelerated)
    _, history = run(iterates, start, 0.0, 8, lambda theta, record: seen.append(theta))
    L, _ = largest_curvature(objective)
    assert_allclose(history["step"], 1 / L)
    theta = z = start
    t = 1.0
    for point in seen:
        assert_allclose(point, z, rtol=1e-9)
        theta_before, t_before = theta, t
        theta = z - gradient_of(objective, z) / L
        t = (1 + np.sqrt(1 + 4 * t**2)) / 2
        z = theta + (t_before - 1) / t * (theta - theta_before) if accelerated else theta


@pytest.mark.parametrize("weighted", [True, False])
def test_largest_curvature_bounds_the_hessian(digits: ImageData, weighted):
    X = digits.X_train[:300] / 255
    weight = np.random.default_rng(0).uniform(0, 3, 300) if weighted else None
    x = np.hstack([X, np.ones((300, 1))])
    largest = np.linalg.eigvalsh(np.average(x[:, :, None] * x[:, None], axis=0, weights=weight))[-1]
    for K, c in ((1, 0.25), (3, 0.5)):
        y = (digits.y_train[:300] % max(K, 2)).astype(np.int32)
        L, passes = largest_curvature(Objective(Samples.of(X), y, K, alpha=0.1, sample_weight=weight))
        assert 0.1 + c * largest <= L <= 0.1 + 1.06 * c * largest
        assert passes > 0


# --- determinism ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("solver", ["lbfgs", "newton", "svrg", "gd", "nesterov", "sgd"])
@pytest.mark.parametrize("model", [LogisticRegression, SoftmaxRegression])
@pytest.mark.parametrize("sparse", [False, True], ids=["dense", "CSR"])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_same_bits_for_any_number_of_threads_and_run_after_run(small_mnist: ImageData, model, solver, sparse):
    X, y = small_mnist.X_train[:2100, 200:400], small_mnist.y_train[:2100]
    X = sp.csr_matrix(X) if sparse else X
    y = y == 2 if model is LogisticRegression else y % 4
    fits = [model(solver=solver, max_iter=3, random_state=0, n_jobs=n).fit(X, y) for n in (1, 2, 3, 2)]
    for fit in fits[1:]:
        assert_array_equal(fit.coef_, fits[0].coef_)
        assert_array_equal(fit.intercept_, fits[0].intercept_)
        assert_array_equal(fit.history_["objective"], fits[0].history_["objective"])
        assert_array_equal(fit.decision_function(X), fits[0].decision_function(X))


# --- hard cases -------------------------------------------------------------------------------------------------


def test_curvature_of_data_that_hide_it_from_a_vector_of_ones():
    a = np.random.default_rng(0).normal(size=500)
    a = np.append(a, -a)
    X = np.column_stack([a, -a]) * 30
    x = np.column_stack([X, np.ones(1000)])
    L, _ = largest_curvature(Objective(Samples.of(X), np.zeros(1000, np.int32), 1, alpha=0.0))
    exact = 0.25 * np.linalg.eigvalsh(x.T @ x / 1000).max()
    assert exact <= L <= 1.06 * exact
    found = eigenvalue_of_changed(Samples.of(X), np.ones(1000), np.zeros(2), np.ones(2))
    assert_allclose(found, np.linalg.eigvalsh(X.T @ X / 1000).max(), rtol=1e-6)


def test_power_iteration_takes_as_many_products_as_it_needs():
    A = np.diag([5.0, 1.0, 0.5])
    eigenvalue, count = largest_eigenvalue(lambda v: A @ v, np.ones(3), 1, 50)
    assert_allclose(eigenvalue, 5, rtol=1e-3)
    assert 2 < count < 10
    assert largest_eigenvalue(lambda v: A @ v, np.ones(3), 20, 50)[1] == 20
    assert largest_eigenvalue(lambda v: A @ v, np.ones(3), 1, 2)[1] == 2
    assert largest_eigenvalue(lambda v: 0 * v, np.ones(3), 5, 9) == (0.0, 1)
    hidden = np.array([1e-6, 1.0, 1.0])  # nearly orthogonal to the eigenvector
    assert_allclose(largest_eigenvalue(lambda v: A @ v, hidden, 12, 50)[0], 5, rtol=1e-3)


BITS = """
import hashlib, warnings
import numpy as np, scipy.sparse as sp
from mnistlr import LogisticRegression, SoftmaxRegression
warnings.simplefilter("ignore")
random = np.random.default_rng(0)
X, y = random.normal(size=(520, 1200)), random.integers(0, 3, 520)
for solver in ("lbfgs", "newton", "svrg", "gd", "nesterov", "sgd"):
    for model, data in ((SoftmaxRegression, X), (LogisticRegression, sp.csr_array(np.where(X > 1, X, 0)))):
        fit = model(solver=solver, max_iter=2, random_state=0).fit(data, y if model is SoftmaxRegression else y > 0)
        print(solver, hashlib.sha256(fit.coef_.tobytes() + fit.intercept_.tobytes()).hexdigest())
"""


@pytest.mark.long
def test_the_bits_do_not_depend_on_blas():
    """Which adds up in an order that depends on its threads and on the processor it believes to have."""
    results = []
    for settings in ({}, {"OPENBLAS_CORETYPE": "Nehalem", "OPENBLAS_NUM_THREADS": "1"}):
        command = [sys.executable, "-c", BITS]
        results.append(subprocess.run(command, env=os.environ | settings, capture_output=True, text=True, check=True))
    assert results[0].stdout == results[1].stdout
    assert results[0].stdout.count("\n") == 12
