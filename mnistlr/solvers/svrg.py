"""Stochastic steps whose noise vanishes at the optimum.

An epoch starts from an anchor theta_0 with its full gradient mu = 1/n sum_i s_i grad loss_i(theta_0), the weights s_i
scaled to a mean of 1. A step looks at one batch B of the shuffled samples:

    v     <- 1/|B| sum_{i in B} s_i (grad loss_i(theta) - grad loss_i(theta_0)) + mu + alpha W
    theta <- theta - eta M v

(SVRG: Johnson & Zhang, "Accelerating stochastic gradient descent using predictive variance reduction", NIPS 2013). v is
right on average and its noise shrinks as theta and theta_0 near the optimum, so that a constant step converges
linearly. Metric M and step eta are derived as for ``sgd`` (``step_size``); from a cold start one epoch of it comes
first. An epoch that does not lower the objective is undone, and eta is halved: what was derived is an expectation, and
lies at the edge of stability for some data. A step size given by hand stays.

An epoch costs three passes. It is for data of which the Hessian is hard to approximate. On MNIST the preconditioned
L-BFGS is quicker (benchmarks/README.md has the race).
"""

from collections.abc import Iterator

import numpy as np

from mnistlr._support.arrays import Array
from mnistlr.kernels.block import add_outer, multiply
from mnistlr.kernels.compiling import jit
from mnistlr.kernels.losses import block_losses
from mnistlr.kernels.records import BLOCK, Data, Weights, pack, unpack, zero_weights
from mnistlr.objective import Objective
from mnistlr.solvers.iterate import Iterate, largest_entry
from mnistlr.solvers.sgd import SGD, Rule, check_finite, check_penalty_step, move, shuffled, take_shuffled


@jit
def svrg_steps(data, order, theta, anchor, mu, v, metric, rule, scratch):
    """Take a step for each batch of the samples in ``order``.

    ``theta`` is changed in place, ``v`` is scratch. ``anchor`` is theta_0, and ``mu`` its full gradient.
    """
    for first in range(0, order.shape[0], rule.batch_size):
        last = min(first + rule.batch_size, order.shape[0])
        copy(mu.W, v.W)
        copy(mu.b, v.b)
        for i in range(first, last, BLOCK):
            m = take_shuffled(data.X, order, i, last, scratch)
            add_difference(data, m, 1.0 / (last - first), rule.n_raw, theta, anchor, v, scratch)
        move(theta.W, theta.b, v, theta, metric, rule, rule.eta, 0.0)


@jit
def add_difference(data, m, share, n_raw, theta, anchor, v, scratch):
    """v += share sum_r s_r (grad loss_r(theta) - grad loss_r(theta_0)) over a block of rows."""
    raw, raw_0 = scratch.raw, scratch.along
    multiply(data.X, m, theta.W, theta.b, scratch, raw)
    multiply(data.X, m, anchor.W, anchor.b, scratch, raw_0)
    block_losses(raw, m, n_raw, data, scratch.rows, share)
    block_losses(raw_0, m, n_raw, data, scratch.rows, share)
    subtract(raw, raw_0, m)
    add_outer(data.X, m, scratch, raw, v.W, v.b)


@jit
def copy(values, out):
    """Copy element by element: numba's own copy of a whole array would ask for memory."""
    for j in range(values.shape[0]):
        if values.ndim == 1:
            out[j] = values[j]
        else:
            for c in range(values.shape[1]):
                out[j, c] = values[j, c]


@jit
def subtract(raw, raw_0, m):
    """raw -= raw_0 in the first m rows."""
    for r in range(m):
        if raw.ndim == 1:
            raw[r] -= raw_0[r]
        else:
            for c in range(raw.shape[1]):
                raw[r, c] -= raw_0[r, c]


def svrg(
    objective: Objective,
    theta: Array | None = None,
    *,
    random_state: np.random.RandomState | None = None,
    batch_size: int = 16,
    eta: float | None = None,
) -> Iterator[Iterate]:
    """Yield the anchors, the starting point of each epoch, for as long as they are asked for.

    Parameters
    ----------
    objective : Objective
    theta : ndarray, optional
        Starting point; zeros by default.
    random_state : RandomState, optional
        Shuffles the samples.
    batch_size : int
    eta : float, optional
        Size of the steps; by default it is derived from the data.
    """
    random_state = np.random.RandomState() if random_state is None else random_state
    samples, theta = objective.samples, objective.zeros() if theta is None else theta
    state = SGD(objective, theta, batch_size=batch_size, eta=eta)
    passes, epoch, is_derived, eta = 0, 0, eta is None, state.step_size.steady_eta
    if not theta.any():
        state.epoch(objective, None, random_state)
        theta, passes = state.theta, 1
    data = Data(samples.X, objective.y, objective.weight * (samples.n / objective.weight_sum))
    intercept = float(objective.fit_intercept)
    rule = Rule(objective.n_raw, batch_size, eta, 1.0, 0.0, objective.alpha, 0.0, intercept)
    v, scratch = zero_weights(objective.n_raw, samples.d, samples.dtype), objective.scratch()
    best: tuple[Array, float, Array] | None = None
    while True:
        if best is None or not is_derived:
            check_finite(theta, eta)
        check_penalty_step(eta * float(state.metric.metric.max()), objective.alpha, 0.0)
        value, gradient = objective.value_and_gradient(theta)
        passes += 1
        if is_derived and best is not None and not value < best[1]:
            theta, value, gradient = best
            eta /= 2
            rule = rule._replace(eta=eta)
        best = theta, value, gradient
        yield Iterate(epoch, theta, value, largest_entry(gradient), eta, passes)
        anchor, point = (pack(*objective.unpack(theta), samples.dtype) for _ in range(2))
        mu = full_gradient(objective, theta, gradient)
        for order in shuffled(samples.n, samples.nbytes, batch_size, random_state):
            svrg_steps(data, order, point, anchor, mu, v, state.metric, rule, scratch)
        theta = unpack(point, objective.n_raw)
        passes += 2
        epoch += 1


def full_gradient(objective: Objective, theta: Array, gradient: Array) -> Weights:
    """Return mu: the gradient without that of the penalty, which each step adds itself."""
    mu_W, mu_b = objective.unpack(gradient)
    return pack(mu_W - objective.alpha * objective.unpack(theta)[0], mu_b, objective.samples.dtype)
