"""How much the objective curves, at most: what step sizes follow from.

Along the raw predictions the loss curves at most by c, 1/4 for the logistic loss (p (1 - p) at p = 1/2) and 1/2 for
softmax (Boehning, "Multinomial logistic regression algorithm", Ann. Inst. Statist. Math. 44, 1992). So a matrix
C = mean_i s_i x~_i x~_i^T of samples x~ = (x, 1) bounds the curvature of the mean loss: c lambda_max(C).
"""

import math
from collections.abc import Callable

from mnistlr._support.arrays import Array, dot

ENOUGH = 1e-3  # relative growth at which power iteration stops


def loss_curvature(n_raw: int) -> float:
    """Return c."""
    return 0.25 if n_raw == 1 else 0.5


def largest_eigenvalue(multiply: Callable[[Array], Array], v: Array, at_least: int, at_most: int) -> tuple[float, int]:
    """Return the largest eigenvalue of a positive semidefinite matrix, and the number of products that it took.

    Power iteration: v <- A v / ||v||, whose length grows towards the eigenvalue (Golub & Van Loan, *Matrix
    Computations*, section 8.2).

    Parameters
    ----------
    multiply : callable
        v -> A v.
    v : ndarray
        To start from: not orthogonal to the eigenvector.
    at_least, at_most : int
        Products: an eigenvector that is nearly orthogonal to the start takes some to emerge.
    """
    eigenvalue = 0.0
    for count in range(1, at_most + 1):
        v = multiply(v / math.sqrt(dot(v, v)))
        previous, eigenvalue = eigenvalue, math.sqrt(dot(v, v))
        if eigenvalue == 0 or (count >= at_least and eigenvalue <= (1 + ENOUGH) * previous):
            break
    return eigenvalue, count
