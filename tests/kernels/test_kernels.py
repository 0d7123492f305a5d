"""The compiled loops, one by one, against NumPy in float64.

Small enough to run without compilation as well (the last test), where a coverage tool can look into them.
"""

import copy
import os
import pickle
import platform
import re
import subprocess
import sys
from pathlib import Path

import numba
import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal

from mnistlr.kernels import lanes
from mnistlr.kernels.linear_algebra import add_gram, are_same, cholesky, cholesky_solve
from mnistlr.kernels.records import CsrArrays
from mnistlr.objective import Objective
from mnistlr.samples import Csr, Samples
from mnistlr.solvers.sgd import SGD, shuffled
from mnistlr.solvers.step_size import derive_step_size
from mnistlr.solvers.svrg import svrg
from tests.helpers import reference
from tests.helpers.reference import STORAGES

ROOT = Path(__file__).parents[2]
needs_compiler = pytest.mark.skipif(numba.config.DISABLE_JIT, reason="looks at compiled code")


# --- passes -----------------------------------------------------------------------------------------------------


def make_problem(storage, K, n, d=13, seed=0, share_of_zeros=0.7):
    """Return X, what the model sees, labels, parameters, weights of samples."""
    random = np.random.default_rng(seed)
    X, seen = reference.make_data(storage, n, d, random, share_of_zeros)
    y = random.integers(0, max(K, 2), n).astype(np.int32)
    theta = random.normal(size=K * (d + 1))
    return X, seen, y, theta, random.uniform(0.5, 2, n)


# Less than a block, a block and a bit, more than what is summed at a time, each with a last block of another length.
SIZES = [1, 3, 18, 1037]
CLASSES = [1, 2, 3, 8, 9, 16, 17, 33]  # to both sides of whole lanes


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("K", CLASSES)
@pytest.mark.parametrize("n", SIZES)
def test_raw_predictions(storage, K, n):
    X, seen, _, theta, _ = make_problem(storage, K, n)
    W, b = theta[:-K].reshape(K, -1), theta[-K:]
    raw = Samples.of(X).raw_predictions(W, b)
    atol = 8 * reference.eps_of(X) * (np.abs(seen) @ np.abs(W).T + np.abs(b)).max()
    assert_allclose(raw, reference.raw_predictions(seen, W, b), rtol=0, atol=atol)
    assert raw.dtype == (np.float64 if storage in ("float64", "CSR") else np.float32)


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("K", CLASSES)
@pytest.mark.parametrize("n", SIZES)
def test_loss_and_gradient(storage, K, n):
    X, seen, y, theta, weight = make_problem(storage, K, n)
    objective = Objective(Samples.of(X), y, K, alpha=0.1, sample_weight=weight)
    W, b = objective.unpack(theta)
    eps = reference.eps_of(X)
    value, gradient = objective.value_and_gradient(theta)
    assert_allclose(value, reference.value(seen, y, W, b, 0.1, weight), rtol=32 * eps)
    expected = np.concatenate([g.ravel() for g in reference.gradient(seen, y, W, b, 0.1, weight)])
    assert_allclose(gradient, expected, rtol=0, atol=64 * eps * np.abs(expected).max())
    assert_allclose(objective.value(theta), value, rtol=8 * eps)


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("K", CLASSES)
def test_hessian_vector(storage, K):
    X, seen, y, theta, weight = make_problem(storage, K, 271)
    objective = Objective(Samples.of(X), y, K, alpha=0.1, sample_weight=weight)
    vector = np.random.default_rng(1).normal(size=len(theta))
    expected = reference.hessian(seen, *objective.unpack(theta), 0.1, weight) @ vector
    atol = 64 * reference.eps_of(X) * np.abs(expected).max()
    assert_allclose(objective.hessian_vector(theta, vector), expected, rtol=0, atol=atol)


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("share_of_zeros", [0.8, 0.0])
@pytest.mark.parametrize("K", [1, 3, 17])
def test_features_to_both_sides_of_64_bytes(storage, K, share_of_zeros):
    """Both forms of the loop over dense rows: by entries, and four whole rows at a time."""
    for d in [*range(1, 19), 31, 32, 33, 63, 64, 65, 127, 128, 129, 130]:
        X, seen, y, theta, weight = make_problem(storage, K, 23, d, d, share_of_zeros)
        theta /= np.sqrt(d)
        if share_of_zeros == 0.0:
            seen = np.where(seen == 0, 1.0, seen)  # what make_data took away from 64
            X = sp.csr_matrix(seen) if storage == "CSR" else np.where(X == 0, X.dtype.type(1), X)
            seen = X / 255 if storage == "uint8" else seen
        samples = Samples.of(X)
        if share_of_zeros == 0.0 or d > 30:
            assert samples.has_zeros() is (share_of_zeros > 0 or storage == "CSR")
        objective = Objective(samples, y, K, alpha=0.1, sample_weight=weight)
        W, b = objective.unpack(theta)
        eps, message = reference.eps_of(X), f"d = {d}"
        raw = samples.raw_predictions(W, b)
        assert_allclose(raw, reference.raw_predictions(seen, W, b), rtol=0, atol=16 * eps * d, err_msg=message)
        value, gradient = objective.value_and_gradient(theta)
        assert_allclose(value, reference.value(seen, y, W, b, 0.1, weight), rtol=32 * eps, err_msg=message)
        expected = np.concatenate([g.ravel() for g in reference.gradient(seen, y, W, b, 0.1, weight)])
        assert_allclose(gradient, expected, rtol=0, atol=64 * eps * np.abs(expected).max(), err_msg=message)
        vector = np.random.default_rng(1).normal(size=len(theta))
        expected = reference.hessian(seen, W, b, 0.1, weight) @ vector
        found = objective.hessian_vector(theta, vector)
        assert_allclose(found, expected, rtol=0, atol=64 * eps * np.abs(expected).max(), err_msg=message)


