"""Passes over the data: losses, raw predictions, gradients, Hessian-vector products, epochs of SGD.

Notation
--------
X : the data, n samples by d features: a C-contiguous matrix of any number type, or the three arrays
    ``(data, indices, indptr)`` of a CSR matrix.
W, b : weights (rows, d) and intercepts (rows,), float32 or float64: the *arithmetic type*.
K : number of raw predictions of a sample: 1 for the logistic model, the number of classes for softmax.
rows : K for K = 1, else K rounded up to even, the rest zero, so that loops can take two classes at a time.
raw : raw predictions of a tile of ``TILE`` samples, (TILE, rows); a loss turns them into d loss / d raw in place.

The one inner loop worth its complexity is the *tile*: four samples by two classes share their loads, which is what
brings a pass over the data near the arithmetic limit of the machine (Goto & van de Geijn, "Anatomy of
high-performance matrix multiplication", ACM TOMS 34, 2008). Everything about storage is in ``tile_raw`` and
``tile_add``.
"""

import math

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload

from mnistlr.kernels.options import jit, jit_inline, jit_reorder

TILE = 4
AHEAD = 16  # samples between the one being worked on and the one being fetched from memory


# ---------------------------------------------------------------------------------------------------------------
# Losses: raw predictions and the label of one sample -> the loss, with d loss / d raw left in place of raw
# ---------------------------------------------------------------------------------------------------------------


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

    The maximum is subtracted first: the sum is then between 1 and K. A probability under 1e-30 is flushed to zero:
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


# ---------------------------------------------------------------------------------------------------------------
# Tiles: raw predictions of a few samples, and their gradient. The only code that knows how X is stored.
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


def fetch(X, i):
    """Ask for sample i to be brought near. Changes nothing but the speed: shuffled samples come from anywhere."""


def tile_raw(X, samples, m, tile, W, b, raw):
    """raw[r] = W x_r + b for the m <= TILE samples of that number. ``tile`` (TILE, d) keeps them unpacked."""
    return (_csr_tile_raw if isinstance(X, tuple) else _dense_tile_raw)(X, samples, m, tile, W, b, raw)


def tile_add(X, samples, m, tile, a, G):
    """G += sum_r outer(a[r], x_r) over the samples that ``tile_raw`` has just seen."""
    return (_csr_tile_add if isinstance(X, tuple) else _dense_tile_add)(X, samples, m, tile, a, G)


# Compiled code chooses by the type of X, while compiling.


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


# ---------------------------------------------------------------------------------------------------------------
# Passes over the samples start <= i < stop, in order
# ---------------------------------------------------------------------------------------------------------------


@jit_inline
def _next_in_order(X, i, stop, samples):
    """Number the samples of the next tile, ask for later ones, and return how many it has."""
    m = min(TILE, stop - i)
    for r in range(m):
        samples[r] = i + r
        fetch(X, min(i + r + AHEAD, stop - 1))
    return m


@jit_inline
def _tile_losses(X, y, weight, share, samples, m, W, b, n_raw, tile, raw):
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


@jit
def raw_predictions(X, start, stop, W, b, samples, tile, raw, out):
    """out[i] = W x_i + b, (n, K)."""
    for i in range(start, stop, TILE):
        m = _next_in_order(X, i, stop, samples)
        tile_raw(X, samples, m, tile, W, b, raw)
        for r in range(m):
            for k in range(out.shape[1]):
                out[i + r, k] = raw[r, k]


@jit
def loss_sum(X, y, weight, start, stop, W, b, n_raw, samples, tile, raw):
    """Return sum_i weight_i loss(W x_i + b, y_i)."""
    total = 0.0
    for i in range(start, stop, TILE):
        m = _next_in_order(X, i, stop, samples)
        total += _tile_losses(X, y, weight, 1.0, samples, m, W, b, n_raw, tile, raw)
    return total


@jit
def loss_gradient(X, y, weight, start, stop, W, b, n_raw, samples, tile, raw, block, partial, G, g):
    """Return the loss sum and add its gradient to G (K, d) and g (K,), float64; each row is read once.

    The gradient of ``block`` samples at a time is summed in ``partial`` (rows, d), then added to the total.
    """
    total = 0.0
    for first in range(start, stop, block):
        partial[:] = 0
        for i in range(first, min(first + block, stop), TILE):
            m = _next_in_order(X, i, stop, samples)
            total += _tile_losses(X, y, weight, 1.0, samples, m, W, b, n_raw, tile, raw)
            for r in range(m):
                for k in range(n_raw):
                    g[k] += raw[r, k]
            tile_add(X, samples, m, tile, raw, partial)
        for k in range(n_raw):
            for j in range(G.shape[1]):
                G[k, j] += partial[k, j]
    return total


@jit
def hessian_vector(X, weight, start, stop, W, b, n_raw, samples, tile, raw, block, partial, H, h):
    """Add sum_i weight_i B_i r_i x_i^T to H (K, d) and sum_i weight_i B_i r_i to h (K,).

    The first ``rows`` of W and b are the weights, the others the vector (V, c) that the Hessian is multiplied with:
    r_i = V x_i + c, and B_i = diag(p) - p p^T, or p (1 - p) for K = 1, is the loss's second derivative by raw.
    """
    rows = partial.shape[0]
    for first in range(start, stop, block):
        partial[:] = 0
        for i in range(first, min(first + block, stop), TILE):
            m = _next_in_order(X, i, stop, samples)
            tile_raw(X, samples, m, tile, W, b, raw)
            for r in range(m):
                loss(raw[r, :n_raw], 0)
                raw[r, 0] += n_raw > 1  # the softmax loss left p - e_0
                if n_raw == 1:
                    curved = weight[i + r] * raw[r, 0] * (1.0 - raw[r, 0]) * raw[r, rows]
                    raw[r, 0] = curved
                else:
                    mean = 0.0
                    for k in range(n_raw):
                        mean += raw[r, k] * raw[r, rows + k]
                    for k in range(n_raw):
                        raw[r, k] *= weight[i + r] * (raw[r, rows + k] - mean)
                for k in range(n_raw):
                    h[k] += raw[r, k]
                for k in range(n_raw, rows):
                    raw[r, k] = 0
            tile_add(X, samples, m, tile, raw, partial)
        for k in range(n_raw):
            for j in range(H.shape[1]):
                H[k, j] += partial[k, j]


# ---------------------------------------------------------------------------------------------------------------
# Stochastic gradient descent
# ---------------------------------------------------------------------------------------------------------------


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
            _tile_losses(X, y, weight, 1.0 / (last - first), samples, m, W, b, n_raw, tile, raw)
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
            _tile_losses(X, y, weight, 1.0 / (last - first), samples, m, W_0, b_0, n_raw, tile, raw_0)
            _tile_losses(X, y, weight, 1.0 / (last - first), samples, m, W, b, n_raw, tile, raw)
            for r in range(m):
                for k in range(n_raw):
                    raw[r, k] -= raw_0[r, k]
                    v_b[k] += raw[r, k]
            tile_add(X, samples, m, tile, raw, v)
        for k in range(n_raw):
            drift = _move(W[k], v[k], v_b[k], mean, metric, F(eta), F(decay), F(0))
            b[k] -= F(intercept_rate) * (F(eta) * v_b[k] + drift)
