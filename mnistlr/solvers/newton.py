"""Truncated Newton: few iterations, each a system of equations solved just well enough.

The step p solves H p = -g, H the Hessian at theta, by conjugate gradients, which need only products H v (one pass
over the data each) and are preconditioned by the Hessian on a part of the samples. They stop at a residual of

    ||H p + g|| <= min(1/2, sqrt(||g||)) ||g||

(Nocedal & Wright, *Numerical Optimization*, 2006, algorithm 7.1), which makes convergence superlinear: the number of
right digits grows with every iteration. For tolerances so tight that L-BFGS would need many more iterations.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from mnistlr.objective import Objective
from mnistlr.solvers.lbfgs import line_search, nothing_lower
from mnistlr.solvers.monitor import Monitor, Result
from mnistlr.solvers.preconditioner import MAX_FEATURES, Preconditioner

Array = npt.NDArray[Any]

MAX_PRODUCTS = 200  # H v, an iteration
SUBSET = 12000  # samples that M is made of
REBUILDS = 3  # iterations that make M anew; the softmax M does not depend on theta


def newton(objective: Objective, theta: Array, *, tol: float, max_iter: int, monitor: Monitor) -> Result:
    """Minimise ``objective`` from ``theta`` until the largest entry of the gradient is at most ``tol``."""
    value, gradient = objective.value_and_gradient(theta)
    passes, step = 1, np.nan
    M: Preconditioner | None = None

    def evaluate(theta: Array) -> tuple[float, Array]:
        nonlocal passes
        passes += 1
        return objective.value_and_gradient(theta)

    iteration = 0
    while True:
        result = monitor.judge(theta, iteration, value, gradient, step=step, passes=passes, tol=tol, max_iter=max_iter)
        if result is not None:
            return result
        if objective.samples.d <= MAX_FEATURES and iteration < (REBUILDS if objective.n_raw == 1 else 1):
            M = Preconditioner(objective, theta, max(1, objective.samples.n // SUBSET))
        direction, products = conjugate_gradients(objective, theta, gradient, M)
        passes += products
        found = line_search(evaluate, theta, direction, value, gradient, 1.0, objective.precision)
        if found is None:
            return nothing_lower(theta, iteration, gradient)
        step, theta, value, gradient = found
        iteration += 1


def conjugate_gradients(
    objective: Objective, theta: Array, gradient: Array, M: Preconditioner | None
) -> tuple[Array, int]:
    """Solve H p = -g about (algorithm 5.3); return p and the number of products with H."""
    p = np.zeros_like(gradient)
    residual = gradient.copy()
    norm = float(np.sqrt(gradient @ gradient))
    good_enough = min(0.5, np.sqrt(norm)) * norm
    z = M.solve(residual) if M else residual
    direction, rz = -z, float(residual @ z)
    for product in range(1, MAX_PRODUCTS + 1):
        H_direction = objective.hessian_vector(theta, direction)
        curvature = float(direction @ H_direction)
        if curvature <= 0:  # flat to rounding
            return (p if product > 1 else -z), product
        step = rz / curvature
        p += step * direction
        residual += step * H_direction
        if np.sqrt(residual @ residual) <= good_enough:
            break
        z = M.solve(residual) if M else residual
        rz, previous = float(residual @ z), rz
        direction = rz / previous * direction - z
    return p, product
