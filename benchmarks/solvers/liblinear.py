"""LIBLINEAR by its own package: trust-region Newton on the primal (-s 0), data in its sparse form."""

import numpy as np
from liblinear.liblinearutil import parameter, problem, train
from scipy.sparse import csr_matrix

from benchmarks.rival import Rival
from benchmarks.scoring import Weights


class Solver(Rival):
    """It stops by tolerance only, which is why ``n_iter`` sets that: 10^(-n/4). Its bias is not penalised (-R)."""

    name = "LIBLINEAR"
    requirements = ["pip::liblinear-official"]  # noqa: RUF012
    two_classes_only = "minimises another objective for more than two classes, one versus the rest"

    def prepare(self) -> None:
        """Convert to its own form."""
        self.problem = problem(self.y, csr_matrix(self.X), bias=1)

    def fit(self, n_iter: int) -> object:
        """Fit to the ``n_iter``-th tolerance."""
        return train(self.problem, parameter(f"-s 0 -c {self.C!r} -B 1 -R -q -e {10 ** (-n_iter / 4)!r}"))

    def weights(self) -> Weights:
        """Return the weights, the sign of which depends on the first label."""
        w, b = self.fitted.get_decfun(1 if 1 in self.fitted.get_labels() else 0)
        return np.array(w)[np.newaxis], np.array([b])
