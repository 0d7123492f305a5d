"""How trained weights are judged: all alike, by plain NumPy in float64, outside the clock.

The objective is everybody's: mean loss + alpha/2 ||W||^2 over pixels / 255, the intercepts free. Whoever trains on
raw pixels or with another scaling is converted before.
"""

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

Weights = tuple[Any, Any]  # W (K, d) and b (K,), for pixels / 255


class Judge:
    """Scores weights on fixed data.

    Parameters
    ----------
    data : NamedData
    digit : int, optional
        The task is "this digit or not"; without it, to tell all digits apart.
    """

    def __init__(self, data: Any, digit: int | None = None) -> None:
        self.X, self.X_test = data.X_train / 255, data.X_test / 255
        self.y, self.y_test = data.y_train, data.y_test
        if digit is not None:
            self.y, self.y_test = (self.y == digit).astype(int), (self.y_test == digit).astype(int)

    def objective(self, weights: Weights, alpha: float) -> float:
        """Return mean loss plus penalty on the training data."""
        W, b = (np.asarray(part, np.float64) for part in weights)
        raw = self.X @ W.T + b
        if len(W) == 1:
            losses = np.logaddexp(0, np.where(self.y == 1, -1, 1) * raw[:, 0])
        else:
            top = raw.max(axis=1)
            losses = top + np.log(np.exp(raw - top[:, np.newaxis]).sum(axis=1)) - raw[np.arange(len(raw)), self.y]
        return float(losses.mean() + alpha / 2 * np.square(W).sum())

    def accuracy(self, weights: Weights) -> float:
        """Return the part of the test images that is told right."""
        W, b = (np.asarray(part, np.float64) for part in weights)
        raw = self.X_test @ W.T + b
        answer = raw[:, 0] > 0 if len(W) == 1 else raw.argmax(axis=1)
        return float((answer == self.y_test).mean())


def weights_of(model: Any, raw_pixels: bool = False) -> Weights:
    """Return the weights of a fitted estimator; ``raw_pixels`` if it was trained on 0 to 255 instead of 0 to 1."""
    return model.coef_ * (255 if raw_pixels else 1), model.intercept_


def seconds_until(start: Callable[[], Iterator[Weights]], good: Callable[[Weights], bool], patience: float) -> float:
    """Advance a training run until its weights are good; return the seconds it took, NaN after ``patience`` seconds.

    The clock runs only while the run does, its set-up included, not while its weights are judged.
    """
    spent, began = 0.0, time.perf_counter()
    run = start()
    while spent < patience:
        weights = next(run)
        spent += time.perf_counter() - began
        if good(weights):
            return spent
        began = time.perf_counter()
    return np.nan


def first_setting(reaches: Callable[[int], bool], most: int, least: int = 1) -> int | None:
    """Return the smallest number from ``least`` to ``most`` that reaches the goal; None if ``most`` does not.

    It doubles, then bisects: whoever reaches the goal with a number reaches it with larger ones, as iterations do.
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
