"""Ours: SGD as ``fit`` runs it, shuffled, its averaged weights looked at within the epochs too."""

from collections.abc import Iterator

import numpy as np

from benchmarks.rival import SteppingRival
from benchmarks.scoring import Weights
from mnistlr._support.threads import count_threads
from mnistlr.objective import Objective
from mnistlr.samples import Samples
from mnistlr.solvers import SGD


class Solver(SteppingRival):
    """It is looked at every ``PIECE`` samples; the shuffle and the derivation of its steps are on the clock.

    Tried, on images held back from training: batches of 2 to 64, and steps up to 8 times as long as by default.
    Everything else is as SoftmaxRegression has it.
    """

    name = "mnistlr sgd"
    dtype = np.uint8
    shuffles = True
    PIECE = 1920

    def steps(self) -> Iterator[Weights]:
        """Go through the samples in one new order after the other."""
        samples = Samples.of(self.X)
        objective = Objective(
            samples, self.y.astype(np.int32), self.n_raw, alpha=self.alpha, n_threads=count_threads()
        )  # fmt: skip
        state = SGD(objective, np.zeros(objective.n_parameters), step_scale=2.0)
        random = np.random.RandomState(self.seed)
        while True:
            order = random.permutation(len(self.y))
            for first in range(0, len(order), self.PIECE):
                state.epoch(objective, order[first : first + self.PIECE], random)
                yield objective.unpack(state.theta)
