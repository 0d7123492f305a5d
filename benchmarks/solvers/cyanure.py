"""Cyanure: accelerated stochastic methods in C++."""

from typing import Any

import numpy as np
from cyanure.estimators import Classifier

from benchmarks.rival import Rival


class Solver(Rival):
    """float32. An iteration is a pass over the data. It seldom tests its stopping rule.

    Tried: "auto", which takes twice as long and needs more than the first passes for ten classes, and all others of its
    solvers for a smooth loss; CSR.
    """

    name = "cyanure"
    requirements = ["pip::cyanure"]  # noqa: RUF012
    dtype = np.float32

    def fit(self, n_iter: int) -> Any:
        """Run ``n_iter`` passes."""
        loss = "logistic" if self.n_raw == 1 else "multiclass-logistic"
        model = Classifier(
            loss=loss, penalty="l2", lambda_1=self.alpha, fit_intercept=True, solver="catalyst-miso", tol=1e-12,
            max_iter=n_iter, duality_gap_interval=10, verbose=False, safe=False,
        )  # fmt: skip
        model.fit(self.X, self.y)
        model.coef_ = np.reshape(model.coef_, (-1, self.n_raw)).T
        model.intercept_ = np.reshape(model.intercept_, self.n_raw)
        return model
