"""A block of rows: raw predictions forth, gradients back.

Several classes, a row of few entries: with the weights of a feature for all classes side by side,

    raw_i = b + sum_j x_ij W[j, :]          G[j, :] += x_ij raw_i

over the entries j that are not zero, so a number is spread over the lanes and the classes do not cost one by one.
Rows without zeros go four at a time, which share each load and store of W and G: that takes 0.4 to 0.6 of the time.
One raw prediction: plain dot products of whole rows, which are quicker than looking for zeros.
"""

import numpy as np

from mnistlr.kernels.compiling import jit
from mnistlr.kernels.lanes import lane_count, load, store
from mnistlr.kernels.records import BLOCK
from mnistlr.kernels.rows import add_rows, copy_row, dot_row, fetch_half, find_entries, read_entry


@jit
def find(X, r, scratch):
    """Note what is not zero in the row ``scratch.rows[r]``; the rows before it have been found."""
    if scratch.tile.shape[1] > 0:
        copy_row(X, scratch.rows[r], scratch.tile[r])
    elif scratch.columns.shape[0] > 0:
        scratch.ends[r + 1] = find_entries(X, scratch.rows[r], scratch.columns, scratch.value, scratch.ends[r])


@jit
def multiply(X, m, W, b, scratch, raw):
    """raw[r] = W x_r + b for the rows that have been found."""
    if W.ndim == 1:
        for r in range(m):
            raw[r] = dot_row(X, scratch.rows[r], W) + b[0]
    elif scratch.tile.shape[1] > 0:
        for r in range(0, m, 4):
            _multiply_four(scratch.tile[r : r + 4], W, b, raw[r : r + 4])
    else:
        for r in range(m):
            fetch_half(X, scratch.rows[BLOCK + r], 0)
            _multiply_entries(X, scratch.rows[r], scratch, r, W, b, raw)


@jit
def add_outer(X, m, scratch, raw, G, g):
    """G[j, :] += sum_r x_rj raw[r] and g += sum_r raw[r] for the rows that have been found."""
    if G.ndim == 1:
        for r in range(m):
            g[0] += raw[r]
        add_rows(X, scratch.rows, m, raw, G)
    else:
        for c in range(0, G.shape[1], lane_count(G)):
            total = load(g, c)
            for r in range(m):
                total += load(raw, r * G.shape[1] + c)
            store(g, c, total)
        if scratch.tile.shape[1] > 0:
            for r in range(m, m + -m % 4):
                raw[r] = 0
            for r in range(0, m, 4):
                _add_four(scratch.tile[r : r + 4], raw[r : r + 4], G)
        else:
            for r in range(m):
                fetch_half(X, scratch.rows[BLOCK + r], 1)
                _add_entries(scratch, r, raw, G)


@jit
def _multiply_entries(X, i, scratch, r, W, b, raw):
    """One row of few entries; four sums, because a lane has to wait for its last addition."""
    index, value = scratch.columns, scratch.value
    first, last = np.uint64(scratch.ends[r]), np.uint64(scratch.ends[r + 1])
    fours = last - (last - first) % np.uint64(4)
    width = W.shape[1]
    for c in range(0, width, lane_count(W)):
        sum_0 = load(b, c)
        sum_1, sum_2, sum_3 = sum_0 * 0, sum_0 * 0, sum_0 * 0
        for t in range(first, fours, np.uint64(4)):
            t_1, t_2, t_3 = t + np.uint64(1), t + np.uint64(2), t + np.uint64(3)
            sum_0 += read_entry(X, i, index, value, t) * load(W, index[t] * width + c)
            sum_1 += read_entry(X, i, index, value, t_1) * load(W, index[t_1] * width + c)
            sum_2 += read_entry(X, i, index, value, t_2) * load(W, index[t_2] * width + c)
            sum_3 += read_entry(X, i, index, value, t_3) * load(W, index[t_3] * width + c)
        for t in range(fours, last):
            sum_0 += read_entry(X, i, index, value, t) * load(W, index[t] * width + c)
        store(raw, r * width + c, (sum_0 + sum_1) + (sum_2 + sum_3))


@jit
def _add_entries(scratch, r, raw, G):
    index, value = scratch.columns, scratch.value
    width = G.shape[1]
    for c in range(0, width, lane_count(G)):
        a = load(raw, r * width + c)
        for t in range(np.uint64(scratch.ends[r]), np.uint64(scratch.ends[r + 1])):
            first = index[t] * width + c
            store(G, first, load(G, first) + value[t] * a)


@jit
def _multiply_four(x, W, b, raw):
    """Four whole rows x (4, d)."""
    x_0, x_1, x_2, x_3 = x[0], x[1], x[2], x[3]
    width = W.shape[1]
    for c in range(0, width, lane_count(W)):
        sum_0 = load(b, c)
        sum_1, sum_2, sum_3 = load(b, c), load(b, c), load(b, c)
        for j in range(W.shape[0]):
            w = load(W, j * width + c)
            sum_0 += x_0[j] * w
            sum_1 += x_1[j] * w
            sum_2 += x_2[j] * w
            sum_3 += x_3[j] * w
        store(raw, c, sum_0)
        store(raw, width + c, sum_1)
        store(raw, 2 * width + c, sum_2)
        store(raw, 3 * width + c, sum_3)


@jit
def _add_four(x, raw, G):
    x_0, x_1, x_2, x_3 = x[0], x[1], x[2], x[3]
    width = G.shape[1]
    for c in range(0, width, lane_count(G)):
        a_0, a_1, a_2, a_3 = load(raw, c), load(raw, width + c), load(raw, 2 * width + c), load(raw, 3 * width + c)
        for j in range(G.shape[0]):
            first = j * width + c
            store(G, first, load(G, first) + (x_0[j] * a_0 + x_1[j] * a_1) + (x_2[j] * a_2 + x_3[j] * a_3))
