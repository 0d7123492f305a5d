"""scikit-learn's MLPClassifier without hidden layers, which is logistic or softmax regression by Adam."""

from typing import Any

import numpy as np
from sklearn.neural_network import MLPClassifier

from benchmarks.rival import Rival
from benchmarks.scoring import Weights


class Solver(Rival):
    """Batches of 200 are its default; the step is larger than its 0.001, which is meant for deep networks."""

    name = "scikit-learn MLPClassifier"
    dtype = np.float32

    def fit(self, n_iter: int) -> Any:
        """Run ``n_iter`` epochs. Its penalty is alpha / (2 * batch) ||W||^2."""
        return MLPClassifier(
            (), alpha=self.alpha * min(200, len(self.y)), learning_rate_init=0.005, max_iter=n_iter, tol=0,
            n_iter_no_change=n_iter + 1, random_state=0,
        ).fit(self.X, self.y)  # fmt: skip

    def weights(self) -> Weights:
        """Return the only layer."""
        return self.fitted.coefs_[0].T, self.fitted.intercepts_[0]
