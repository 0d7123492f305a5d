"""The base classes of the solvers; a solver's file has its settings and its fit.

A rival whose fit takes a number of iterations derives from `Rival` and implements ``fit``. One that shows its weights
on the way derives from `SteppingRival` and implements ``steps``, a generator of weights.
"""

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from benchopt import BaseSolver

from benchmarks.scoring import Weights, as_floats, weights_of


class Rival(BaseSolver):
    """A solver that runs a given number of iterations.

    Attributes
    ----------
    X, y : array of shape (n, d) and dtype ``dtype``, ndarray of int of shape (n,)
        Pixels / 255; converted outside of the clock.
    alpha, C, n_classes
        The penalty, also as 1 / (alpha n), which is scikit-learn's scaling.
    dtype : class attribute
        What suits it best; ``np.uint8`` leaves pixels as they are.
    two_classes_only : class attribute
        Why it is skipped for more classes, if it is.
    seed : int
        For solvers that shuffle; another one in each round.
    """

    dtype: Any = np.float64
    two_classes_only = ""
    dense_only = False
    shuffles = False
    seed = 0
    warm_up_seconds = 0.0

    def skip(self, X: Any, y: Any, n_classes: int, alpha: float) -> tuple[bool, str | None]:
        """Say why the data do not fit, if they do not."""
        if n_classes > 2 and self.two_classes_only:
            return True, self.two_classes_only
        if self.dense_only and not isinstance(X, np.ndarray):
            return True, "takes no sparse data"
        return False, None

    def set_objective(self, X: Any, y: Any, n_classes: int, alpha: float) -> None:
        """Convert the data."""
        self.X, self.y = X if self.dtype == np.uint8 else as_floats(X, self.dtype), y
        self.n_classes, self.alpha, self.C = n_classes, alpha, 1 / (alpha * len(y))
        self.n_raw = 1 if n_classes == 2 else n_classes
        self.prepare()

    def prepare(self) -> None:
        """Do what else a rival wants to have done before the clock starts."""

    def warm_up(self) -> None:
        """Compile, start threads; the seconds are reported apart."""
        began = time.perf_counter()
        self.run_once(1)
        self.warm_up_seconds = time.perf_counter() - began

    def fit(self, n_iter: int) -> Any:
        """Return an estimator with ``coef_`` and ``intercept_``, trained for so many iterations."""
        raise NotImplementedError

    def run(self, stop_val: Any) -> None:
        """Fit; benchopt asks for 0 iterations first."""
        self.fitted = self.fit(stop_val) if stop_val else None

    def weights(self) -> Weights:
        """Return W and b of what was fitted."""
        return weights_of(self.fitted, 255.0 if self.X.dtype == np.uint8 else 1.0)

    def get_result(self) -> dict[str, Any]:
        """Return the weights; zeros before the first iteration."""
        if self.fitted is None:
            return {"W": np.zeros((self.n_raw, self.X.shape[1])), "b": np.zeros(self.n_raw)}
        W, b = self.weights()
        return {"W": W, "b": b}


class SteppingRival(Rival):
    """A solver that can be looked at on the way: ``steps`` yields W and b."""

    sampling_strategy = "callback"

    def steps(self) -> Iterator[Weights]:
        """Train for ever, and yield the weights now and then."""
        raise NotImplementedError

    def run(self, stop_val: Any) -> None:
        """Advance until the callback has seen enough."""
        self.fitted = None
        steps = self.steps()
        while stop_val():
            self.fitted = next(steps)

    def weights(self) -> Weights:
        """Return the weights last seen."""
        return self.fitted
