"""L-BFGS: a quasi-Newton method that remembers the last few steps.

Each iteration goes along d = -H g, where g is the gradient and H an estimate of the inverse Hessian, never formed:
with s = change of theta and y = change of g over each of the last m iterations, rho = 1 / (y . s),

    H <- (I - rho s y^T) H (I - rho y s^T) + rho s s^T,        H_0 = (s . y) / (y . y) I

is applied by the two-loop recursion (Nocedal & Wright, *Numerical Optimization*, 2nd ed. 2006, algorithm 7.4). How
far to go is found by a line search (``line_search``).

Where features are few and samples many, a better H_0 is cheap, (s . y) / (y . M^-1 y) M^-1, where M is the Hessian on
a part of the samples (``preconditioner``), for the logistic loss made anew when the probabilities have settled.
"""

import math
from collections import deque
from collections.abc import Callable, Iterator

from mnistlr._support.arrays import Array, dot
from mnistlr.objective import Objective
from mnistlr.solvers.iterate import Iterate, largest_entry
from mnistlr.solvers.line_search import Point, line_search
from mnistlr.solvers.preconditioner import Preconditioner, pays

MEMORY = 10  # m
# Iteration -> number of samples that M is made of. The softmax M does not depend on theta.
REBUILD_LOGISTIC = {0: 2000, 8: 8000}
REBUILD_SOFTMAX = {0: 12000}


def lbfgs(objective: Objective, theta: Array | None = None, *, precondition: bool | None = None) -> Iterator[Iterate]:
    """Yield the points of L-BFGS from ``theta`` (zeros by default), until rounding allows no lower one.

    ``precondition`` False is the plain method; None decides by the shape of the data.
    """
    if precondition is None:
        precondition = pays(objective)
    rebuild = REBUILD_LOGISTIC if objective.n_raw == 1 else REBUILD_SOFTMAX
    M: Preconditioner | None = None
    passes, iteration = 0, 0

    def evaluate(theta: Array) -> tuple[float, Array]:
        nonlocal passes
        passes += 1
        return objective.value_and_gradient(theta)

    theta = objective.zeros() if theta is None else theta
    point: Point | None = Point(theta, *evaluate(theta))
    pairs: deque[tuple[Array, Array, float]] = deque(maxlen=MEMORY)
    while point is not None:
        norm = largest_entry(point.gradient)
        yield Iterate(iteration, point.theta, point.value, norm, point.step, passes)
        if precondition and iteration in rebuild:
            M = None  # its memory, before another is made
            M = Preconditioner(objective, point.theta, max(1, objective.samples.n // rebuild[iteration]))
            pairs.clear()
        direction = -two_loop(pairs, point.gradient, M.solve if M else lambda vector: vector)
        # Without a scale yet, go no further than 1: far out all losses vanish, and nothing calls back.
        first_step = 1.0 if pairs or M else 1 / max(1.0, math.sqrt(dot(point.gradient, point.gradient)))
        before, point = point, line_search(evaluate, point, direction, first_step, objective.precision)
        if point is not None:
            s, y = point.theta - before.theta, point.gradient - before.gradient
            curvature = dot(s, y)
            if curvature > 0:
                pairs.append((s, y, 1 / curvature))
        iteration += 1


def two_loop(pairs: deque[tuple[Array, Array, float]], gradient: Array, solve: Callable[[Array], Array]) -> Array:
    """Return H g (algorithm 7.4), with H_0 proportional to ``solve``."""
    q = gradient.copy()
    shares = []
    for s, y, rho in reversed(pairs):
        share = rho * dot(s, q)
        q -= share * y
        shares.append(share)
    q = solve(q)
    if pairs:
        s, y, _ = pairs[-1]
        q *= dot(s, y) / dot(y, solve(y))
    for (s, y, rho), share in zip(pairs, reversed(shares), strict=True):
        q += (share - rho * dot(y, q)) * s
    return q
