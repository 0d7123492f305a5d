"""scikit-learn's MLPClassifier without hidden layers, which is logistic or softmax regression by Adam."""

from typing import Any

import numpy as np
from sklearn.neural_network import MLPClassifier

from benchmarks.rival import Rival
from benchmarks.scoring import Weights


class Solver(Rival):
    """Adam with steps larger than its 0.001, which are meant for deep networks.

    Tried: batches of 100 to 500, steps of 0.002 to 0.02, and its SGD with Nesterov's momentum at 0.05 to 0.2.
    """

    name = "scikit-learn MLPClassifier"
    dtype = np.float32

    def fit(self, n_iter: int) -> Any:
        """Run ``n_iter`` epochs. Its penalty is alpha / (2 * batch) ||W||^2."""
        batch, step = (200, 0.01) if self.n_raw == 1 else (100, 0.002)
        batch = min(batch, len(self.y))
        return MLPClassifier(
            (), alpha=self.alpha * batch, batch_size=batch, learning_rate_init=step, max_iter=n_iter, tol=0,
            n_iter_no_change=n_iter + 1, random_state=0,
        ).fit(self.X, self.y)  # fmt: skip

    def weights(self) -> Weights:
        """Return the only layer."""
        return self.fitted.coefs_[0].T, self.fitted.intercepts_[0]
