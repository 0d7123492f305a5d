"""Every solver to the same optimum, each part of one against its equation."""

from collections import deque

import numpy as np
import pytest
import reference
import scipy.sparse as sp
from conftest import ImageData
from numpy.testing import assert_allclose, assert_array_equal

from mnistlr import LogisticRegression, SoftmaxRegression
from mnistlr.objective import Objective
from mnistlr.samples import Samples
from mnistlr.solvers import Monitor, gradient_descent, lbfgs, newton, sgd, svrg
from mnistlr.solvers.distinct import distinct
from mnistlr.solvers.gradient_descent import largest_curvature
from mnistlr.solvers.lbfgs import line_search, two_loop
from mnistlr.solvers.newton import conjugate_gradients
from mnistlr.solvers.preconditioner import Preconditioner
from mnistlr.solvers.sgd import shuffled
from mnistlr.solvers.step_size import derive_step_size, largest_eigenvalue, moments

ALPHA = 0.05


def nesterov(*args, **settings):
    return gradient_descent(*args, accelerated=True, **settings)


def plain_lbfgs(*args, **settings):
    return lbfgs(*args, precondition=False, **settings)


def sgd_seeded(*args, **settings):
    return sgd(*args, random_state=np.random.RandomState(0), **settings)


def svrg_seeded(*args, **settings):
    return svrg(*args, random_state=np.random.RandomState(0), **settings)


EXACT = {
    "lbfgs": lbfgs,
    "plain lbfgs": plain_lbfgs,
    "newton": newton,
    "svrg": svrg_seeded,
    "gd": gradient_descent,
    "nesterov": nesterov,
}
ALL = EXACT | {"sgd": sgd_seeded}


@pytest.fixture(scope="module", params=[1, 3], ids=["logistic", "softmax"])
def objective(request, digits: ImageData) -> Objective:
    K = request.param
    X, y = digits.X_train[:500] / 255, digits.y_train[:500]
    return Objective(Samples.of(X), (y % max(K, 2)).astype(np.int32), K, alpha=ALPHA)


@pytest.fixture(scope="module")
def optimum(objective: Objective) -> np.ndarray:
    """By Newton's method with the whole Hessian, in NumPy."""
    X, y = objective.samples.X, objective.y
    theta = np.zeros(objective.n_parameters)
    for _ in range(30):
        W, b = objective.unpack(theta)
        gradient = np.concatenate([g.ravel() for g in reference.gradient(X, y, W, b, ALPHA)])
        # lstsq: a constant added to all intercepts of softmax changes nothing.
        theta = theta - np.linalg.lstsq(reference.hessian(X, W, b, ALPHA), gradient, rcond=1e-10)[0]
    assert np.abs(gradient).max() < 1e-14
    return theta


def value_of(objective, theta):
    return reference.value(objective.samples.X, objective.y, *objective.unpack(theta), objective.alpha)


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


def test_sgd_comes_nearer_like_one_over_t(objective, optimum):
    """What steps like 1 / sqrt(t) and averages promise (Polyak & Juditsky, 1992); a few seeds even out the noise."""
    f = value_of(objective, optimum)
    gaps = []
    for seed in range(4):
        monitor = Monitor()
        sgd(
            objective, np.zeros(objective.n_parameters), tol=0.0, max_iter=160, n_iter_no_change=1000,
            monitor=monitor, random_state=np.random.RandomState(seed),
        )  # fmt: skip
        gaps.append(monitor.history()["objective"][[9, 39, 159]] - f)
    gaps = np.mean(gaps, axis=0)
    assert (gaps > 0).all()
    assert gaps[1] < gaps[0] / 2
    assert gaps[2] < gaps[1] / 2
    assert gaps[2] < 1e-4 * f


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

    found = line_search(evaluate, np.zeros(1), np.ones(1), phi(0.0), np.array([slope(0.0)]), first_step)
    assert found is not None
    step, theta, value, gradient = found
    assert theta[0] == step == calls[-1]
    assert (value, gradient[0]) == (phi(step), slope(step))
    assert value <= phi(0) + 1e-4 * step * slope(0)
    assert abs(slope(step)) <= 0.9 * abs(slope(0))


