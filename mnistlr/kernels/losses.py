"""Losses: from the raw predictions and the labels of a block of rows to the sum of their losses.

The derivative d loss / d raw of each row, times its weight, is left in place of the row's raw predictions.
"""

import math

import numpy as np

from mnistlr.kernels.compiling import jit, jit_inline
from mnistlr.kernels.lanes import exp, first_lanes, lane_count, largest, load, log1p, minimum, store, total
from mnistlr.kernels.records import BLOCK


@jit
def block_losses(raw, m, n_raw, data, rows, share):
    """Return sum_r s_r loss_r over the block's rows r < m, s_r = share weight_r.

    ``raw`` becomes s_r d loss_r / d raw.
    """
    if raw.ndim == 1:
        return logistic_losses(raw, m, data, rows, share)
    result = 0.0
    for r in range(m):
        weight = share * data.weight[rows[r]]
        result += weight * softmax_loss(raw, r, n_raw, data.y[rows[r]], weight)
    return result


@jit
def logistic_losses(raw, m, data, rows, share):
    """log(1 + exp(-z)), z = raw if y == 1 else -raw; derivative p - y with p = 1 / (1 + exp(-raw)).

    With t = exp(-|raw|), which never overflows, the loss is log(1 + t) + max(-z, 0).
    """
    result = 0.0
    take_exponentials(raw)
    for r in range(m):
        x, y, weight = raw[r], data.y[rows[r]], share * data.weight[rows[r]]
        result += weight * (raw[2 * BLOCK + r] + max(-x if y == 1 else x, 0.0))
        raw[r] = weight * (probability(raw, r) - y)
    return result


@jit
def take_exponentials(raw):
    """Leave t = exp(-|raw|) and log(1 + t) behind the raw predictions of a block."""
    for c in range(0, BLOCK, lane_count(raw)):
        x = load(raw, c)
        t = exp(minimum(x, x * -1))
        store(raw, BLOCK + c, t)
        store(raw, 2 * BLOCK + c, log1p(t))


@jit_inline
def probability(raw, r):
    """Return 1 / (1 + exp(-raw[r])), which is 1 / (1 + t) or t / (1 + t)."""
    one, t = raw.dtype.type(1), raw[BLOCK + r]
    return (one if raw[r] >= 0 else t) / (one + t)


@jit_inline
def softmax_loss(raw, r, n_raw, y, weight):
    """log(sum_k exp(raw_k)) - raw_y; derivative p_k - [k == y] with p = softmax(raw), times ``weight``."""
    raw_y = raw[r, y]
    top, log_sum = softmax(raw, r, n_raw, weight)
    raw[r, y] -= raw.dtype.type(weight)
    return log_sum - (raw_y - top)


@jit
def softmax(raw, r, n_raw, weight):
    """Replace the raw predictions of a row by ``weight`` exp(raw_k) / sum_k exp(raw_k).

    Return top = max_k raw_k and log(sum_k exp(raw_k - top)), a sum between 1 and K.
    """
    width, lanes = raw.shape[1], lane_count(raw)
    top = largest(first_lanes(load(raw, r * width), n_raw))
    for c in range(lanes, width, lanes):
        top = max(top, largest(first_lanes(load(raw, r * width + c), n_raw - c)))
    sum_of_exp = top * 0
    for c in range(0, width, lanes):
        e = exp(first_lanes(load(raw, r * width + c), n_raw - c) - top)
        sum_of_exp += total(e)
        store(raw, r * width + c, e)
    share = raw.dtype.type(weight) / sum_of_exp
    for c in range(0, width, lanes):
        store(raw, r * width + c, load(raw, r * width + c) * share)
    return top, math.log(np.float64(sum_of_exp))


@jit
def curve(raw, along, m, n_raw, weight, rows):
    """Replace ``along``, a change of the raw predictions, by s_r B_r along_r, that of the losses' derivatives.

    B = p (1 - p) for K = 1, else diag(p) - p p^T, is the second derivative of the loss by raw.
    """
    if raw.ndim == 1:
        take_exponentials(raw)
        for r in range(m):
            p = probability(raw, r)
            along[r] *= weight[rows[r]] * p * (1 - p)
    else:
        for r in range(m):
            softmax(raw, r, n_raw, 1.0)
            mean = 0.0
            for k in range(n_raw):
                mean += raw[r, k] * along[r, k]
            for k in range(n_raw):
                along[r, k] = weight[rows[r]] * raw[r, k] * (along[r, k] - mean)
