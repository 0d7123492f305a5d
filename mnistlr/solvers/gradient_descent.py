"""Gradient descent, plain and accelerated: for study, and as the baseline of every other solver.

With L the largest curvature of f, so that the gradient changes by at most L times the change of theta,

    plain:          theta <- theta - 1/L grad f(theta)
    accelerated:    theta_next <- z - 1/L grad f(z),   z <- theta_next + (t - 1) / t_next (theta_next - theta),
                    t_next = (1 + sqrt(1 + 4 t^2)) / 2

(Nesterov, Soviet Math. Dokl. 27, 1983). Plain needs O(1/accuracy) passes, accelerated O(1/sqrt(accuracy)). The
momentum starts anew whenever it points uphill (O'Donoghue & Candes, Found. Comput. Math. 15, 2015).
"""

from collections.abc import Iterator

import numpy as np

from mnistlr._support.arrays import Array, dot
from mnistlr.objective import Objective
from mnistlr.solvers.curvature import largest_eigenvalue, loss_curvature
from mnistlr.solvers.iterate import Iterate, largest_entry

POWER_ITERATIONS = 10, 30  # at least, at most
MARGIN = 1.05  # power iteration comes from below


def gradient_descent(
    objective: Objective, theta: Array | None = None, *, accelerated: bool = False
) -> Iterator[Iterate]:
    """Yield the points of gradient descent from ``theta`` (zeros by default), for as long as they are asked for."""
    theta = objective.zeros() if theta is None else theta
    L, passes = largest_curvature(objective)
    z, t, iteration = theta, 1.0, 0
    while True:
        value, gradient = objective.value_and_gradient(z)
        passes += 1
        yield Iterate(iteration, z, value, largest_entry(gradient), 1 / L, passes)
        new_theta = z - gradient / L
        if accelerated and dot(gradient, new_theta - theta) <= 0:
            t_next = (1 + np.sqrt(1 + 4 * t * t)) / 2
            z, t = new_theta + (t - 1) / t_next * (new_theta - theta), t_next
        else:
            z, t = new_theta, 1.0
        theta = new_theta
        iteration += 1


def largest_curvature(objective: Objective) -> tuple[float, int]:
    """Return a bound on the curvature of f anywhere, and the passes over the data that it took.

    L = alpha + c lambda_max(mean_i s_i (x_i, 1)(x_i, 1)^T), see ``curvature``.
    """
    start = np.random.default_rng(0).standard_normal(objective.samples.d + 1)
    eigenvalue, passes = largest_eigenvalue(objective.second_moment_vector, start, *POWER_ITERATIONS)
    L = objective.alpha + loss_curvature(objective.n_raw) * MARGIN * eigenvalue
    return L or 1.0, passes  # a constant function is at its minimum with any step
