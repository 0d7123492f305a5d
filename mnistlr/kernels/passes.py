"""Passes over the samples start <= i < stop, in order: raw predictions, losses, gradients, Hessian-vector products."""

from mnistlr.kernels.compiling import jit, jit_inline
from mnistlr.kernels.losses import loss, tile_losses
from mnistlr.kernels.tiles import AHEAD, TILE, fetch, tile_add, tile_raw


@jit_inline
def _next_in_order(X, i, stop, samples):
    """Number the samples of the next tile, ask for later ones, and return how many it has."""
    m = min(TILE, stop - i)
    for r in range(m):
        samples[r] = i + r
        fetch(X, min(i + r + AHEAD, stop - 1))
    return m


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
        total += tile_losses(X, y, weight, 1.0, samples, m, W, b, n_raw, tile, raw)
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
            total += tile_losses(X, y, weight, 1.0, samples, m, W, b, n_raw, tile, raw)
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
                loss(raw[r, :n_raw], 0)  # leaves p for K = 1, else p - e_0
                if n_raw == 1:
                    raw[r, 0] = weight[i + r] * raw[r, 0] * (1.0 - raw[r, 0]) * raw[r, rows]
                else:
                    raw[r, 0] += 1.0
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
