"""Small dense linear algebra, for preconditioners and for the span of a few samples.

By hand, because the bits of LAPACK's factorisations depend on its number of threads.
"""

import math

from mnistlr.kernels.compiling import jit, jit_reorder
from mnistlr.kernels.rows import copy_row

COLUMNS = 512  # so many of a few hundred float64 rows stay in the second cache


@jit_reorder
def add_gram(X, weight, one, first, last, x, M):
    """Add sum_i weight_i x~_i x~_i^T, x~ = (x, one), to the rows first <= r < last of the lower triangle of M.

    Zeros are skipped: four of five pixels of a handwritten digit are. ``x`` (d + 1,) is scratch.
    """
    for i in range(weight.shape[0]):
        copy_row(X, i, x)
        x[-1] = one
        for r in range(first, last):
            if x[r] != 0:
                a, row = M.dtype.type(weight[i]) * x[r], M[r]
                for j in range(r + 1):
                    row[j] += a * x[j]


@jit_reorder
def add_inner_products(X, first, last, K):
    """Add x_i . x_j to K_ij for first <= i < last and j <= i, so many columns at a time as fit a cache."""
    for start in range(0, X.shape[1], COLUMNS):
        end = min(start + COLUMNS, X.shape[1])
        for i in range(first, last):
            a, row = X[i], K[i]
            for j in range(i + 1):
                b = X[j]
                total = 0.0
                for c in range(start, end):
                    total += float(a[c]) * b[c]
                row[j] += total


@jit_reorder
def cholesky(A, least):
    """Replace the lower triangle of A by L, A = L L^T; the upper one is not read.

    L_ij = (A_ij - sum_{k<j} L_ik L_jk) / L_jj, row by row (Golub & Van Loan, *Matrix Computations*, section 4.2).
    Where the square of L_ii is not above ``least``, row i depends on those before it as far as rounding shows: L_ii
    becomes infinite, the rest of its column 0, and ``cholesky_solve`` leaves that entry of a solution 0.
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
        a[i] = math.sqrt(a[i] - total) if a[i] - total > least else math.inf


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


@jit
def are_same(W, V, b, c):
    """Whether W = V and b = c, entry by entry, for arrays of the same shapes. NaN is not the same as NaN."""
    same = True
    for k in range(W.shape[0]):
        for j in range(W.shape[1]):  # to the end: a loop that may stop anywhere is not vectorised
            same &= W[k, j] == V[k, j]
        same &= b[k] == c[k]
    return same