def test_line_search_refuses_to_go_uphill():
    assert line_search(lambda t: (t @ t, 2 * t), np.ones(1), np.ones(1), 1.0, np.array([2.0]), 1.0) is None


def test_line_search_gives_up_where_there_is_no_lower_point():
    def rising(theta):  # a gradient that lies
        return 1.0 + abs(theta[0]), -np.ones(1)

    assert line_search(rising, np.zeros(1), np.ones(1), 1.0, -np.ones(1), 1.0) is None


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
    mean, variance, spread = moments(Samples.of(make(X)), counts / counts.mean())
    seen = np.repeat(seen, counts, axis=0)
    rtol = 1e-6 if dtype == np.uint8 else 1e-12
    assert_allclose(mean, seen.mean(axis=0), rtol=rtol)
    assert_allclose(variance, seen.var(axis=0), rtol=rtol)
    assert_allclose(spread, np.ptp(seen, axis=0), rtol=rtol)


def test_largest_eigenvalue(digits: ImageData):
    X = digits.X_train[:200] / 255
    mean, metric = X.mean(axis=0), 1 / (X.var(axis=0) + 0.1)
    x = (X - mean) * np.sqrt(metric)
    exact = np.linalg.eigvalsh(x.T @ x / 200)[-1]
    found = largest_eigenvalue(Samples.of(X), np.ones(200), mean, metric)
    assert 0.95 * exact <= found <= exact * (1 + 1e-12)


@pytest.mark.parametrize(("K", "batch_size"), [(1, 1), (3, 16)])
@pytest.mark.parametrize("centred", [True, False])
@pytest.mark.parametrize("make", [np.asarray, sp.csr_matrix], ids=["dense", "CSR"])
@pytest.mark.parametrize("weighted", [False, True])
def test_step_size(digits: ImageData, K, batch_size, centred, make, weighted):
    X = np.hstack([digits.X_train[:200] / 255, np.zeros((200, 1))])
    X[7, -1] = 5.0  # a feature of one sample
    s = 1 + np.arange(200) % 3 * weighted
    s = s / s.mean()
    objective = Objective(
        Samples.of(make(X)), np.zeros(200, np.int32), K, alpha=0.0, fit_intercept=centred, sample_weight=7.0 * s
    )
    step = derive_step_size(objective, batch_size)
    mean = s @ X / 200 * centred
    spread, deviation = np.ptp(X, axis=0), np.sqrt(s @ np.square(X - mean) / 200)
    common = deviation**2 * 200 > 8 * spread**2
    assert 30 < common.sum() < X.shape[1] - 1
    squared = spread * (deviation + spread / 16)
    squared[~common] = squared[common].max()
    assert_allclose(step.mean, mean)
    assert_allclose(step.metric, 1 / squared)
    x = (X - mean) / np.sqrt(squared)
    largest = max(np.linalg.eigvalsh(x.T @ (s[:, np.newaxis] * x) / 200)[-1], 1)
    square = s**2 @ (np.square(x).sum(axis=1) + 1) / 200
    c = 0.25 if K == 1 else 0.5
    eta = 2 / (c * (square / batch_size + largest))
    steady_eta = 2 * batch_size / (c * (s * (np.square(x).sum(axis=1) + 1)).max())
    assert_allclose(step.steady_eta, min(step.eta, steady_eta))
    assert eta * (1 - 1e-12) <= step.eta <= 1.05 * eta  # power iteration comes from below


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
    monitor = Monitor(lambda theta, record: seen.append(theta.copy()))
    held_back = np.arange(0, 500, 4)
    result = sgd(
        objective, np.zeros(objective.n_parameters), tol=0.0, max_iter=30, monitor=monitor,
        random_state=np.random.RandomState(0), held_back=held_back, n_iter_no_change=5,
        average=False, eta=2.0, power=0.0,
    )  # fmt: skip
    losses = monitor.history()["validation_loss"]
    assert_array_equal(result.theta, seen[np.argmin(losses)])
    assert_array_equal(result.theta, seen[-1])  # the monitor is shown what would be returned
    X, y = objective.samples.X[held_back], objective.y[held_back]
    for theta, loss in zip(seen, np.minimum.accumulate(losses), strict=True):
        assert_allclose(loss, reference.value(X, y, *objective.unpack(theta), 0.0), rtol=1e-12)
    if result.converged:
        assert len(losses) == np.argmin(losses) + 1 + 5


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


