"""Watch a fit from outside: what it minimises, and how it does on other data, after every iteration."""

from typing import Any

import numpy as np
import numpy.typing as npt

from mnistlr._support.arrays import Array
from mnistlr._support.threads import count_threads
from mnistlr.objective import Objective
from mnistlr.samples import Samples, most_probable
from mnistlr.training import objective_of, run
from mnistlr.warmup import warm_up_fit


class TestError:
    """Notes the error on test data in the record of each iteration."""

    def __init__(self, model: Any, objective: Objective, test: Samples, classes: Array, y_test: Array) -> None:
        self.objective, self.test, self.classes, self.y_test = objective, test, classes, y_test
        self.n_threads = count_threads(model.n_jobs)

    def begin(self, theta: Array) -> None:
        """Do nothing."""

    def end(self, theta: Array, iteration: int, record: dict[str, float]) -> bool:
        """Add ``test_error`` to the record."""
        raw = self.test.raw_predictions(*self.objective.unpack(theta), self.n_threads)
        record["test_error"] = float(np.mean(self.classes[most_probable(raw)] != self.y_test))
        return False


def trace_fit(
    model: Any, X: Any, y: npt.ArrayLike, X_test: Any, y_test: npt.ArrayLike
) -> dict[str, npt.NDArray[np.float64]]:
    """Run the training of ``model`` and note its error on test data after every iteration.

    Parameters
    ----------
    model : LogisticRegression or SoftmaxRegression
        Says solver, penalty, tolerance and the rest; it is not changed.
    X, y : array of shape (n_samples, n_features), array-like of shape (n_samples,)
        To train on, of a type that needs no conversion: uint8, float32 or float64.
    X_test, y_test : array of shape (n_test, n_features), array-like of shape (n_test,)
        To test on.

    Returns
    -------
    dict of ndarray
        Entry by entry the states after each iteration, as in the attribute ``history_`` of a fitted model, and
        ``test_error``, the share of test samples that is told wrong. Neither testing nor the compilation of code
        counts as ``seconds``.
    """
    classes, numbers = np.unique(np.asarray(y), return_inverse=True)
    objective = objective_of(model, X, numbers, classes, None)
    watcher = TestError(model, objective, Samples.of(X_test), classes, np.asarray(y_test))
    warm_up_fit(model, X, y)
    return run(model, objective, objective.zeros(), watcher)[1]
