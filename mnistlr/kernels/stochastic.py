"""Epochs of stochastic gradient descent: steps after every few samples, in shuffled order."""

from mnistlr.kernels.compiling import jit, jit_inline, jit_reorder
from mnistlr.kernels.losses import tile_losses
from mnistlr.kernels.tiles import AHEAD, TILE, fetch, tile_add


@jit_inline
def _next_shuffled(X, order, i, last, samples):
    """Number the samples of the next tile of a batch, ask for later ones, and return how many it has."""
    m = min(TILE, last - i)
    for r in range(m):
        samples[r] = order[i + r]
        fetch(X, order[min(i + r + AHEAD, order.shape[0] - 1)])
    return m


@jit_reorder
def _move(W, v, v_b, mean, metric, step, decay, momentum):
    """u = v + decay W; W -= step metric (u - v_b mean); v = momentum u. Return the change of W times ``mean``."""
    drift = W.dtype.type(0)
    for j in range(W.shape[0]):
        u = v[j] + decay * W[j]
        change = -step * metric[j] * (u - v_b * mean[j])
        W[j] += change
        drift += change * mean[j]
        v[j] = momentum * u
    return drift


@jit_reorder
def _draw(average, W, share):
    """average += share (W - average)."""
    for j in range(W.shape[0]):
        average[j] += share * (W[j] - average[j])


@jit
def sgd_epoch(
    X, y, weight, order, W, b, velocity, velocity_b, average, average_b, mean, metric,
    n_raw, batch_size, eta, horizon, power, averaging, t, decay, momentum, intercept_rate,
    samples, tile, raw,
):  # fmt: skip
    """One pass of mini-batch gradient descent over the samples in ``order``; see solvers/sgd.py for the equations.

    Changes W, b, the velocities and the averages in place and returns the number of steps done so far, t.
    """
    F = W.dtype.type
    for first in range(0, order.shape[0], batch_size):
        last = min(first + batch_size, order.shape[0])
        for i in range(first, last, TILE):
            m = _next_shuffled(X, order, i, last, samples)
            tile_losses(X, y, weight, 1.0 / (last - first), samples, m, W, b, n_raw, tile, raw)
            for r in range(m):
                for k in range(n_raw):
                    velocity_b[k] += raw[r, k]
            tile_add(X, samples, m, tile, raw, velocity)
        t += 1
        step = F(eta * (1.0 + t / horizon) ** -power)
        share = F((1.0 + averaging) / (t + averaging))
        for k in range(n_raw):
            drift = _move(W[k], velocity[k], velocity_b[k], mean, metric, step, F(decay), F(momentum))
            b[k] -= F(intercept_rate) * (step * velocity_b[k] + drift)
            _draw(average[k], W[k], share)
            average_b[k] += share * (b[k] - average_b[k])
            velocity_b[k] *= F(momentum)
    return t


@jit
def svrg_epoch(
    X, y, weight, order, W, b, W_0, b_0, mu, mu_b, v, v_b, mean, metric,
    n_raw, batch_size, eta, decay, intercept_rate, samples, tile, raw, raw_0,
):  # fmt: skip
    """One pass of variance-reduced steps over the samples in ``order``; see solvers/svrg.py for the equations.

    Changes W and b in place; v (rows, d) and v_b are scratch.
    """
    F = W.dtype.type
    for first in range(0, order.shape[0], batch_size):
        last = min(first + batch_size, order.shape[0])
        v[:] = mu
        v_b[:] = mu_b
        for i in range(first, last, TILE):
            m = _next_shuffled(X, order, i, last, samples)
            tile_losses(X, y, weight, 1.0 / (last - first), samples, m, W_0, b_0, n_raw, tile, raw_0)
            tile_losses(X, y, weight, 1.0 / (last - first), samples, m, W, b, n_raw, tile, raw)
            for r in range(m):
                for k in range(n_raw):
                    raw[r, k] -= raw_0[r, k]
                    v_b[k] += raw[r, k]
            tile_add(X, samples, m, tile, raw, v)
        for k in range(n_raw):
            drift = _move(W[k], v[k], v_b[k], mean, metric, F(eta), F(decay), F(0))
            b[k] -= F(intercept_rate) * (F(eta) * v_b[k] + drift)
