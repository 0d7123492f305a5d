"""mlxtend: SoftmaxRegression and LogisticRegression by mini-batches, for teaching."""

from typing import Any

import numpy as np
from mlxtend.classifier import LogisticRegression, SoftmaxRegression

from benchmarks.rival import Rival
from benchmarks.scoring import Weights


class Solver(Rival):
    """Batches of 60; steps of 0.1 for the mean of a batch's losses, which for two classes it sums instead."""

    name = "mlxtend"
    requirements = ["pip::mlxtend"]  # noqa: RUF012
    dtype = np.float32
    dense_only = True

    def fit(self, n_iter: int) -> Any:
        """Run ``n_iter`` epochs."""
        batches = max(1, len(self.y) // 60)
        if self.n_raw == 1:
            model = LogisticRegression(
                eta=0.1 / 60, epochs=n_iter, l2_lambda=60 * self.alpha, minibatches=batches, random_seed=0
            )
        else:
            model = SoftmaxRegression(eta=0.1, epochs=n_iter, l2=self.alpha, minibatches=batches, random_seed=0)
        return model.fit(self.X, self.y)

    def weights(self) -> Weights:
        """Return them with the classes as rows."""
        return self.fitted.w_.T, self.fitted.b_
