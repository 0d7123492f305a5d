"""Raw predictions of a few samples, and their gradient: the only file that knows how the data are stored.

The one inner loop worth its complexity is the *tile*: four samples by two classes share their loads, which is what
brings a pass over the data near the arithmetic limit of the machine (Goto & van de Geijn, "Anatomy of
high-performance matrix multiplication", ACM TOMS 34, 2008).
"""

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload

from mnistlr.kernels.compiling import jit, jit_reorder

TILE = 4
AHEAD = 16  # samples between the one being worked on and the one being fetched from memory


# ---------------------------------------------------------------------------------------------------------------
# Dense rows
# ---------------------------------------------------------------------------------------------------------------


@jit_reorder
def _row_dot(X, i, w):
    """x_i . w."""
    x = X[i]
    total = w.dtype.type(0)
    for j in range(w.shape[0]):
        total += w.dtype.type(x[j]) * w[j]
    return total


@jit_reorder
def _row_axpy(a, X, i, g):
    """g += a x_i."""
    x = X[i]
    for j in range(g.shape[0]):
        g[j] += a * g.dtype.type(x[j])


@jit_reorder
def _axpy_4x1(a, x0, x1, x2, x3, g):
    """g += sum_r a[r] x_r: four samples share the load and the store of g."""
    a0, a1, a2, a3 = a[0, 0], a[1, 0], a[2, 0], a[3, 0]
    for j in range(g.shape[0]):
        t = a0 * g.dtype.type(x0[j]) + a1 * g.dtype.type(x1[j])
        g[j] += t + a2 * g.dtype.type(x2[j]) + a3 * g.dtype.type(x3[j])


@jit_reorder
def _dot_4x2(x0, x1, x2, x3, v, w, k, out):
    """out[r, k] = x_r . v and out[r, k + 1] = x_r . w: eight products from six loads."""
    zero = w.dtype.type(0)
    v0, v1, v2, v3 = zero, zero, zero, zero
    w0, w1, w2, w3 = zero, zero, zero, zero
    for j in range(w.shape[0]):
        v0 += x0[j] * v[j]
        v1 += x1[j] * v[j]
        v2 += x2[j] * v[j]
        v3 += x3[j] * v[j]
        w0 += x0[j] * w[j]
        w1 += x1[j] * w[j]
        w2 += x2[j] * w[j]
        w3 += x3[j] * w[j]
    out[0, k], out[1, k], out[2, k], out[3, k] = v0, v1, v2, v3
    out[0, k + 1], out[1, k + 1], out[2, k + 1], out[3, k + 1] = w0, w1, w2, w3


@jit_reorder
def _axpy_4x2(a, x0, x1, x2, x3, k, g, h):
    """g += sum_r a[r, k] x_r and h += sum_r a[r, k + 1] x_r."""
    a0, a1, a2, a3 = a[0, k], a[1, k], a[2, k], a[3, k]
    b0, b1, b2, b3 = a[0, k + 1], a[1, k + 1], a[2, k + 1], a[3, k + 1]
    for j in range(g.shape[0]):
        # In names of their own, or the compiler loads them twice: g and h might overlap them, for all it knows.
        p, q, r, s = x0[j], x1[j], x2[j], x3[j]
        g_j = g[j] + a0 * p + a1 * q + a2 * r + a3 * s
        h[j] += b0 * p + b1 * q + b2 * r + b3 * s
        g[j] = g_j


@jit
def _dense_tile_raw(X, samples, m, tile, W, b, raw):
    if W.shape[0] == 1:
        # Row after row: memory is read in order, which counts for more than shared loads of w.
        for r in range(m):
            raw[r, 0] = _row_dot(X, samples[r], W[0])
    else:
        for r in range(m):
            x, buffer = X[samples[r]], tile[r]
            for j in range(x.shape[0]):
                buffer[j] = x[j]
        for k in range(0, W.shape[0], 2):
            if m == TILE:
                _dot_4x2(tile[0], tile[1], tile[2], tile[3], W[k], W[k + 1], k, raw)
            else:
                for r in range(m):
                    raw[r, k] = _row_dot(tile, r, W[k])
                    raw[r, k + 1] = _row_dot(tile, r, W[k + 1])
    for r in range(m):
        for k in range(W.shape[0]):
            raw[r, k] += b[k]


@jit
def _dense_tile_add(X, samples, m, tile, a, G):
    if G.shape[0] == 1:
        if m == TILE:
            _axpy_4x1(a, X[samples[0]], X[samples[1]], X[samples[2]], X[samples[3]], G[0])
        else:
            for r in range(m):
                _row_axpy(a[r, 0], X, samples[r], G[0])
    else:
        for k in range(0, G.shape[0], 2):
            if m == TILE:
                _axpy_4x2(a, tile[0], tile[1], tile[2], tile[3], k, G[k], G[k + 1])
            else:
                for r in range(m):
                    _row_axpy(a[r, k], tile, r, G[k])
                    _row_axpy(a[r, k + 1], tile, r, G[k + 1])


