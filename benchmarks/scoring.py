"""How trained weights are judged: all alike, by one plain function in float64, outside the clock.

The objective is everybody's: mean loss + alpha/2 ||W||^2, the intercepts free. For pixels it is about pixels / 255.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

Weights = tuple[Any, Any]  # W (K, d) and b (K,); K = 1 for two classes


def as_floats(X: Any, dtype: Any = np.float64) -> Any:
    """Return the data as everybody is to see them: ``uint8`` pixels divided by 255, others as they are."""
    return X / np.asarray(255, dtype) if X.dtype == np.uint8 else X.astype(dtype)


def evaluate(W: Any, b: Any, X: Any, y: Any) -> tuple[float, float]:
    """Return mean loss and accuracy of weights.

    Parameters
    ----------
    W, b : array-like, shapes (K, d) and (K,)
    X : ndarray or CSR of float64, shape (n, d)
    y : ndarray of int, shape (n,)
        Class numbers; 0 and 1 for K = 1.
    """
    W, b = np.asarray(W, np.float64), np.asarray(b, np.float64)
    raw = X @ W.T + b
    if len(W) == 1:
        losses = np.logaddexp(0, np.where(y == 1, -1, 1) * raw[:, 0])
        answers = raw[:, 0] > 0
    else:
        top = raw.max(axis=1)
        losses = top + np.log(np.exp(raw - top[:, np.newaxis]).sum(axis=1)) - raw[np.arange(len(raw)), y]
        answers = raw.argmax(axis=1)
    return float(losses.mean()), float((answers == y).mean())


def penalised(W: Any, b: Any, X: Any, y: Any, alpha: float) -> float:
    """Return mean loss plus penalty; parameters as in `evaluate`."""
    return evaluate(W, b, X, y)[0] + alpha / 2 * float(np.square(np.asarray(W, np.float64)).sum())


def weights_of(model: Any, scale: float = 1.0) -> Weights:
    """Return the weights of a fitted estimator; ``scale`` is 255 if it was trained on 0 to 255 instead of 0 to 1."""
    return model.coef_ * scale, model.intercept_


def first_setting(reaches: Callable[[int], bool], most: int, least: int = 1) -> int | None:
    """Return the smallest number from ``least`` to ``most`` that reaches the goal; None if ``most`` does not.

    It doubles, then bisects: a solver that reaches the goal with a number reaches it with any larger one.
    """
    low, high = least - 1, least
    while not reaches(high):
        if high == most:
            return None
        low, high = high, min(2 * high, most)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if reaches(middle) else (middle, high)
    return high
