"""Gradient descent, plain and accelerated: for study, and as the baseline of every other solver.

With L the largest curvature of f, so that the gradient changes by at most L times the change of theta,

    plain:          theta <- theta - 1/L grad f(theta)
    accelerated:    theta_next <- z - 1/L grad f(z),   z <- theta_next + (t - 1) / t_next (theta_next - theta),
                    t_next = (1 + sqrt(1 + 4 t^2)) / 2

(Nesterov, Soviet Math. Dokl. 27, 1983). Plain needs O(1/accuracy) passes, accelerated O(1/sqrt(accuracy)). The
momentum starts anew whenever it points uphill (O'Donoghue & Candes, Found. Comput. Math. 15, 2015).
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from mnistlr.objective import Objective
from mnistlr.solvers.monitor import Monitor, Result

Array = npt.NDArray[Any]

POWER_ITERATIONS = 30


def gradient_descent(
    objective: Objective, theta: Array, *, tol: float, max_iter: int, monitor: Monitor, accelerated: bool = False
) -> Result:
    """Minimise ``objective`` from ``theta`` until the largest entry of the gradient is at most ``tol``."""
    L, passes = largest_curvature(objective)
    z, t = theta, 1.0
    iteration = 0
    while True:
        value, gradient = objective.value_and_gradient(z)
        passes += 1
        result = monitor.judge(z, iteration, value, gradient, step=1 / L, passes=passes, tol=tol, max_iter=max_iter)
        if result is not None:
            return result
        new_theta = z - gradient / L
        if accelerated and gradient @ (new_theta - theta) <= 0:
            t_next = (1 + np.sqrt(1 + 4 * t * t)) / 2
            z, t = new_theta + (t - 1) / t_next * (new_theta - theta), t_next
        else:
            z, t = new_theta, 1.0
        theta = new_theta
        iteration += 1


def largest_curvature(objective: Objective) -> tuple[float, int]:
    """Return a bound on the curvature of f anywhere, and the passes over the data that it took.

    The loss curves at most by c = 1/4 (logistic) or 1/2 (softmax) along its raw predictions, so
    L = alpha + c lambda_max(mean_i s_i (x_i, 1)(x_i, 1)^T). The eigenvalue comes from power iteration: the Hessian
    of the logistic loss at zero is a quarter of that matrix. 5 % are added, because the iteration comes from below.
    """
    logistic = objective.logistic()
    zero, v = np.zeros(logistic.n_parameters), np.random.default_rng(0).standard_normal(logistic.n_parameters)
    eigenvalue, passes = 0.0, 0
    while passes < POWER_ITERATIONS:
        v = 4 * logistic.hessian_vector(zero, v / np.sqrt(v @ v))
        passes += 1
        previous, eigenvalue = eigenvalue, float(np.sqrt(v @ v))
        if eigenvalue == 0 or (passes >= 10 and eigenvalue - previous <= 1e-3 * eigenvalue):
            break
    L = objective.alpha + (0.25 if objective.n_raw == 1 else 0.5) * 1.05 * eigenvalue
    return L or 1.0, passes  # a constant function is at its minimum with any step