def test_preconditioner_that_would_see_only_weights_of_zero():
    random = np.random.default_rng(0)
    X = random.normal(size=(6000, 5))
    y = X[:, 0] + random.normal(size=6000) > 0
    weight = np.ones(6000)
    weight[::3] = 0  # just those that a part of 2,000 would hold
    all_of_them = LogisticRegression(alpha=1e-2, tol=1e-10).fit(X, y, weight)
    others = LogisticRegression(alpha=1e-2, tol=1e-10).fit(X[weight > 0], y[weight > 0])
    assert_allclose(all_of_them.coef_, others.coef_, rtol=1e-7)


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


def test_largest_eigenvalue_of_a_direction_that_the_start_hardly_holds():
    d = 10_000
    X = sp.diags_array(np.append(np.sqrt(1.5), np.ones(d - 1)), format="csr")
    found = largest_eigenvalue(Samples.of(X), np.ones(d), np.zeros(d), np.ones(d))
    assert_allclose(found, 1.5 / d, rtol=0.02)


def test_lbfgs_goes_on_where_values_drown_in_float32(digits: ImageData):
    SoftmaxRegression(solver="lbfgs", alpha=1e-2, tol=5e-7).fit(digits.X_train, digits.y_train)


def test_lbfgs_on_features_of_sizes_from_1e_minus_3_to_1e3(digits: ImageData):
    X = digits.X_train / 255 * np.logspace(-3, 3, digits.X_train.shape[1])
    LogisticRegression(alpha=1e-6, tol=2e-9).fit(X, digits.y_train % 2)


def test_sgd_with_samples_held_back_is_sgd_on_the_others():
    random = np.random.default_rng(0)
    X = random.normal(size=(400, 5))
    y = (X[:, 0] + random.normal(size=400) > 0).astype(np.int32)
    common = {"tol": 0.0, "max_iter": 5, "n_iter_no_change": 100, "eta": 0.1}
    seen = []
    sgd(
        Objective(Samples.of(X), y, 1, alpha=0.1),
        np.zeros(6),
        held_back=np.arange(0, 400, 2),
        random_state=np.random.RandomState(0),
        monitor=Monitor(lambda theta, record: seen.append(theta)),
        **common,
    )
    others = Objective(Samples.of(X[1::2]), y[1::2], 1, alpha=0.1)
    alone = sgd(others, np.zeros(6), random_state=np.random.RandomState(0), monitor=Monitor(), **common)
    assert_allclose(seen[-1], alone.theta, rtol=1e-10)


@pytest.mark.parametrize("alpha", [1.0, 100.0])
def test_the_derived_step_is_stable_under_a_strong_penalty(digits: ImageData, alpha):
    X, y = digits.X_train, digits.y_train
    fit = SoftmaxRegression(alpha=alpha, random_state=0).fit(X, y)
    exact = SoftmaxRegression(solver="lbfgs", alpha=alpha).fit(X, y)
    assert_allclose(fit.history_["objective"][-1], exact.history_["objective"][-1], rtol=0.02)


def test_preconditioned_lbfgs_under_a_vanishing_penalty(small_mnist: ImageData):
    """Pixels that the preconditioner's samples hardly show must not take wild steps."""
    X, y = small_mnist.X_train, (small_mnist.y_train == 2).astype(np.int32)
    objective = Objective(Samples.of(X), y, 1, alpha=1e-10)
    start = np.zeros(objective.n_parameters)
    values = [
        lbfgs(objective, start, tol=0.0, max_iter=15, monitor=Monitor(), precondition=choice).theta
        for choice in (True, False)
    ]
    preconditioned, plain = map(objective.value, values)
    assert preconditioned < plain
