"""Every solver to the same optimum, each part of one against its equation."""

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal

from mnistlr import LogisticRegression, SoftmaxRegression
from mnistlr.objective import Objective
from mnistlr.samples import Samples
from mnistlr.solvers import Monitor, gradient_descent
from mnistlr.solvers.gradient_descent import largest_curvature
from mnistlr.solvers.step_size import largest_eigenvalue
from tests.conftest import ImageData
from tests.helpers import reference
from tests.helpers.solver_problems import ALL, ALPHA, EXACT, value_of

# --- the optimum ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", EXACT)
def test_same_optimum(objective, optimum, name):
    tol = 1e-6
    result = EXACT[name](objective, np.zeros(objective.n_parameters), tol=tol, max_iter=20_000, monitor=Monitor())
    assert result.converged
    # Strong convexity: f - f* <= |grad f|^2 / (2 alpha), and |W - W*|^2 <= 2 (f - f*) / alpha.
    gap = len(optimum) * tol**2 / (2 * ALPHA)
    f = value_of(objective, optimum)
    assert -1e-14 <= value_of(objective, result.theta) - f <= gap
    assert gap <= 1e-8 * f
    distance = np.sqrt(np.sum(np.square(objective.unpack(result.theta)[0] - objective.unpack(optimum)[0])))
    assert distance <= np.sqrt(2 * gap / ALPHA)


@pytest.mark.parametrize("name", ALL)
def test_the_history_is_the_function_being_minimised(objective, name):
    seen = []
    monitor = Monitor(lambda theta, record: seen.append((theta.copy(), dict(record))))
    ALL[name](objective, np.ones(objective.n_parameters) / 10, tol=1e-3, max_iter=50, monitor=monitor)
    history = monitor.history()
    assert len(seen) == len(history["objective"]) >= 3
    for i, (theta, record) in enumerate(seen):
        assert_allclose(history["objective"][i], value_of(objective, theta), rtol=1e-12)
        assert record["objective"] == history["objective"][i]
        if name != "sgd":
            W, b = objective.unpack(theta)
            gradients = reference.gradient(objective.samples.X, objective.y, W, b, ALPHA)
            assert_allclose(history["gradient_norm"][i], max(np.abs(g).max() for g in gradients), rtol=1e-9, atol=1e-14)
    assert (np.diff(history["seconds"]) >= 0).all()
    assert (np.diff(history["passes"]) >= 1).all()
    if name in ("lbfgs", "plain lbfgs", "newton", "gd"):
        assert (np.diff(history["objective"]) < 0).all()


@pytest.mark.parametrize("name", ALL)
def test_a_callback_stops(objective, name):
    monitor = Monitor(lambda theta, record: record["passes"] >= 3)
    result = ALL[name](objective, np.zeros(objective.n_parameters), tol=0.0, max_iter=500, monitor=monitor)
    assert "callback" in result.message
    assert len(monitor.records) == 1 + np.argmax(monitor.history()["passes"] >= 3)


@pytest.mark.parametrize("name", ALL)
def test_max_iter_is_kept_and_told(objective, name):
    monitor = Monitor()
    result = ALL[name](objective, np.zeros(objective.n_parameters), tol=0.0, max_iter=2, monitor=monitor)
    assert result.n_iter == 2
    assert not result.converged
    assert "max_iter" in result.message


@pytest.mark.parametrize("name", EXACT)
def test_a_start_at_the_optimum_is_left_alone(objective, optimum, name):
    result = EXACT[name](objective, optimum, tol=1e-10, max_iter=10, monitor=Monitor())
    assert (result.n_iter, result.converged) == (0, True)
    assert_array_equal(result.theta, optimum)


