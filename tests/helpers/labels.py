"""True and predicted labels, and weights, for the tests of what is counted from them."""

import numpy as np

N = 200


def digits(seed, n=N, n_classes=10):
    """True labels, and predictions of which about two thirds are right."""
    rng = np.random.default_rng(seed)
    y_true = rng.integers(0, n_classes, n)
    return y_true, np.where(rng.random(n) < 0.6, y_true, rng.integers(0, n_classes, n))


Y_TRUE, Y_PRED = digits(0)
NAMES = np.array(["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "Ä"])
RNG = np.random.default_rng(1)
WEIGHTS = {
    "none": None,
    "float64": RNG.random(N),
    "float32": RNG.random(N, dtype=np.float32),
    "signed": RNG.normal(size=N),
    "int": RNG.integers(0, 5, N),
    "uint8": RNG.integers(0, 255, N, dtype=np.uint8),
    "bool": RNG.random(N) < 0.5,
    "list": [1] * (N - 1) + [2.5],
}
