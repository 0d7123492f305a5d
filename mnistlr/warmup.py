"""Compile ahead of time, by using the code once on very little data."""

import warnings
from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
import scipy.sparse as sp

from mnistlr.estimators import LinearClassifier, LogisticRegression, SoftmaxRegression
from mnistlr.features import DigitReader, add_copies
from mnistlr.metrics.confusion import confusion_matrix

KINDS = ("uint8", "float64", "float32", "sparse float64", "sparse float32")


def warm_up(kinds: tuple[str, ...] = KINDS) -> Iterator[str]:
    """Compile the kernels for every kind of data and solver, or load them from numba's cache; yield what is done.

    Parameters
    ----------
    kinds : tuple of str
        Some of ``KINDS``.
    """
    rng = np.random.default_rng(0)
    y = np.arange(60) % 3
    for kind in kinds:
        dtype = np.dtype(kind.removeprefix("sparse "))
        X = (rng.integers(0, 256, (60, 8)) // (1 if dtype == np.uint8 else 255)).astype(dtype)
        data = sp.csr_matrix(X) if kind.startswith("sparse") else X
        for solver, n_classes in product(("sgd", "lbfgs", "newton", "svrg"), (2, 3)):
            model = (LogisticRegression if n_classes == 2 else SoftmaxRegression)(
                solver=solver, tol=1e-2, random_state=0
            )
            labels = y % n_classes
            confusion_matrix(labels, model.fit(data, labels).predict(data))
            model.predict(data)  # once more: whether the weights are still the same is compiled code, too
        if kind == "uint8":
            DigitReader(shape=(2, 4)).fit(*add_copies(data, y, 1, 1, shape=(2, 4))).predict(data)
        yield kind


def warm_up_fit(model: LinearClassifier | DigitReader, X: Any, y: Any) -> None:
    """Compile or load what ``model.fit(X, y)`` runs, so that a clock started afterwards sees the training alone.

    Parameters
    ----------
    model : LogisticRegression, SoftmaxRegression or DigitReader
        It is not changed.
    X, y : array of shape (n_samples, n_features), array-like of shape (n_samples,)
        One sample of each class is trained on, for two iterations.
    """
    _, few = np.unique(np.asarray(y), return_index=True)
    parameters = model.get_params(deep=False)
    short = {"max_iter": 2, "early_stopping": False, "warm_start": False, "random_state": 0}
    settings = parameters | {name: value for name, value in short.items() if name in parameters}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        type(model)(**settings).fit(X[few], np.asarray(y)[few])