def test_callback_time_is_not_the_solvers(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr("mnistlr.solvers.monitor.time.perf_counter", lambda: clock[0])

    def slow(theta, record):
        clock[0] += 100

    monitor = Monitor(slow)
    for _ in range(3):
        clock[0] += 1
        monitor.record(np.zeros(1), objective=1.0, passes=1)
    assert_array_equal(monitor.history()["seconds"], [1, 2, 3])


@pytest.mark.parametrize("name", EXACT)
def test_the_intercept_alone_converges_to_the_log_odds(name):
    X, y = np.zeros((100, 2)), np.repeat([1, 0], [30, 70]).astype(np.int32)
    result = EXACT[name](
        Objective(Samples.of(X), y, 1, alpha=1.0), np.zeros(3), tol=1e-10, max_iter=200, monitor=Monitor()
    )
    assert_allclose(result.theta, [0, 0, np.log(0.3 / 0.7)], atol=1e-9)
    y = np.repeat([0, 1, 2], [20, 30, 50]).astype(np.int32)
    result = EXACT[name](
        Objective(Samples.of(X), y, 3, alpha=1.0), np.zeros(9), tol=1e-10, max_iter=500, monitor=Monitor()
    )
    assert_allclose(reference.probabilities(result.theta[None, -3:]), [[0.2, 0.3, 0.5]], atol=1e-9)


# --- gradient descent -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("accelerated", [False, True])
def test_gradient_descent_follows_its_equations(objective, accelerated):
    seen = []
    monitor = Monitor(lambda theta, record: seen.append(theta))
    start = np.ones(objective.n_parameters) / 10
    gradient_descent(objective, start, tol=0.0, max_iter=8, monitor=monitor, accelerated=accelerated)
    L, _ = largest_curvature(objective)
    assert_allclose(monitor.history()["step"], 1 / L)
    theta = z = start
    t = 1.0
    for point in seen:
        assert_allclose(point, z, rtol=1e-9)
        theta_before, t_before = theta, t
        theta = (
            z
            - np.concatenate(
                [g.ravel() for g in reference.gradient(objective.samples.X, objective.y, *objective.unpack(z), ALPHA)]
            )
            / L
        )
        t = (1 + np.sqrt(1 + 4 * t**2)) / 2
        z = theta + (t_before - 1) / t * (theta - theta_before) if accelerated else theta


@pytest.mark.parametrize("weighted", [True, False])
def test_largest_curvature_bounds_the_hessian(digits: ImageData, weighted):
    X = digits.X_train[:300] / 255
    weight = np.random.default_rng(0).uniform(0, 3, 300) if weighted else None
    x = np.hstack([X, np.ones((300, 1))])
    largest = np.linalg.eigvalsh(np.cov(x.T, aweights=weight, bias=True) + np.outer(*[np.average(x, 0, weight)] * 2))[
        -1
    ]
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


@pytest.mark.parametrize("solver", ["lbfgs", "newton"])
@pytest.mark.parametrize("model", [LogisticRegression, SoftmaxRegression])
def test_no_intercept_means_none(digits: ImageData, model, solver):
    X, y = digits.X_train / 255, digits.y_train
    fit = model(solver=solver, alpha=1e-3, tol=1e-8, fit_intercept=False).fit(
        X, y if model is SoftmaxRegression else y % 2
    )
    assert not fit.intercept_.any()


def test_curvature_of_data_that_hide_it_from_a_vector_of_ones():
    a = np.random.default_rng(0).normal(size=500)
    a = np.append(a, -a)
    X = np.column_stack([a, -a]) * 30
    x = np.column_stack([X, np.ones(1000)])
    L, _ = largest_curvature(Objective(Samples.of(X), np.zeros(1000, np.int32), 1, alpha=0.0))
    exact = 0.25 * np.linalg.eigvalsh(x.T @ x / 1000).max()
    assert exact <= L <= 1.06 * exact
    mean, metric = np.zeros(2), np.ones(2)
    assert_allclose(
        largest_eigenvalue(Samples.of(X), np.ones(1000), mean, metric),
        np.linalg.eigvalsh(X.T @ X / 1000).max(),
        rtol=1e-6,
    )
