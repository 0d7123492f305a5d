"""Passes over the samples start <= i < stop, in order: raw predictions, losses, gradients, Hessian-vector products."""

import numpy as np

from mnistlr.kernels.block import add_outer, find, multiply
from mnistlr.kernels.compiling import jit, jit_inline
from mnistlr.kernels.losses import block_losses, curve
from mnistlr.kernels.records import BLOCK, Scratch, Weights
from mnistlr.kernels.rows import add_row, dot_row

PERIOD = 512  # samples, or entries of a feature, that are summed in the arithmetic type


@jit_inline
def take_rows(X, first, stop, scratch):
    """Number the rows of the next block and find their entries; return how many rows it has."""
    m = min(BLOCK, stop - first)
    for r in range(m):
        scratch.rows[r], scratch.rows[BLOCK + r] = first + r, min(first + r + BLOCK, stop - 1)
        find(X, r, scratch)
    return m


@jit
def raw_predictions(X, start, stop, weights, scratch, out):
    """out[i] = W x_i + b, (n, K)."""
    for first in range(start, stop, BLOCK):
        m = take_rows(X, first, stop, scratch)
        multiply(X, m, weights.W, weights.b, scratch, scratch.raw)
        _copy_raw(scratch.raw, m, out[first : first + m])


@jit
def raw_predictions_of_all(X, W, b, out, rows, columns, value, ends, tile, raw):
    """Do the same for all of a few samples.

    Its arguments are plain arrays: a call with records takes a hundred times as long as one image does.
    """
    scratch = Scratch(rows, columns, value, ends, tile, raw, raw)
    start = np.int64(0)  # for a plain 0 numba would compile the passes once more
    raw_predictions(X, start, X.shape[0], Weights(W, b), scratch, out)


@jit
def _copy_raw(raw, m, out):
    for r in range(m):
        if raw.ndim == 1:
            out[r, 0] = raw[r]
        else:
            for k in range(out.shape[1]):
                out[r, k] = raw[r, k]


@jit
def largest_of_each(raw, out):
    """out[i] = argmax_k raw[i, k], the first of equals."""
    for i in range(raw.shape[0]):
        largest, which = raw[i, 0], 0
        for k in range(1, raw.shape[1]):
            is_larger = raw[i, k] > largest  # selects instead of a branch, which would be guessed wrong
            largest = raw[i, k] if is_larger else largest
            which = k if is_larger else which
        out[i] = which


@jit
def loss_sum(data, start, stop, weights, n_raw, scratch):
    """Return sum_i s_i loss(W x_i + b, y_i)."""
    result = 0.0
    for first in range(start, stop, BLOCK):
        m = take_rows(data.X, first, stop, scratch)
        multiply(data.X, m, weights.W, weights.b, scratch, scratch.raw)
        result += block_losses(scratch.raw, m, n_raw, data, scratch.rows, 1.0)
    return result


@jit
def loss_gradient(data, start, stop, weights, n_raw, scratch, often, partial, G):
    """Return the loss sum and add its gradient to G, float64 records of (K, d) and (K,); each row is read once.

    It is summed in ``partial``, in the arithmetic type, which goes to G every ``PERIOD`` samples for the features
    ``often`` and at the end for all: none is a sum of so many terms that it would lose what matters.
    """
    result = 0.0
    for first in range(start, stop, PERIOD):
        result += add_gradient(data, first, min(first + PERIOD, stop), weights, n_raw, scratch, partial)
        move_to_total(partial, G, often, first + PERIOD >= stop)
    return result


@jit
def add_gradient(data, start, stop, weights, n_raw, scratch, partial):
    """Return the loss sum and add its gradient to ``partial``, in the arithmetic type."""
    result = 0.0
    for first in range(start, stop, BLOCK):
        m = take_rows(data.X, first, stop, scratch)
        multiply(data.X, m, weights.W, weights.b, scratch, scratch.raw)
        result += block_losses(scratch.raw, m, n_raw, data, scratch.rows, 1.0)
        add_outer(data.X, m, scratch, scratch.raw, partial.W, partial.b)
    return result


@jit
def hessian_vector(data, start, stop, weights, direction, n_raw, scratch, often, partial, H):
    """Add sum_i s_i B_i r_i (x_i, 1)^T to H, a record of (K, d) and (K,).

    r_i = V x_i + c with (V, c) the ``direction`` that the Hessian is multiplied with, and B_i as in ``losses.curve``.
    """
    for first in range(start, stop, PERIOD):
        add_hessian_vector(data, first, min(first + PERIOD, stop), weights, direction, n_raw, scratch, partial)
        move_to_total(partial, H, often, first + PERIOD >= stop)


@jit
def add_hessian_vector(data, start, stop, weights, direction, n_raw, scratch, partial):
    """Do the same, to ``partial``, in the arithmetic type."""
    along = scratch.along
    for first in range(start, stop, BLOCK):
        m = take_rows(data.X, first, stop, scratch)
        multiply(data.X, m, weights.W, weights.b, scratch, scratch.raw)
        multiply(data.X, m, direction.W, direction.b, scratch, along)
        curve(scratch.raw, along, m, n_raw, data.weight, scratch.rows)
        add_outer(data.X, m, scratch, along, partial.W, partial.b)


@jit
def second_moment_vector(X, weight, start, stop, v, v_b, G, g):
    """Add sum_i s_i x~_i (x~_i . v), x~_i = (x_i, 1), to G (d,) and g (1,)."""
    for i in range(start, stop):
        a = v.dtype.type(weight[i]) * (dot_row(X, i, v) + v_b[0])
        g[0] += a
        add_row(X, i, a, G)


@jit
def move_to_total(partial, G, often, is_last):
    """Add a partial sum to the total, class by class, and set it to zero, for all features or those ``often``."""
    for k in range(G.b.shape[0]):
        G.b[k] += partial.b[k]
        partial.b[k] = 0
    all_move = is_last or often.shape[0] == G.W.shape[1]
    _move(partial.W, G.W, often, G.W.shape[1] if all_move else often.shape[0], all_move)


@jit
def _move(partial, G, often, n_moved, all_move):
    for t in range(n_moved):
        j = t if all_move else often[t]
        if partial.ndim == 1:
            G[0, j] += partial[j]
            partial[j] = 0
        else:
            for k in range(G.shape[0]):
                G[k, j] += partial[j, k]
                partial[j, k] = 0
