"""Losses: from the raw predictions and the label of a sample to its loss, with d loss / d raw left in place of raw."""

import math

import numpy as np

from mnistlr.kernels.compiling import jit, jit_inline
from mnistlr.kernels.tiles import tile_raw


@jit_inline
def logistic_loss(raw, y):
    """log(1 + exp(-z)), z = raw if y == 1 else -raw; derivative p - y with p = 1 / (1 + exp(-raw)).

    Both branches only ever take exp of a number <= 0, so nothing overflows.
    """
    r, one = raw[0], raw.dtype.type(1)
    e = math.exp(-abs(r))
    p = one / (one + e) if r >= 0 else e / (one + e)
    raw[0] = p - raw.dtype.type(y)
    z = r if y == 1 else -r
    return math.log1p(e) + max(-z, 0.0)


@jit
def softmax_loss(raw, y):
    """log(sum_k exp(raw_k)) - raw_y; derivative p_k - [k == y] with p = softmax(raw).

    The maximum is subtracted first: the sum is then between 1 and K. An exponential under 1e-30 is flushed to zero:
    no sum can see it, and subnormal numbers would slow every loop behind it.
    """
    zero = raw.dtype.type(0)
    top = raw[0]
    for k in range(1, raw.shape[0]):
        top = max(top, raw[k])
    raw_y = raw[y] - top
    total = zero
    for k in range(raw.shape[0]):
        e = math.exp(raw[k] - top)
        raw[k] = e if e > 1e-30 else zero
        total += e
    share = raw.dtype.type(1) / total
    for k in range(raw.shape[0]):
        raw[k] *= share
    raw[y] -= raw.dtype.type(1)
    return math.log(np.float64(total)) - raw_y


@jit_inline
def loss(raw, y):
    """The loss of one sample: logistic for one raw prediction, softmax for several."""
    if raw.shape[0] == 1:
        return logistic_loss(raw, y)
    return softmax_loss(raw, y)


@jit_inline
def tile_losses(X, y, weight, share, samples, m, W, b, n_raw, tile, raw):
    """Return sum_r s_r loss_r over a tile, s_r = share weight_r; leave s_r d loss_r / d raw in ``raw``."""
    total = 0.0
    tile_raw(X, samples, m, tile, W, b, raw)
    for r in range(m):
        s_r = raw.dtype.type(share * weight[samples[r]])
        total += s_r * loss(raw[r, :n_raw], y[samples[r]])
        for k in range(n_raw):
            raw[r, k] *= s_r
        for k in range(n_raw, raw.shape[1]):
            raw[r, k] = 0
    return total
