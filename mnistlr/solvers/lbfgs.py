"""L-BFGS: a quasi-Newton method that remembers the last few steps.

Each iteration goes along d = -H g, where g is the gradient and H an estimate of the inverse Hessian, never formed:
with s = change of theta and y = change of g over each of the last m iterations, rho = 1 / (y . s),

    H <- (I - rho s y^T) H (I - rho y s^T) + rho s s^T,        H_0 = (s . y) / (y . y) I

is applied by the two-loop recursion (Nocedal & Wright, *Numerical Optimization*, 2nd ed. 2006, algorithm 7.4). How
far to go is found by a line search for the strong Wolfe conditions (algorithms 3.5 and 3.6).

With up to ``MAX_FEATURES`` features a better H_0 is cheap, (s . y) / (y . M^-1 y) M^-1, where M is the Hessian on a
part of the samples (``preconditioner``), for the logistic loss made anew when the probabilities have settled.
"""

from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from mnistlr.objective import Objective
from mnistlr.solvers.monitor import Monitor, Result
from mnistlr.solvers.preconditioner import MAX_FEATURES, Preconditioner

Array = npt.NDArray[Any]

SUFFICIENT_DECREASE = 1e-4  # c_1
CURVATURE = 0.9  # c_2
MAX_TRIALS = 25
# Iteration -> number of samples that M is made of. The softmax M does not depend on theta.
REBUILD_LOGISTIC = {0: 2000, 8: 8000}
REBUILD_SOFTMAX = {0: 12000}


def lbfgs(
    objective: Objective,
    theta: Array,
    *,
    tol: float,
    max_iter: int,
    monitor: Monitor,
    memory: int = 10,
    precondition: bool | None = None,
) -> Result:
    """Minimise ``objective`` from ``theta`` until the largest entry of the gradient is at most ``tol``.

    ``precondition`` False is the plain method; None decides by the number of features.
    """
    if precondition is None:
        precondition = objective.samples.d <= MAX_FEATURES
    rebuild = REBUILD_LOGISTIC if objective.n_raw == 1 else REBUILD_SOFTMAX
    M: Preconditioner | None = None
    passes = 0

    def evaluate(theta: Array) -> tuple[float, Array]:
        nonlocal passes
        passes += 1
        return objective.value_and_gradient(theta)

    value, gradient = evaluate(theta)
    pairs: deque[tuple[Array, Array, float]] = deque(maxlen=memory)
    step = np.nan
    iteration = 0
    while True:
        result = monitor.judge(theta, iteration, value, gradient, step=step, passes=passes, tol=tol, max_iter=max_iter)
        if result is not None:
            return result
        if precondition and iteration in rebuild:
            M = Preconditioner(objective, theta, max(1, objective.samples.n // rebuild[iteration]))
            pairs.clear()
        direction = -two_loop(pairs, gradient, M.solve if M else lambda vector: vector)
        first_step = 1.0 if pairs or M else 1 / float(np.abs(gradient).max())
        found = line_search(evaluate, theta, direction, value, gradient, first_step, objective.precision)
        if found is None:
            return nothing_lower(theta, iteration, gradient)
        step, new_theta, value, new_gradient = found
        s, y = new_theta - theta, new_gradient - gradient
        if s @ y > 0:
            pairs.append((s, y, 1 / float(s @ y)))
        theta, gradient = new_theta, new_gradient
        iteration += 1


def nothing_lower(theta: Array, iteration: int, gradient: Array) -> Result:
    """Return the result of a search that found no lower point."""
    norm = float(np.abs(gradient).max())
    message = f"rounding allows no lower point; gradient norm {norm:.2g} > tol (float64 data allow less)"
    return Result(theta, iteration, False, message)


def two_loop(pairs: deque[tuple[Array, Array, float]], gradient: Array, solve: Callable[[Array], Array]) -> Array:
    """Return H g (algorithm 7.4), with H_0 proportional to ``solve``."""
    q = gradient.copy()
    shares = []
    for s, y, rho in reversed(pairs):
        share = rho * (s @ q)
        q -= share * y
        shares.append(share)
    q = solve(q)
    if pairs:
        s, y, _ = pairs[-1]
        q *= (s @ y) / (y @ solve(y))
    for (s, y, rho), share in zip(pairs, reversed(shares), strict=True):
        q += (share - rho * (y @ q)) * s
    return q


def line_search(
    evaluate: Callable[[Array], tuple[float, Array]],
    theta: Array,
    direction: Array,
    value: float,
    gradient: Array,
    first_step: float,
    precision: float = 1e-15,
) -> tuple[float, Array, float, Array] | None:
    """Find a step a along ``direction`` that meets the strong Wolfe conditions.

    With phi(a) = f(theta + a direction) they are

        phi(a) <= phi(0) + c_1 a phi'(0)    and    |phi'(a)| <= c_2 |phi'(0)|.

    Near the optimum, differences of phi drown in rounding (``precision`` times its value) while its slope is still
    good; there the first condition is taken in its form for slopes, phi'(a) <= (2 c_1 - 1) phi'(0) (Hager & Zhang,
    SIAM J. Optim. 16, 2005, eq. 4.1).

    Returns
    -------
    (step, theta, value, gradient) at the accepted point, or None if there is none.
    """
    slope = float(gradient @ direction)
    if not slope < 0:
        return None
    rounding = precision * abs(value)
    low, low_value, low_slope = 0.0, value, slope
    high, high_value = np.inf, np.inf
    step = first_step
    for _ in range(MAX_TRIALS):
        new_theta = theta + step * direction
        new_value, new_gradient = evaluate(new_theta)
        new_slope = float(new_gradient @ direction)
        enough = new_value <= value + SUFFICIENT_DECREASE * step * slope or (
            abs(new_value - value) <= rounding and new_slope <= (2 * SUFFICIENT_DECREASE - 1) * slope
        )
        if enough and abs(new_slope) <= CURVATURE * -slope:
            return step, new_theta, new_value, new_gradient
        if not enough or new_value >= low_value:
            high, high_value = step, new_value
        else:
            if new_slope * (high - low) >= 0:
                high, high_value = low, low_value
            low, low_value, low_slope = step, new_value, new_slope
        step = _next_step(low, low_value, low_slope, high, high_value)
    return None


def _next_step(low: float, low_value: float, low_slope: float, high: float, high_value: float) -> float:
    """Double while no upper end is known, else the minimum of the parabola through both ends, kept off the ends."""
    if not np.isfinite(high):
        return 2 * low
    width = high - low
    if not np.isfinite(high_value):
        return low + 0.1 * width
    curvature = high_value - low_value - low_slope * width
    share = -low_slope * width / (2 * curvature) if curvature > 0 else 0.5
    return low + min(max(share, 0.1), 0.9) * width
