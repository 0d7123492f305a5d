"""An approximate inverse Hessian from a part of the samples.

With x~ = (x, 1) and m evenly spaced samples, the Hessian of their mean loss plus penalty is for the logistic loss

    M = 1/m sum_i c_i x~_i x~_i^T + alpha I,        c_i = p_i (1 - p_i)

(Erdogdu & Montanari, "Convergence rates of sub-sampled Newton methods", NIPS 2015). For softmax one such M serves all
classes: half the covariance bounds the Hessian (Boehning, "Multinomial logistic regression algorithm", Ann. Inst.
Statist. Math. 44, 1992), and c = (K - 1) / K^2 is the curvature where all K classes are alike. M^-1 times a gradient
is then nearly a Newton step, for the price of two triangular solves.

A few samples more (``RIDGE``), each with one feature at its peak, are added to the diagonal: the part may show a
feature too rarely to know its curvature.
"""

import numpy as np

from mnistlr._support.arrays import Array
from mnistlr._support.threads import parts_of_triangle, run_chunks
from mnistlr.kernels.linear_algebra import add_gram, cholesky, cholesky_solve
from mnistlr.objective import Objective

MAX_FEATURES = 2000  # M has (d + 1)^2 entries; for more features the factorisation costs more than it saves
CHEAP = 256  # features, for which it costs next to nothing
ENOUGH = 4  # samples a feature: with fewer, making M costs more than the iterations that it saves
RIDGE = 8.0  # samples


def pays(objective: Objective) -> bool:
    """Return whether M is likely to save more than it costs."""
    d = objective.samples.d
    return d <= CHEAP or (d <= MAX_FEATURES and objective.n_counted >= ENOUGH * d)


class Preconditioner:
    """M^-1, with c_i taken at ``theta`` and M from about one in ``stride`` samples."""

    def __init__(self, objective: Objective, theta: Array, stride: int) -> None:
        self.objective = objective
        M, peaks = subsampled_curvature(objective, theta, stride)
        self.factor = M.astype(np.float64)
        del M
        diagonal = np.einsum("ii->i", self.factor)
        diagonal[:-1] += objective.alpha
        if stride > 1:
            # A part says little of features that it hardly shows; without this, such features take wild steps.
            peaks[peaks == 0] = peaks.max()
            diagonal[:-1] += RIDGE * diagonal[-1] * peaks**2 * stride / objective.samples.n
        diagonal[diagonal == 0] = diagonal.max()
        diagonal *= 1 + 1e-6  # rounding must not make M indefinite
        if not objective.fit_intercept:
            self.factor[-1, :-1], diagonal[-1] = 0.0, 1.0
        cholesky(self.factor, 0.0)

    def solve(self, vector: Array) -> Array:
        """Return M^-1 vector, class by class, for a vector of parameters (W, b)."""
        V, c = self.objective.unpack(vector)
        columns = np.hstack([V, c[:, np.newaxis]])
        if not self.objective.fit_intercept:
            columns[:, -1] = 0.0
        cholesky_solve(self.factor, columns)
        return np.concatenate([columns[:, :-1].ravel(), columns[:, -1]])


def subsampled_curvature(objective: Objective, theta: Array, stride: int) -> tuple[Array, Array]:
    """Return the lower triangle of 1/m sum_i c_i x~_i x~_i^T, (d + 1, d + 1), and the features' peaks, (d,)."""
    samples, weight = objective.every(stride)
    while not weight.any():
        stride //= 2  # one sample at least has a positive weight
        samples, weight = objective.every(stride)
    weight = weight / weight.sum()
    n_raw, d = objective.n_raw, samples.d
    if n_raw == 1:
        W, b = objective.unpack(theta)
        raw = samples.raw_predictions(W, b, objective.n_threads)[:, 0].astype(np.float64)
        e = np.exp(-np.abs(raw))
        weight = weight * e / (1 + e) ** 2
    else:
        weight = weight * ((n_raw - 1) / n_raw**2)
    M = np.zeros((d + 1, d + 1), samples.dtype)
    parts = parts_of_triangle(d + 1)

    def work(part: int) -> None:
        x = np.empty(d + 1, samples.dtype)
        add_gram(samples.X, weight, 1.0, *parts[part], x, M)

    run_chunks(work, len(parts), objective.n_threads)
    return M, samples.peaks()
