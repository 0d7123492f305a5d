"""Small data that answers are tried on, and functions that several exercises need."""

from typing import Any

import numpy as np

from mnistlr._support.arrays import Array

random = np.random.default_rng(0)
X = np.round(random.random((6, 4)), 2)
WEIGHTS = np.round(random.normal(size=4), 2)
IS_TWO = np.array([True, False, False, True, False, True])
SCORES = np.array([-2.0, -0.5, 0.0, 1.5, 3.0, 0.25])
P = np.array([0.9, 0.2, 0.5, 0.6, 0.01, 0.3])


def sigmoid(score: Any) -> Any:
    """Return the probability that belongs to a score."""
    return 1 / (1 + np.exp(-score))


def gradient(weights: Array, bias: float, X: Array, is_two: Array) -> Any:
    """Return the gradient of the mean loss, for the weights and for the bias."""
    error = sigmoid(X @ weights + bias) - is_two
    return error @ X / len(X), error.mean()
