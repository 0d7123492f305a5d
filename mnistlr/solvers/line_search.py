"""How far to go along a direction: a line search for the strong Wolfe conditions.

With phi(a) = f(theta + a direction) they are

    phi(a) <= phi(0) + c_1 a phi'(0)    and    |phi'(a)| <= c_2 |phi'(0)|

(Nocedal & Wright, *Numerical Optimization*, 2nd ed. 2006, algorithms 3.5 and 3.6).

Near the optimum, differences of phi drown in rounding (``precision`` times its value) while its slope is still good.
There the first condition is taken in its form for slopes, phi'(a) <= (2 c_1 - 1) phi'(0) (Hager & Zhang, SIAM J. Optim.
16, 2005, eq. 4.1).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mnistlr._support.arrays import Array, dot

SUFFICIENT_DECREASE = 1e-4  # c_1
CURVATURE = 0.9  # c_2
MAX_TRIALS = 25


@dataclass(frozen=True)
class Point:
    """A point with value and gradient of the objective, and the step that led there."""

    theta: Array
    value: float
    gradient: Array
    step: float = np.nan


def line_search(
    evaluate: Callable[[Array], tuple[float, Array]],
    start: Point,
    direction: Array,
    first_step: float,
    precision: float = 1e-15,
) -> Point | None:
    """Return a point along ``direction`` that meets the conditions, or None if there is none.

    Parameters
    ----------
    evaluate : callable
        theta -> value, gradient.
    start : Point
    direction : ndarray, shape of theta
    first_step : float
        The step to try first.
    precision : float
        Relative rounding error of a value.
    """
    slope = dot(start.gradient, direction)
    if not slope < 0:
        return None
    rounding = precision * abs(start.value)
    low, low_value, low_slope = 0.0, start.value, slope
    high, high_value = np.inf, np.inf
    step = first_step
    for _ in range(MAX_TRIALS):
        new_theta = start.theta + step * direction
        new_value, new_gradient = evaluate(new_theta)
        new_slope = dot(new_gradient, direction)
        enough = new_value <= start.value + SUFFICIENT_DECREASE * step * slope or (
            abs(new_value - start.value) <= rounding and new_slope <= (2 * SUFFICIENT_DECREASE - 1) * slope
        )
        if enough and abs(new_slope) <= CURVATURE * -slope:
            return Point(new_theta, new_value, new_gradient, step)
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
