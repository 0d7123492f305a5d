"""The function that every solver of ``benchopt run benchmarks`` minimises, and the judging of all.

    mean_i loss_i + alpha/2 ||W||^2,    alpha = 1 / n, which is scikit-learn's C = 1

The loss is logistic for two classes and softmax for more, over pixels / 255. Solvers return weights and nothing else;
the numbers come from `benchmarks.scoring.evaluate`, for all alike.
"""

import hashlib
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from benchopt import BaseObjective

from benchmarks.scoring import as_floats, evaluate, penalised, weights_of
from mnistlr import LogisticRegression, SoftmaxRegression


class Objective(BaseObjective):
    """Mean loss plus penalty; distance from the optimum; accuracy and mean loss on test data."""

    name = "Penalised logistic regression"
    url = "https://github.com/mnistlr/mnistlr"
    min_benchopt_version = "1.8"
    sampling_strategy = "iteration"
    test_dataset_name = "simulated"
    test_config = {"dataset": {"kind": "ill-conditioned"}}  # noqa: RUF012

    def set_data(self, X: Any, y: Any, X_test: Any, y_test: Any) -> None:
        """Keep the data as they are for the solvers, and in float64 to judge."""
        self.X, self.y, self.y_test = X, y, y_test
        self.X64, self.X64_test = as_floats(X), as_floats(X_test)
        self.n_classes, self.alpha = int(y.max()) + 1, 1 / len(y)
        self._optimum: float | None = None

    def get_objective(self) -> dict[str, Any]:
        """Return what a solver is given: ``uint8`` pixels, floats or CSR, class numbers, alpha."""
        return {"X": self.X, "y": self.y, "n_classes": self.n_classes, "alpha": self.alpha}

    def evaluate_result(self, W: Any, b: Any) -> dict[str, float]:
        """Judge weights for the data of ``as_floats``, shapes (K, d) and (K,), K = 1 for two classes."""
        value = penalised(W, b, self.X64, self.y, self.alpha)
        log_loss, accuracy = evaluate(W, b, self.X64_test, self.y_test)
        return {
            "value": value, "suboptimality": value / self.optimum - 1, "test_accuracy": accuracy,
            "test_log_loss": log_loss,
        }  # fmt: skip

    def get_one_result(self) -> dict[str, Any]:
        """Return weights to try the judging with."""
        rows = 1 if self.n_classes == 2 else self.n_classes
        return {"W": np.zeros((rows, self.X.shape[1])), "b": np.zeros(rows)}

    @property
    def optimum(self) -> float:
        """The smallest value, to about 1e-8 of it, kept on disk. A solver that gets lower has a negative distance."""
        if self._optimum is None:
            content = hashlib.sha256(np.ascontiguousarray(self.X64[:100].sum(axis=1)))
            content.update(repr((self.X64.shape, float(self.X64.sum()))).encode() + self.y.tobytes())
            file = Path(tempfile.gettempdir(), f"mnistlr-optimum-{content.hexdigest()[:16]}.txt")
            if not file.exists():
                file.write_text(repr(self._minimise()))
            self._optimum = float(file.read_text())
        return self._optimum

    def _minimise(self) -> float:
        Model = LogisticRegression if self.n_classes == 2 else SoftmaxRegression
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # rounding may end it before the tolerance is met
            best = Model(solver="lbfgs", alpha=self.alpha, tol=1e-7, max_iter=5000).fit(self.X, self.y)
        scale = 255.0 if self.X.dtype == np.uint8 else 1.0
        return penalised(*weights_of(best, scale), self.X64, self.y, self.alpha)
