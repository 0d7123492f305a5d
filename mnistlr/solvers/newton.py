"""Truncated Newton: few iterations, each a system of equations solved just well enough.

The step p solves H p = -g, H the Hessian at theta, by conjugate gradients, which need only products H v (one pass
over the data each) and are preconditioned by the Hessian on a part of the samples. They stop at a residual of

    ||H p + g|| <= min(1/2, sqrt(||g||)) ||g||

(Nocedal & Wright, *Numerical Optimization*, 2006, algorithm 7.1), which makes convergence superlinear: the number of
right digits grows with every iteration. For tolerances so tight that L-BFGS would need many more iterations.
"""

import math
from collections.abc import Iterator

import numpy as np

from mnistlr._support.arrays import Array, dot
from mnistlr.objective import Objective
from mnistlr.solvers.iterate import Iterate, largest_entry
from mnistlr.solvers.line_search import Point, line_search
from mnistlr.solvers.preconditioner import Preconditioner, pays

MAX_PRODUCTS = 200  # H v, an iteration
SUBSET = 12000  # samples that M is made of
REBUILDS = 3  # iterations that make M anew; the softmax M does not depend on theta


def newton(objective: Objective, theta: Array | None = None) -> Iterator[Iterate]:
    """Yield the points of Newton's method from ``theta`` (zeros by default), until rounding allows no lower one."""
    M: Preconditioner | None = None
    n_rebuilds = (REBUILDS if objective.n_raw == 1 else 1) if pays(objective) else 0
    passes, iteration = 0, 0

    def evaluate(theta: Array) -> tuple[float, Array]:
        nonlocal passes
        passes += 1
        return objective.value_and_gradient(theta)

    theta = objective.zeros() if theta is None else theta
    point: Point | None = Point(theta, *evaluate(theta))
    while point is not None:
        yield Iterate(iteration, point.theta, point.value, largest_entry(point.gradient), point.step, passes)
        if iteration < n_rebuilds:
            M = Preconditioner(objective, point.theta, max(1, objective.samples.n // SUBSET))
        direction, products = conjugate_gradients(objective, point.theta, point.gradient, M)
        passes += products
        point = line_search(evaluate, point, direction, 1.0, objective.precision)
        iteration += 1


def conjugate_gradients(
    objective: Objective, theta: Array, gradient: Array, M: Preconditioner | None
) -> tuple[Array, int]:
    """Solve H p = -g about (algorithm 5.3); return p and the number of products with H."""
    p = np.zeros_like(gradient)
    residual = gradient.copy()
    norm = math.sqrt(dot(gradient, gradient))
    good_enough = min(0.5, np.sqrt(norm)) * norm
    z = M.solve(residual) if M else residual
    direction, rz = -z, dot(residual, z)
    for product in range(1, MAX_PRODUCTS + 1):
        H_direction = objective.hessian_vector(theta, direction)
        curvature = dot(direction, H_direction)
        if curvature <= 0:  # flat to rounding
            return (p if product > 1 else -z), product
        step = rz / curvature
        p += step * direction
        residual += step * H_direction
        if math.sqrt(dot(residual, residual)) <= good_enough:
            break
        z = M.solve(residual) if M else residual
        rz, previous = dot(residual, z), rz
        direction = rz / previous * direction - z
    return p, product
