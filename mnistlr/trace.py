"""Watch a fit from outside: what it minimises, and how it does on other data, after every iteration."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mnistlr._support.threads import count_threads
from mnistlr.linear_classifier import LinearClassifier
from mnistlr.samples import Samples
from mnistlr.solvers import Monitor
from mnistlr.warmup import warm_up_fit


def trace_fit(
    model: LinearClassifier, X: Any, y: ArrayLike, X_test: Any, y_test: ArrayLike
) -> dict[str, NDArray[np.float64]]:
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
    objective = model._objective(X, numbers, classes, None)
    test, y_test = Samples.of(X_test), np.asarray(y_test)
    warm_up_fit(model, X, y)

    def judge(theta: NDArray[np.float64], record: dict[str, float]) -> None:
        W, b = objective.unpack(theta)
        raw = test.raw_predictions(W * test.scale, b, count_threads(model.n_jobs))
        answers = raw[:, 0] > 0 if raw.shape[1] == 1 else raw.argmax(axis=1)
        record["test_error"] = float(np.mean(classes[answers.astype(np.intp)] != y_test))

    monitor = Monitor(judge)
    model._minimise(objective, np.zeros(objective.n_parameters), monitor)
    return monitor.history()