@pytest.mark.parametrize("K", [1, 3])
def test_wide_indices_change_no_bit(K):
    """CSR matrices of more than 2^31 entries have int64 indices."""
    X, _, y, theta, weight = make_problem("CSR", K, 61)
    narrow = Samples.of(X)
    wide = Csr(CsrArrays(X.data, *(array.astype(np.int64) for array in (X.indices, X.indptr))), *narrow_facts(narrow))
    assert narrow.X.indices.dtype == np.int32
    results = []
    for samples in (narrow, wide):
        objective = Objective(samples, y, K, alpha=0.1, sample_weight=weight)
        value, gradient = objective.value_and_gradient(theta)
        W, b = objective.unpack(theta)
        results.append([samples.raw_predictions(W, b), value, gradient])
        if K > 1:  # steps are made of the same kernels, and take long to compile
            state = SGD(objective, theta)
            state.epoch(objective, None, np.random.RandomState(0))
            results[-1].append(state.theta)
    for one, other in zip(*results, strict=True):
        assert_array_equal(one, other)


def narrow_facts(samples):
    return samples.n, samples.d, samples.unit, samples.dtype


def test_entries_stored_twice_add_up():
    """A CSR matrix may hold an entry in parts."""
    X = sp.csr_matrix(([1.0, 2.0, 4.0], [0, 0, 1], [0, 2, 3]), shape=(2, 2))
    assert_array_equal(Samples.of(X).raw_predictions(np.array([[1.0, 10.0]]), np.zeros(1)), [[3], [40]])


# --- stochastic gradient descent --------------------------------------------------------------------------------


