"""Few samples with many features: the same problem in the span of the samples.

What a row of W has besides a sum of samples changes no prediction and costs penalty. So the optimum is W = A X (the
representer theorem; Kimeldorf and Wahba, *Annals of Mathematical Statistics* 41, 1970). With the Cholesky factor L of
all inner products,

    X X^T = L L^T,      W = V L^-1 X,      hence  X W^T = L V^T  and  ||W|| = ||V||,

it is the same function of n weights a class instead of d, over samples that are the rows of L. Inner products stay what
they are, so L-BFGS from zero takes the same steps, each in n / d of the time.
"""

import numpy as np

from mnistlr._support.arrays import Array
from mnistlr.kernels.linear_algebra import cholesky, cholesky_solve
from mnistlr.objective import Objective
from mnistlr.samples import Dense, Samples

MOST, WIDE = 1000, 4  # samples, and features a sample: with more or fewer the inner products save little
LEAST = 1e-13  # of the largest squared norm: what samples add to the span of others by rounding


def pays(objective: Objective) -> bool:
    """Return whether the inner products cost less than they save."""
    samples = objective.samples
    is_wide = samples.n <= MOST and samples.d >= WIDE * samples.n
    return is_wide and isinstance(samples, Dense) and not samples.has_zeros()


class Span:
    """The span of the samples of an objective.

    Attributes
    ----------
    objective : Objective
        The same function of theta' = (V, b).
    """

    def __init__(self, objective: Objective) -> None:
        self.whole = objective
        self.factor = objective.samples.inner_products(objective.n_threads)  # type: ignore[attr-defined]
        cholesky(self.factor, LEAST * self.factor.diagonal().max())
        self.objective = objective.over(Samples.of(np.where(np.isinf(self.factor), 0.0, self.factor)))

    def theta(self, inside: Array) -> Array:
        """Return theta = (W, b) for theta' = (V, b): A solves A X X^T = V L^T, and W = A X."""
        V, b = self.objective.unpack(inside)
        samples = self.whole.samples
        A = np.ascontiguousarray(self.objective.samples.raw_predictions(V, np.zeros_like(b)).T)
        cholesky_solve(self.factor, A)
        W = np.einsum("kn,nd->kd", A, samples.X) * samples.unit
        return np.concatenate([W.ravel(), b])
