"""scikit-learn-intelex: Intel's kernels under scikit-learn's L-BFGS."""

from typing import Any

import numpy as np
from sklearnex.linear_model import LogisticRegression

from benchmarks.rival import Rival


class Solver(Rival):
    """In float32, where it is quickest."""

    name = "scikit-learn-intelex"
    requirements = ["pip::scikit-learn-intelex"]  # noqa: RUF012
    dtype = np.float32

    def fit(self, n_iter: int) -> Any:
        """Run ``n_iter`` iterations."""
        return LogisticRegression(C=self.C, tol=1e-14, max_iter=n_iter).fit(self.X, self.y)
