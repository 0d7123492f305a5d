"""skglm: its logistic datafit with an L2 penalty, by its L-BFGS, which runs SciPy's over compiled gradients."""

import numpy as np
from scipy.sparse import csc_matrix, hstack
from skglm.datafits import Logistic
from skglm.penalties import L2
from skglm.solvers import LBFGS

from benchmarks.rival import Rival
from benchmarks.scoring import Weights


class Solver(Rival):
    """float64, CSC: half the time of dense columns.

    Its L-BFGS has no intercept, so we append a constant column. The column's small penalty keeps skglm from the exact
    optimum.
    """

    name = "skglm"
    requirements = ["pip::skglm"]  # noqa: RUF012
    two_classes_only = "has no softmax loss"
    LARGE = 30.0  # of the column for the intercept, the penalty of which it divides by its square

    def prepare(self) -> None:
        """Append the column; labels are -1 and 1."""
        self.X = csc_matrix(hstack([csc_matrix(self.X), np.full((len(self.y), 1), self.LARGE)]))
        self.signs = np.where(self.y == 1, 1.0, -1.0)
        self.datafit, self.penalty = Logistic(), L2(self.alpha)

    def fit(self, n_iter: int) -> object:
        """Run ``n_iter`` iterations."""
        return LBFGS(max_iter=n_iter, tol=1e-14).solve(self.X, self.signs, self.datafit, self.penalty)[0]

    def weights(self) -> Weights:
        """Take the intercept out of the weights."""
        return self.fitted[np.newaxis, :-1], self.LARGE * self.fitted[-1:]
