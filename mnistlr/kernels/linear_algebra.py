"""Small dense linear algebra for preconditioners.

By hand, because the bits of LAPACK's factorisations depend on its number of threads.
"""

import math

from numba import types
from numba.extending import overload

from mnistlr.kernels.options import jit, jit_reorder


@jit
def _dense_load(X, i, out):
    x = X[i]
    for j in range(x.shape[0]):
        out[j] = x[j]


@jit
def _csr_load(X, i, out):
    data, indices, indptr = X
    out[:-1] = 0
    for t in range(indptr[i], indptr[i + 1]):
        out[indices[t]] += data[t]


def load_sample(X, i, out):
    """out[:d] = x_i."""
    return (_csr_load if isinstance(X, tuple) else _dense_load)(X, i, out)


@overload(load_sample)
def _choose_load_sample(X, i, out):
    if isinstance(X, types.BaseTuple):
        return lambda X, i, out: _csr_load(X, i, out)
    return lambda X, i, out: _dense_load(X, i, out)


@jit_reorder
def add_gram(X, weight, one, first, last, x, M):
    """Add sum_i weight_i x~_i x~_i^T, x~ = (x, one), to the rows first <= r < last of the lower triangle of M.

    Zeros are skipped: four of five pixels of a handwritten digit are. ``x`` (d + 1,) is scratch.
    """
    for i in range(weight.shape[0]):
        load_sample(X, i, x)
        x[-1] = one
        for r in range(first, last):
            if x[r] != 0:
                a, row = M.dtype.type(weight[i]) * x[r], M[r]
                for j in range(r + 1):
                    row[j] += a * x[j]


@jit_reorder
def cholesky(A):
    """Replace the lower triangle of A by L, A = L L^T; the upper one is not read.

    L_ij = (A_ij - sum_{k<j} L_ik L_jk) / L_jj, row by row (Golub & Van Loan, *Matrix Computations*, section 4.2).
    A matrix that is not positive definite leaves NaN.
    """
    for i in range(A.shape[0]):
        a = A[i]
        for j in range(i):
            row = A[j]
            total = 0.0
            for k in range(j):
                total += a[k] * row[k]
            a[j] = (a[j] - total) / row[j]
        total = 0.0
        for k in range(i):
            total += a[k] * a[k]
        a[i] = math.sqrt(a[i] - total)


@jit_reorder
def cholesky_solve(L, B):
    """Replace every row b of B by the solution x of L L^T x = b: first L z = b downwards, then L^T x = z upwards."""
    n = L.shape[0]
    for i in range(n):
        row = L[i]
        for r in range(B.shape[0]):
            b = B[r]
            total = 0.0
            for k in range(i):
                total += row[k] * b[k]
            b[i] = (b[i] - total) / row[i]
    for i in range(n - 1, -1, -1):
        row = L[i]
        for r in range(B.shape[0]):
            b = B[r]
            b[i] /= row[i]
            b_i = b[i]
            for k in range(i):
                b[k] -= b_i * row[k]