def naive_epoch(state, X, y, weight, alpha, order, *, eta, mean, metric, horizon, batch_size, power, momentum, q):
    """The equations of solvers/sgd.py and solvers/step_size.py, one by one. ``mean`` and ``metric``: mu, 1 / s^2."""
    W, b, velocity, velocity_b, average, average_b, t = state
    for first in range(0, len(order), batch_size):
        batch = order[first : first + batch_size]
        r = reference.residuals(reference.raw_predictions(X[batch], W, b), y[batch]) * weight[batch, None]
        velocity = momentum * velocity + r.T @ X[batch] / len(batch) + alpha * W
        velocity_b = momentum * velocity_b + r.sum(axis=0) / len(batch)
        t += 1
        eta_t = eta * (1 + t / horizon) ** -power
        change = -eta_t * (velocity - np.outer(velocity_b, mean)) * metric
        W = W + change
        b = b - eta_t * velocity_b - change @ mean
        share = (1 + q) / (t + q)
        average = average + share * (W - average)
        average_b = average_b + share * (b - average_b)
    return W, b, velocity, velocity_b, average, average_b, t


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("K", [1, 3, 17])
@pytest.mark.parametrize("eta", [0.1, None], ids=["given", "derived"])
@pytest.mark.parametrize(("batch_size", "momentum"), [(1, 0.0), (6, 0.5), (40, 0.0)])
@pytest.mark.parametrize("share_of_zeros", [0.7, 0.1])
def test_sgd_epochs(storage, K, eta, batch_size, momentum, share_of_zeros):
    n, d, alpha, power = 59, 13, 0.01, 0.5
    X, seen, y, theta, weight = make_problem(storage, K, n, d, share_of_zeros=share_of_zeros)
    objective = Objective(Samples.of(X), y, K, alpha=alpha, sample_weight=weight)
    settings = {"batch_size": batch_size, "power": power, "momentum": momentum}
    run = SGD(objective, theta, eta=eta, **settings)
    last = SGD(objective, theta, eta=eta, average=False, **settings)
    if eta is None:
        derived = derive_step_size(objective, batch_size)
        step = {"eta": derived.eta * (1 - momentum), "mean": derived.mean, "metric": derived.metric}
    else:
        step = {"eta": eta, "mean": np.zeros(d), "metric": np.ones(d)}

    W, b = objective.unpack(theta)
    horizon = np.count_nonzero(weight) / batch_size
    state = (W, b, np.zeros_like(W), np.zeros_like(b), W, b, 0)
    for seed in (0, 1):
        order = np.concatenate(list(shuffled(n, 1, batch_size, np.random.RandomState(seed))))
        assert_array_equal(np.sort(order), np.arange(n))
        weight_1 = weight / weight.mean()
        state = naive_epoch(state, seen, y, weight_1, alpha, order, horizon=horizon, q=3.0, **settings, **step)
        run.epoch(objective, None, np.random.RandomState(seed))
        last.epoch(objective, None, np.random.RandomState(seed))

    # Rounding errors of the steps add up, but do not grow: the steps contract.
    tolerance = {"rtol": 0, "atol": 8 * reference.eps_of(X) * state[-1] * max(np.abs(state[0]).max(), 1)}
    assert_allclose(last.theta, np.concatenate([state[0].ravel(), state[1]]), **tolerance)
    assert_allclose(run.theta, np.concatenate([state[4].ravel(), state[5]]), **tolerance)
    assert run.steps == state[-1]
    assert_allclose(run.last_step, step["eta"] * (1 + state[-1] / horizon) ** -power)


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("K", [1, 3])
@pytest.mark.parametrize("eta", [0.1, None], ids=["given", "derived"])
@pytest.mark.parametrize("batch_size", [6, 40])
@pytest.mark.parametrize("share_of_zeros", [0.7, 0.1])
def test_svrg_epoch(storage, K, eta, batch_size, share_of_zeros):
    """The equations of solvers/svrg.py, one by one, from a warm start."""
    n, d, alpha = 59, 13, 0.01
    X, seen, y, theta, weight = make_problem(storage, K, n, d, share_of_zeros=share_of_zeros)
    objective = Objective(Samples.of(X), y, K, alpha=alpha, sample_weight=weight)
    mean, metric, step = np.zeros(d), np.ones(d), eta
    if eta is None:
        derived = derive_step_size(objective, batch_size)
        mean, metric, step = derived.mean, derived.metric, derived.steady_eta

    def residuals(batch, W, b):
        raw = reference.raw_predictions(seen[batch], W, b)
        return reference.residuals(raw, y[batch]) * (weight / weight.mean())[batch, None]

    W_0, b_0 = objective.unpack(theta)
    mu = [g - penalty for g, penalty in zip(
        reference.gradient(seen, y, W_0, b_0, alpha, weight), (alpha * W_0, 0), strict=True
    )]  # fmt: skip
    W, b = W_0, b_0
    order = np.concatenate(list(shuffled(n, 1, batch_size, np.random.RandomState(0))))
    for first in range(0, n, batch_size):
        batch = order[first : first + batch_size]
        r = residuals(batch, W, b) - residuals(batch, W_0, b_0)
        v = r.T @ seen[batch] / len(batch) + mu[0] + alpha * W
        v_b = r.sum(axis=0) / len(batch) + mu[1]
        change = -step * (v - np.outer(v_b, mean)) * metric
        W, b = W + change, b - step * v_b - change @ mean

    iterates = svrg(objective, theta, random_state=np.random.RandomState(0), batch_size=batch_size, eta=eta)
    start, result = next(iterates), next(iterates)
    assert_array_equal(start.theta, theta)
    # Fewer steps over larger batches: what is rounded away is about the same.
    tolerance = {"rtol": 0, "atol": 8 * reference.eps_of(X) * (n / 6) * max(np.abs(W).max(), 1)}
    assert_allclose(result.theta, np.concatenate([W.ravel(), b]), **tolerance)


