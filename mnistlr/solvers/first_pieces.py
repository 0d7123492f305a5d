"""What SGD learns of data that come in pieces, until enough have come.

The first piece need not be like the others: it may be tiny, of one class, empty of ink, or in other units. So while
pieces or samples are few, the step size is derived anew whenever as many samples as before have come again, and at once
from a piece whose samples are larger than the steps can bear. The decay of the steps then counts all samples so far as
an epoch.

Sample weights count between pieces: relative to their mean over all samples so far. A piece counts at most ``MOST``
times as much as that, which its steps can bear; its weight in full is what later pieces are measured against.
"""

import numpy as np

from mnistlr._support.arrays import Array
from mnistlr.objective import Objective
from mnistlr.samples import Samples
from mnistlr.solvers.step_size import SUBSET, StepSize, derive_step_size

FEW_PIECES = 64
FEW_SAMPLES = 8 * SUBSET
MOST = 2.0
LEAST, ENOUGH = 16, 64  # samples from which a step size is derived, and by which it is determined
LARGER = 4.0  # squared norm of a piece's samples, times what the steps were made for


class Pieces:
    """The number of samples that have come, the mean of their weights, and some samples of the latest pieces."""

    def __init__(self) -> None:
        self.n_pieces = self.n_samples = self.n_learned = 0
        self.mean_weight = 0.0
        self.recent: tuple[tuple[Samples, Array], ...] = ()

    def add(self, objective: Objective, exponent: int) -> float:
        """Count a piece, whose weights are those of ``objective`` times 2^exponent; return the weight that counts as 1.

        That is the mean so far, in the units of ``objective.weight``.
        """
        n, mean = objective.samples.n, objective.weight_sum / objective.samples.n
        self.n_pieces += 1
        self.n_samples += n
        own = float(np.ldexp(mean, exponent))
        self.mean_weight += n / self.n_samples * (own - self.mean_weight)
        if self.n_pieces == 1:
            self.n_learned = n
            return mean
        return max(float(np.ldexp(self.mean_weight, -exponent)), mean / MOST)

    def derive_step_size(
        self, objective: Objective, batch_size: int, last: StepSize, rare: Array, scale: float
    ) -> tuple[StepSize | None, bool]:
        """Return the step size if it is to be learned anew with ``objective``'s piece, the latest, or None.

        Also whether the piece is too large for the ``last`` one.
        """
        if self.n_pieces > FEW_PIECES and self.n_samples > FEW_SAMPLES:
            self.recent = ()
            return None, False
        samples, weight = objective.every(max(1, objective.samples.n // SUBSET))
        norm = float(samples.squared_norms(last.mean, last.metric).mean()) + 1
        is_larger = samples.n >= ENOUGH and norm > LARGER * last.mean_square
        alike = [] if is_larger else [one for one in self.recent if type(one[0]) is type(samples)]
        self.recent = (*alike, (samples, weight / (weight.mean() or 1.0)))
        n_recent = sum(samples.n for samples, _ in self.recent)
        is_due = self.n_samples >= 2 * self.n_learned and n_recent >= LEAST
        if self.n_pieces == 1 or not (is_larger or is_due):
            return None, False
        together = objective.on(
            Samples.joined([samples for samples, _ in self.recent]),
            np.concatenate([weight for _, weight in self.recent]),
        )
        self.n_learned = self.n_samples
        if n_recent >= 2 * ENOUGH:
            self.recent = ()
        return derive_step_size(together, batch_size, rare, scale), is_larger
