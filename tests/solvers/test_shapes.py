"""Every solver comes within 1e-9 of the optimum on data of any shape, Gaussian or correlated."""

from collections.abc import Iterable
from itertools import islice

import numpy as np
import pytest

from mnistlr.objective import Objective
from mnistlr.samples import Samples
from mnistlr.solvers import newton
from mnistlr.solvers.gradient_descent import largest_curvature
from tests.helpers.solver_problems import EXACT

SHAPES = [(30, 5), (200, 8), (1000, 20), (40, 60), (100, 300), (3010, 300)]


def make_problem(n: int, d: int, *, is_correlated: bool, fit_intercept: bool) -> Objective:
    """Samples of four classes that overlap; correlated features share a strong direction."""
    random = np.random.default_rng(0)
    X, W = random.normal(size=(n, d)), random.normal(size=(d, 4)) / np.sqrt(d)
    if is_correlated:
        X = X @ (0.3 * np.eye(d) + random.normal(size=(d, d)) / np.sqrt(d)) + 2 * random.normal(size=(n, 1))
    y = (X @ W + random.gumbel(size=(n, 4))).argmax(axis=1).astype(np.int32)
    return Objective(Samples.of(X), y, 4, alpha=0.01, fit_intercept=fit_intercept)


def check(objective: Objective, solvers: Iterable[str]) -> None:
    optimum = next(it for it in newton(objective) if it.gradient_norm < 1e-11)  # alpha/2 ||error||^2 < 1e-18
    for name in solvers:
        assert any(it.value - optimum.value <= 1e-9 for it in islice(EXACT[name](objective), 1000)), name


@pytest.mark.parametrize("is_correlated", [False, True], ids=["gaussian", "correlated"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_solvers_come_within_1e_9_of_the_optimum(shape, is_correlated):
    check(make_problem(*shape, is_correlated=is_correlated, fit_intercept=True), ("lbfgs", "newton"))
    # The passes of first-order methods grow with the condition number, which is at most 30 here.
    objective = make_problem(*shape, is_correlated=is_correlated, fit_intercept=False)
    objective.alpha = largest_curvature(objective)[0] / 29
    check(objective, EXACT)
