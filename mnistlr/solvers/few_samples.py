"""Few samples, each once, in an order of their own.

A sample of weight 3 should count like three equal samples, one of weight 0 like none, and the order of the samples
should not matter. That holds for the objective, so for its optimum; what stochastic solvers return depends on which
samples share a batch. For ``FEW`` samples, where it costs nothing, they therefore see each distinct sample once, with
the sum of its weights, in an order that depends on the samples alone: theirs along a fixed random direction.
"""

from itertools import pairwise

import numpy as np

from mnistlr.objective import Objective

FEW = 512


def distinct(objective: Objective) -> Objective:
    """Return the same function of theta, over distinct samples of positive weight in an order of their own."""
    samples, y = objective.samples, objective.y
    direction = np.random.default_rng(0).standard_normal(samples.d)
    order = np.lexsort((samples.project(direction), y))
    order = order[objective.weight[order] > 0]
    is_new = [True] + [y[i] != y[j] or not samples.are_equal(i, j) for i, j in pairwise(order)]
    weight = np.bincount(np.cumsum(is_new) - 1, objective.weight[order])
    return objective.on_rows(order[is_new], weight)
