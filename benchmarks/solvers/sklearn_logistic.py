"""scikit-learn's LogisticRegression, every solver of it, each in the type that it computes in."""

from typing import Any

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

from benchmarks.rival import Rival


class Solver(Rival):
    """float32, but float64 for liblinear, which has a file of its own too; it penalises the bias, hence its scaling.

    Tried: dense data and CSR. sag and saga have both: with CSR a pass takes a third of the time, but their intercept
    a hundredth of the step. Otherwise CSR suits liblinear, which goes through the features one by one, and newton-cg
    for two classes, whose dense Hessian copies the data; lbfgs is about as quick with either.
    """

    name = "scikit-learn"
    DENSE = ("lbfgs", "newton-cholesky", "newton-cg", "sag", "saga")
    SPARSE = ("liblinear", "sag sparse", "saga sparse")
    parameters = {"solver": [*DENSE, *SPARSE]}  # noqa: RUF012
    dtype = np.float32

    def skip(self, X: Any, y: Any, n_classes: int, alpha: float) -> tuple[bool, str | None]:
        """Liblinear is limited to two classes, newton-cholesky to few parameters."""
        if self.solver == "liblinear" and n_classes > 2:
            return True, "minimises another objective for more than two classes, one versus the rest"
        if self.solver == "newton-cholesky" and n_classes > 2 and n_classes * X.shape[1] > 5000:
            return True, f"forms a Hessian of {n_classes * X.shape[1]:,} rows, which takes minutes an iteration"
        return super().skip(X, y, n_classes, alpha)

    def prepare(self) -> None:
        """Convert to CSR for those whom it suits."""
        if self.solver == "liblinear":
            self.X = csr_matrix(self.X, dtype=np.float64)
        elif self.solver in self.SPARSE or (self.solver == "newton-cg" and self.n_classes == 2):
            self.X = csr_matrix(self.X)

    def fit(self, n_iter: int) -> Any:
        """Run ``n_iter`` iterations."""
        more = {"intercept_scaling": 30.0} if self.solver == "liblinear" else {"random_state": 0}
        solver = self.solver.removesuffix(" sparse")
        return LogisticRegression(solver=solver, C=self.C, tol=1e-14, max_iter=n_iter, **more).fit(self.X, self.y)
