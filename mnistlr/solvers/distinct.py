"""Few samples, each once, in an order of their own.

A sample of weight 3 should count like three equal samples, one of weight 0 like none, and the order of the samples
should not matter. That holds for the objective, so for its optimum; what stochastic solvers return depends on which
samples share a batch. For ``FEW`` samples, where it costs nothing, they therefore see each distinct sample once, with
the sum of its weights, in an order that depends on the samples alone: theirs along a fixed random direction.
"""

import numpy as np
import numpy.typing as npt

from mnistlr.objective import Objective
from mnistlr.samples import Samples

Array = npt.NDArray[np.float64]

FEW = 512


def distinct(objective: Objective) -> Objective:
    """Return the same function of theta, over distinct samples of positive weight in an order of their own."""
    samples, y = objective.samples, objective.y
    direction = np.random.default_rng(0).standard_normal(samples.d)
    position = _project(samples, direction)
    order = np.lexsort((position, y))
    order = order[objective.weight[order] > 0]
    is_new = [i == 0 or not _equal(objective, order[i - 1], order[i]) for i in range(len(order))]
    weight = np.bincount(np.cumsum(is_new) - 1, objective.weight[order])
    rows = order[is_new]
    return Objective(
        samples.take(rows), y[rows], objective.n_raw, alpha=objective.alpha, sample_weight=weight,
        fit_intercept=objective.fit_intercept, n_threads=objective.n_threads,
    )  # fmt: skip


def _project(samples: Samples, direction: Array) -> Array:
    """Return X direction, (n,), in float64: equal samples land on the same spot."""
    if not samples.is_sparse:
        return np.array([(x * direction).sum() for x in samples.X])
    data, indices, indptr = samples.X
    rows = np.repeat(np.arange(samples.n), np.diff(indptr))
    return np.bincount(rows, data * direction[indices], samples.n).astype(np.float64)


def _equal(objective: Objective, i: int, j: int) -> bool:
    """Whether two samples have the same features and label."""
    if objective.y[i] != objective.y[j]:
        return False
    if not objective.samples.is_sparse:
        return np.array_equal(objective.samples.X[i], objective.samples.X[j])
    data, indices, indptr = objective.samples.X
    a, b = slice(indptr[i], indptr[i + 1]), slice(indptr[j], indptr[j + 1])
    return np.array_equal(indices[a], indices[b]) and np.array_equal(data[a], data[b])
