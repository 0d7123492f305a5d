"""scikit-learn's SGDClassifier; on raw pixels, as many use it, and on scaled ones. Ten classes: one versus the rest."""

from typing import Any

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.linear_model import SGDClassifier

from benchmarks.rival import Rival
from benchmarks.scoring import Weights, weights_of


class Solver(Rival):
    """Its own schedule of steps; with averaged weights; CSR of float32, whose zeros it skips.

    Tried: dense data, which take twice as long; constant steps of 0.01 and 0.03, which reach 97.5 % sooner and 98.0 %
    later; on raw pixels alpha for those (times 255^2) and constant steps, which take longer.
    """

    name = "scikit-learn SGDClassifier"
    parameters = {"pixels": ["scaled", "raw"]}  # noqa: RUF012
    dtype = np.float32

    def skip(self, X: Any, y: Any, n_classes: int, alpha: float) -> tuple[bool, str | None]:
        """Only pixels have a raw form."""
        if self.pixels == "raw" and X.dtype != np.uint8:
            return True, "these data are no pixels"
        return super().skip(X, y, n_classes, alpha)

    def prepare(self) -> None:
        """Undo the scaling; drop the zeros."""
        self.scale = 255.0 if self.pixels == "raw" else 1.0
        self.X = csr_matrix(self.X * np.float32(self.scale))

    def fit(self, n_iter: int) -> Any:
        """Run ``n_iter`` epochs, the classes side by side."""
        return SGDClassifier(
            loss="log_loss", alpha=self.alpha, max_iter=n_iter, tol=None, average=True, n_jobs=-1, random_state=0
        ).fit(self.X, self.y)

    def weights(self) -> Weights:
        """Return the weights for scaled pixels."""
        return weights_of(self.fitted, self.scale)