@pytest.mark.parametrize("K", [1, 3])
@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda state: pickle.loads(pickle.dumps(state))])
def test_a_copied_or_pickled_state_goes_on_with_the_same_bits(K, duplicate):
    X, _, y, theta, _ = make_problem("uint8", K, 59)
    objective = Objective(Samples.of(X), y, K, alpha=0.01)
    state = SGD(objective, theta, momentum=0.5)
    state.epoch(objective, None, np.random.RandomState(0))
    before, twin = state.theta, duplicate(state)
    state.epoch(objective, None, np.random.RandomState(1))
    assert_array_equal(twin.theta, before)  # it has arrays of its own
    twin.epoch(objective, None, np.random.RandomState(1))
    assert_array_equal(twin.theta, state.theta)
    assert twin.steps == state.steps
    for weights in (twin.point, twin.averaged, twin.velocity):
        assert all(array.ctypes.data % lanes.BYTES == 0 for array in weights)


# --- linear algebra ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("storage", STORAGES)
def test_add_gram(storage):
    X, seen, _, _, weight = make_problem(storage, 1, 61, d=9)
    one = 2.0
    x = np.hstack([seen.astype(np.float32) if storage == "uint8" else seen, np.full((61, 1), one)])
    expected = np.tril((x * weight[:, None]).T @ x)
    M = np.zeros((10, 10))
    samples = Samples.of(X)
    scratch = np.empty(10, samples.dtype)
    add_gram(samples.X, weight, one, 0, 4, scratch, M)
    assert not M[4:].any()
    add_gram(samples.X, weight, one, 4, 10, scratch, M)
    assert_allclose(np.tril(M), expected, rtol=1e-12)
    add_gram(samples.X, weight, one, 0, 10, scratch, M)  # it adds
    assert_allclose(np.tril(M), 2 * expected, rtol=1e-12)


@pytest.mark.parametrize("shape", [(1, 1), (3, 130)], ids=str)
def test_weights_are_the_same_where_every_entry_is(shape):
    W, b = np.random.default_rng(0).normal(size=shape), np.arange(float(shape[0]))
    assert are_same(W, W.copy(), b, b.copy())
    for place in np.ndindex(shape):
        other = W.copy()
        other[place] = np.nextafter(W[place], 9)
        assert not are_same(W, other, b, b)
    for k in range(len(b)):
        assert not are_same(W, W, b, np.where(np.arange(len(b)) == k, np.nan, b))


