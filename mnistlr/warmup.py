"""Compile everything ahead of time, by using everything once on very little data."""

from collections.abc import Iterator
from itertools import product

import numpy as np
import scipy.sparse as sp

from mnistlr.estimators import LogisticRegression, SoftmaxRegression
from mnistlr.metrics import confusion_matrix

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
            model = (LogisticRegression if n_classes == 2 else SoftmaxRegression)(solver=solver, tol=1e-2)
            labels = y % n_classes
            confusion_matrix(labels, model.fit(data, labels).predict(data))
        yield kind
