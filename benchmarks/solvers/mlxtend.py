"""mlxtend: SoftmaxRegression and LogisticRegression by mini-batches, for teaching."""

from typing import Any

from mlxtend.classifier import LogisticRegression, SoftmaxRegression

from benchmarks.rival import Rival
from benchmarks.scoring import Weights


class Solver(Rival):
    """It sums the losses of a batch, so that step and penalty are for sums. float64, which it computes in.

    Tried: batches of 60 and 200, steps of 0.1 to 1 (for means), float32.
    """

    name = "mlxtend"
    requirements = ["pip::mlxtend"]  # noqa: RUF012
    dense_only = True
    BATCH = 60

    def fit(self, n_iter: int) -> Any:
        """Run ``n_iter`` epochs."""
        settings = {"eta": 0.3 / self.BATCH, "epochs": n_iter, "random_seed": 0}
        settings["minibatches"] = max(1, len(self.y) // self.BATCH)
        penalty = self.BATCH * self.alpha
        if self.n_raw == 1:
            return LogisticRegression(l2_lambda=penalty, **settings).fit(self.X, self.y)
        return SoftmaxRegression(l2=penalty, **settings).fit(self.X, self.y)

    def weights(self) -> Weights:
        """Return them with the classes as rows."""
        return self.fitted.w_.T, self.fitted.b_
