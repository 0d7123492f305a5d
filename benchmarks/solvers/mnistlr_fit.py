"""Ours, by the public API: ``fit`` with a limit on the iterations, on pixels as they are."""

from typing import Any

import numpy as np

from benchmarks.rival import Rival
from mnistlr import LogisticRegression, SoftmaxRegression


class Solver(Rival):
    """LogisticRegression or SoftmaxRegression of mnistlr."""

    name = "mnistlr"
    parameters = {"solver": ["lbfgs", "newton", "svrg", "gd", "nesterov"]}  # noqa: RUF012
    dtype = np.uint8

    def fit(self, n_iter: int) -> Any:
        """Run ``n_iter`` iterations."""
        Model = LogisticRegression if self.n_classes == 2 else SoftmaxRegression
        return Model(solver=self.solver, alpha=self.alpha, tol=0, max_iter=n_iter, random_state=0).fit(self.X, self.y)
