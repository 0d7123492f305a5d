"""SGD on sparse data: a step moves the features that its batch holds, and the others wait.

A batch of texts holds a thousand of 100,000 words. A step of ``sgd`` moves the other 99,000 as well: W by the penalty,
and the average towards W. Both have a closed form as long as a feature's loss has no gradient. So a feature waits until
a batch holds it, and then makes up for the steps t_0 + 1 ... t that it missed at once:

    x       =  alpha M (eta_{t_0 + 1} + ... + eta_t)
    W       <- e^-x W                                           the path of a step downhill, made of many small ones
    average <- U + (average - U) k_{t_0} / k_t                  U = W (1 - e^-x) / x, the mean of W on this path

with k_t = t (t + 1) (t + 2) (t + 3), because a share of (1 + q) / (t + q) leaves (t - 1) / (t + 3) of the average for
q = 3. A feature that is there moves as in ``sgd``.

A feature that is centred (``step_size``) moves in every step, and a feature that most batches hold anyway may as well.
So the features that wait are the rare ones (``Samples.rare_features``), whose mean is nearly 0 and taken as 0.
"""

import math
from typing import NamedTuple

import numpy as np

from mnistlr._support.arrays import Array
from mnistlr.kernels.compiling import jit
from mnistlr.kernels.lanes import FLUSH, lane_count, load, store
from mnistlr.kernels.records import aligned


class Waits(NamedTuple):
    """How long features have waited.

    Attributes
    ----------
    start : int
        Steps done before those that are counted here.
    lengths : float64 (steps + 1,)
        ``lengths[t]`` is the sum of the first t step sizes.
    seen : int64 (d,)
        The step up to which a feature's weights are right.
    centred : int64
        The features that do not wait.
    drift : (L,), for K = 1 (1,)
        The change of w . mean in a step, while it is being added up.
    """

    start: int
    lengths: Array
    seen: Array
    centred: Array
    drift: Array


def plan_waits(start: int, sizes: Array, mean: Array, b: Array) -> Waits:
    """Return that no step has been done of those with these ``sizes``."""
    centred, seen = np.flatnonzero(mean), np.zeros(len(mean), np.int64)
    return Waits(start, np.append(0.0, np.cumsum(sizes)), seen, centred, aligned(b.shape, b.dtype))


@jit
def catch_up(X, rows, theta, average, metric, alpha, t, waits):
    """Bring the weights of all features in a batch to step ``t``."""
    for i in rows:
        for e in range(X.indptr[i], X.indptr[i + 1]):
            _catch_up(X.indices[e], theta.W, average.W, metric.metric, alpha, t, waits)


@jit
def catch_up_all(theta, average, metric, alpha, t, waits):
    """Bring the weights of all features to step ``t``."""
    for j in range(theta.W.shape[0]):
        _catch_up(j, theta.W, average.W, metric.metric, alpha, t, waits)


@jit
def _catch_up(j, W, average, metric, alpha, t, waits):
    t_0 = waits.seen[j]
    if t_0 == t:
        return
    waits.seen[j] = t
    F = W.dtype.type
    x = alpha * metric[j] * (waits.lengths[t] - waits.lengths[t_0])
    if x < 1e-4:  # nearly always: three terms of both series are exact to rounding
        shrink, middle = F(1 - x * (1 - x / 2)), F(1 - x / 2 * (1 - x / 3))
    else:
        shrink, middle = F(math.exp(-x) if -x > FLUSH else 0.0), F(-math.expm1(-x) / x)
    kept = F(_k(waits.start + t_0) / _k(waits.start + t))
    if W.ndim == 1:
        u = W[j] * middle
        average[j] = u + (average[j] - u) * kept
        W[j] *= shrink
    else:
        for c in range(0, W.shape[1], lane_count(W)):
            place = j * W.shape[1] + c
            w = load(W, place)
            u = w * middle
            store(average, place, u + (load(average, place) - u) * kept)
            store(W, place, w * shrink)


@jit
def _k(t):
    return float(t) * (t + 1.0) * (t + 2.0) * (t + 3.0)


@jit
def move_held(X, rows, theta, velocity, average, metric, rule, t, waits):
    """Take step ``t`` with the features that a batch holds or that do not wait, and with b; zero ``velocity``."""
    step = waits.lengths[t] - waits.lengths[t - 1]
    share = 1.0 - _k(waits.start + t - 1) / _k(waits.start + t)
    for j in waits.centred:
        _move(j, theta.W, velocity, average.W, metric, step, rule.alpha, share, waits)
        waits.seen[j] = t
    for i in rows:
        for e in range(X.indptr[i], X.indptr[i + 1]):
            j = X.indices[e]
            if waits.seen[j] != t:
                _move(j, theta.W, velocity, average.W, metric, step, rule.alpha, share, waits)
                waits.seen[j] = t
    b, v_b, drift = theta.b, velocity.b, waits.drift
    for k in range(b.shape[0]):
        b[k] -= rule.intercept * (step * v_b[k] + drift[k])
        average.b[k] += share * (b[k] - average.b[k])
        v_b[k] = drift[k] = 0


@jit
def _move(j, W, velocity, average, metric, step, alpha, share, waits):
    """W_j <- W_j - step M_j (v_j + alpha W_j - v_b mean_j), its average, and its part of the drift."""
    F = W.dtype.type
    v, v_b, drift, mean = velocity.W, velocity.b, waits.drift, metric.mean[j]
    step, alpha, share = F(step * metric.metric[j]), F(alpha), F(share)
    if W.ndim == 1:
        change = -step * (v[j] + alpha * W[j] - v_b[0] * mean)
        W[j] += change
        drift[0] += change * mean
        average[j] += share * (W[j] - average[j])
        v[j] = 0
    else:
        for c in range(0, W.shape[1], lane_count(W)):
            place = j * W.shape[1] + c
            w, u = load(W, place), load(v, place)
            change = (u + w * alpha - load(v_b, c) * mean) * -step
            w += change
            store(W, place, w)
            store(v, place, u * 0)
            store(drift, c, load(drift, c) + change * mean)
            a = load(average, place)
            store(average, place, a + (w - a) * share)