@jit
def _dense_load(X, i, out):
    x = X[i]
    for j in range(x.shape[0]):
        out[j] = x[j]


# ---------------------------------------------------------------------------------------------------------------
# CSR rows
# ---------------------------------------------------------------------------------------------------------------


@jit_reorder
def _csr_tile_raw(X, samples, m, tile, W, b, raw):
    data, indices, indptr = X
    for r in range(m):
        for k in range(W.shape[0]):
            w = W[k]
            total = w.dtype.type(0)
            for t in range(indptr[samples[r]], indptr[samples[r] + 1]):
                total += w.dtype.type(data[t]) * w[indices[t]]
            raw[r, k] = total + b[k]


@jit_reorder
def _csr_tile_add(X, samples, m, tile, a, G):
    data, indices, indptr = X
    for r in range(m):
        for k in range(G.shape[0]):
            g, a_rk = G[k], a[r, k]
            for t in range(indptr[samples[r]], indptr[samples[r] + 1]):
                g[indices[t]] += a_rk * g.dtype.type(data[t])


@jit
def _csr_load(X, i, out):
    data, indices, indptr = X
    out[:-1] = 0
    for t in range(indptr[i], indptr[i + 1]):
        out[indices[t]] += data[t]


# ---------------------------------------------------------------------------------------------------------------
# What the other files call: one function for both kinds of storage. Compiled code chooses while compiling.
# ---------------------------------------------------------------------------------------------------------------


def fetch(X, i):
    """Ask for sample i to be brought near. Changes nothing but the speed: shuffled samples come from anywhere."""


def tile_raw(X, samples, m, tile, W, b, raw):
    """raw[r] = W x_r + b for the m <= TILE samples of that number. ``tile`` (TILE, d) keeps them unpacked."""
    return (_csr_tile_raw if isinstance(X, tuple) else _dense_tile_raw)(X, samples, m, tile, W, b, raw)


def tile_add(X, samples, m, tile, a, G):
    """G += sum_r outer(a[r], x_r) over the samples that ``tile_raw`` has just seen."""
    return (_csr_tile_add if isinstance(X, tuple) else _dense_tile_add)(X, samples, m, tile, a, G)


def load_sample(X, i, out):
    """out[:d] = x_i."""
    return (_csr_load if isinstance(X, tuple) else _dense_load)(X, i, out)


@intrinsic
def _fetch_line(context, address):
    """Ask the processor to bring a cache line into its second-level cache, and go on without waiting."""

    def generate(context, builder, signature, arguments):
        pointer = builder.inttoptr(arguments[0], ir.IntType(8).as_pointer())
        number = ir.IntType(32)
        function_type = ir.FunctionType(ir.VoidType(), [pointer.type, number, number, number])
        prefetch = builder.module.declare_intrinsic("llvm.prefetch", [pointer.type], function_type)
        builder.call(prefetch, [pointer, number(0), number(2), number(1)])  # to read, level, data
        return context.get_dummy_value()

    return types.void(types.uintp), generate


@overload(fetch)
def _choose_fetch(X, i):
    if isinstance(X, types.BaseTuple):
        return lambda X, i: None

    def dense(X, i):
        start = X.ctypes.data + i * X.strides[0]
        for offset in range(0, X.shape[1] * X.itemsize, 64):
            _fetch_line(np.uintp(start + offset))

    return dense


@overload(tile_raw)
def _choose_tile_raw(X, samples, m, tile, W, b, raw):
    if isinstance(X, types.BaseTuple):
        return lambda X, samples, m, tile, W, b, raw: _csr_tile_raw(X, samples, m, tile, W, b, raw)
    return lambda X, samples, m, tile, W, b, raw: _dense_tile_raw(X, samples, m, tile, W, b, raw)


@overload(tile_add)
def _choose_tile_add(X, samples, m, tile, a, G):
    if isinstance(X, types.BaseTuple):
        return lambda X, samples, m, tile, a, G: _csr_tile_add(X, samples, m, tile, a, G)
    return lambda X, samples, m, tile, a, G: _dense_tile_add(X, samples, m, tile, a, G)


@overload(load_sample)
def _choose_load_sample(X, i, out):
    if isinstance(X, types.BaseTuple):
        return lambda X, i, out: _csr_load(X, i, out)
    return lambda X, i, out: _dense_load(X, i, out)