@pytest.mark.parametrize("n", [1, 2, 9, 40])
def test_cholesky(n):
    random = np.random.default_rng(n)
    root = random.normal(size=(n, n + 3))
    A = root @ root.T
    L = np.where(np.tri(n, dtype=bool), A, np.nan)  # the upper triangle is not read
    cholesky(L, 0.0)
    assert_allclose(np.tril(L), np.linalg.cholesky(A), rtol=0, atol=1e-13 * np.linalg.cond(A))
    B = random.normal(size=(3, n))
    solution = B.copy()
    cholesky_solve(L, solution)
    assert_allclose(solution, np.linalg.solve(A, B.T).T, rtol=0, atol=1e-14 * np.linalg.cond(A) * np.abs(B).max())


def test_cholesky_of_dependent_rows_leaves_them_out():
    """Where row 2 is the sum of rows 0 and 1, the solution has nothing of it, and A times it is still B."""
    rows = np.array([[2.0, 1.0, 0.0], [0.0, 1.0, 3.0], [2.0, 2.0, 3.0], [1.0, 0.0, 5.0]])
    A = rows @ rows.T
    L = A.copy()
    cholesky(L, 1e-13 * A.max())
    assert L[2, 2] == np.inf
    assert L[3, 2] == 0
    B = A[[1, 2]].copy()
    solution = B.copy()
    cholesky_solve(L, solution)
    assert not solution[:, 2].any()
    assert_allclose(solution @ A, B, rtol=1e-12)


@pytest.mark.parametrize(("n", "d"), [(1, 1), (7, 40), (40, 1037)])
@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
def test_inner_products(dtype, n, d):
    """float64 sums of float32 and whole numbers are exact but for their own rounding."""
    X = np.random.default_rng(n).integers(0, 256, (n, d)).astype(dtype)
    K = Samples.of(X).inner_products(n_threads=2)
    seen = X / 255 if dtype == "uint8" else X.astype(float)
    assert_allclose(K, np.tril(seen @ seen.T), rtol=1e-12)
    assert_array_equal(K, Samples.of(X).inner_products())


# --- compiled code ----------------------------------------------------------------------------------------------

# Multiplications and additions of several float32 at once.
VECTOR_INSTRUCTIONS = {
    "x86_64": r"\bv?(fmadd\d+ps|mulps|addps)\b",
    "AMD64": r"\bv?(fmadd\d+ps|mulps|addps)\b",
    "aarch64": r"\b(fmla|fmul|fadd)\s+v\d+\.4s",
    "arm64": r"\b(fmla|fmul|fadd)\.4s|\b(fmla|fmul|fadd)\s+v\d+\.4s",
}

# Compiles afresh (code from the cache cannot be inspected) and prints the instructions of the loops over pixels.
INSPECT = """
import numpy as np
from mnistlr import SoftmaxRegression
from mnistlr.kernels.passes import loss_gradient, raw_predictions
from mnistlr.solvers.sgd import sgd_steps
X = np.random.default_rng(0).integers(0, 256, (600, 30)).astype(np.uint8)
y = np.arange(600) % 3
SoftmaxRegression(max_iter=1, tol=1e9).fit(X, y)
SoftmaxRegression(solver="lbfgs", tol=1e9).fit(X, y).predict(X)
# The first has sums only, which a compiler may not reorder unless told to; the others change whole rows as well.
for kernel in (raw_predictions, loss_gradient, sgd_steps):
    (assembly,) = kernel.inspect_asm().values()
    print("KERNEL", kernel.__name__)
    print(assembly)
"""


@pytest.mark.long
@needs_compiler
def test_the_hot_loops_use_vector_instructions(tmp_path):
    pattern = VECTOR_INSTRUCTIONS.get(platform.machine())
    if pattern is None:
        pytest.skip(f"no pattern for a {platform.machine()}")
    printed = subprocess.run(
        [sys.executable, "-c", INSPECT],
        cwd=ROOT,
        env=os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    _, *parts = printed.split("KERNEL ")
    assert len(parts) == 3
    for part in parts:
        name = part.split(maxsplit=1)[0]
        assert len(re.findall(pattern, part)) >= 8, name
