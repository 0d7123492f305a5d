"""The models' definitions in plain NumPy float64, for tests to hold compiled code against.

Weights W are (K, d), intercepts b (K,); K = 1 is the logistic model. Weights of samples are averaged over:
f = sum_i s_i loss_i / sum_i s_i + alpha/2 ||W||^2.
"""

import numpy as np
import scipy.sparse as sp
from scipy.special import expit, log_softmax, softmax

STORAGES = ["uint8", "float32", "float64", "CSR"]


def make_data(storage, n, d, random, share_of_zeros=0.5):
    """Return X as a user has it, and what the model is to see: a float64 matrix."""
    X = random.integers(1, 256, (n, d)) * (random.random((n, d)) > share_of_zeros)
    if storage == "uint8":
        return X.astype(np.uint8), X / 255
    X = (X - 64.0 * (X > 0)) / 255
    if storage == "CSR":
        return sp.csr_matrix(X), X
    return X.astype(storage), X.astype(storage).astype(np.float64)


def raw_predictions(X, W, b):
    return np.asarray(X, np.float64) @ np.asarray(W, np.float64).T + b


def losses(raw, y):
    """log(1 + exp(-+raw)) for one raw prediction, else log(sum_k exp(raw_k)) - raw_y."""
    if raw.shape[1] == 1:
        return np.logaddexp(0, np.where(y == 1, -raw[:, 0], raw[:, 0]))
    return -log_softmax(raw, axis=1)[np.arange(len(raw)), y]


def probabilities(raw):
    """p(y = 1) for one raw prediction, else all; (n, K)."""
    return expit(raw) if raw.shape[1] == 1 else softmax(raw, axis=1)


def residuals(raw, y):
    """d loss / d raw, (n, K)."""
    return probabilities(raw) - (y[:, None] == (1 if raw.shape[1] == 1 else np.arange(raw.shape[1])))


def value(X, y, W, b, alpha, weight=None):
    return np.average(losses(raw_predictions(X, W, b), y), weights=weight) + alpha / 2 * np.sum(np.square(W))


def gradient(X, y, W, b, alpha, weight=None):
    """The gradient by W and by b."""
    weight = np.ones(len(y)) if weight is None else weight
    r = residuals(raw_predictions(X, W, b), y) * (weight / weight.sum())[:, None]
    return r.T @ X + alpha * W, r.sum(axis=0)


def hessian(X, W, b, alpha, weight=None):
    """The Hessian by (W row by row, then b), a matrix."""
    n, d = X.shape
    K = len(W)
    weight = np.ones(n) if weight is None else weight
    p = probabilities(raw_predictions(X, W, b))
    B = p[:, :, None] * (np.eye(K) - p[:, None, :]) if K > 1 else (p * (1 - p))[:, :, None]
    x = np.hstack([X, np.ones((n, 1))])
    H = np.einsum("i,ikl,ij,im->kjlm", weight / weight.sum(), B, x, x, optimize=True)
    H = H.reshape(K * (d + 1), K * (d + 1))
    number = np.arange(K * (d + 1)).reshape(K, d + 1)
    order = np.concatenate([number[:, :d].ravel(), number[:, d]])
    return H[np.ix_(order, order)] + alpha * np.diag(np.arange(K * (d + 1)) < K * d)


def eps_of(X):
    """Rounding unit of the arithmetic that data of this type are trained in."""
    return np.finfo(np.float64 if X.dtype == np.float64 else np.float32).eps
