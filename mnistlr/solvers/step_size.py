"""A step size, feature by feature, derived from the data.

Gradient steps go well when features are centred and vary alike (LeCun, Bottou, Orr & Mueller, "Efficient BackProp",
1998, section 4.3). Instead of a changed copy of the data, the change of variables

    x'_j = (x_j - mu_j) / s_j,      w'_j = s_j w_j,      b' = b + w . mu

is applied to the step: moving w' by -eta g' is moving

    w_j by -eta (g_j - g_b mu_j) / s_j^2      and      b by -eta g_b - (change of w) . mu.

s_j^2 = range_j (sigma_j + range_j / 16) + alpha / c. The first term lies between variance and squared range: full
standardisation, s = sigma, would blow up the few samples in which a rarely used pixel is on. The second is the
curvature of the penalty in the units of the first: it alone limits the step of a feature too small to count.

The step size itself follows the expected smoothness of a mini-batch of size B (Gower et al., "SGD: General Analysis
and Improved Rates", ICML 2019, section 3),

    eta = 2 / (c (mean ||(x', 1)||^2 / B + lambda_max) + alpha max_j 1 / s_j^2),

where lambda_max is the largest eigenvalue of mean (x', 1)(x', 1)^T, and c = 1/4 (logistic) or 1/2 (softmax) bounds the
curvature of the loss by its raw predictions.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mnistlr.exceptions import DivergenceError
from mnistlr.objective import Objective
from mnistlr.samples import Samples

Array = npt.NDArray[Any]

SUBSET = 512
POWER_ITERATIONS = range(8, 21)  # at least, so that an eigenvector that hides from the start can come out; at most
ENOUGH = 1e-3  # relative growth; the few samples say no more


@dataclass(frozen=True)
class StepSize:
    """mu (d,), 1 / s^2 (d,) and eta, for data times their scale.

    ``steady_eta`` is for steps that do not become smaller: at most eta, and no step overshoots on any one sample.
    """

    mean: Array
    metric: Array
    eta: float
    steady_eta: float


def derive_step_size(objective: Objective, batch_size: int) -> StepSize:
    """Derive the step from some ``SUBSET`` evenly spaced samples.

    Sample weights s (of mean 1) count as repetitions in all means but one: a sample comes with all its weight in one
    batch, so that the noise is the mean of s^2 ||(x', 1)||^2.

    Raises
    ------
    DivergenceError
        If the features are too large for their squares to be finite.
    """
    subset, weight = objective.every(max(1, objective.samples.n // SUBSET))
    weight = weight / weight.mean() if weight.any() else np.ones(subset.n)
    mean, variance, spread = moments(subset, weight)
    if not objective.fit_intercept:
        variance, mean, spread = variance + mean**2, np.zeros_like(mean), subset.peaks()
    squared = spread * (np.sqrt(variance) + spread / 16)
    # What a handful of samples say of a feature is no measure: it takes the most cautious of the other steps.
    rare = variance * subset.n <= 8 * spread**2
    squared[rare] = squared[~rare].max() if not rare.all() else squared.max() or 1.0
    c = 0.25 if objective.n_raw == 1 else 0.5
    # The quotient and a step times it stay finite in the arithmetic type also without a penalty.
    metric = 1 / np.maximum(squared + objective.alpha / c, 1e3 * np.finfo(subset.dtype).tiny)
    square = np.square(weight)
    norms = squared_norms(subset, mean, metric) + 1.0
    mean_square = float(square @ norms / square.sum())
    # All samples say how uneven the weights are, the few of the subset might miss a heavy one.
    mean_square *= objective.unevenness
    # The intercept's own eigenvalue is 1.
    eigenvalue = max(largest_eigenvalue(subset, weight, mean, metric), 1.0)
    penalty = objective.alpha * metric.max()
    curvature = c * (mean_square / batch_size + eigenvalue) + penalty
    steady = max(curvature, c * float((weight * norms).max()) / batch_size + penalty)
    if not (np.isfinite(curvature) and np.isfinite(metric).all()):
        raise DivergenceError(f"No step size suits features as large as {subset.peaks().max():.3g}. Scale them.")
    return StepSize(mean, metric, 2 / curvature, 2 / steady)


def moments(samples: Samples, weight: Array) -> tuple[Array, Array, Array]:
    """Return mean, variance and range of every feature, for weights of mean 1."""
    if samples.is_sparse:
        data, indices, indptr = samples.X
        data = data * samples.scale
        weights = np.repeat(weight, np.diff(indptr))
        mean = np.bincount(indices, weights * data, samples.d) / samples.n
        variance = np.bincount(indices, weights * np.square(data), samples.d) / samples.n - mean**2
        low, high = np.zeros(samples.d), np.zeros(samples.d)  # most entries are zeros that are not stored
        np.minimum.at(low, indices, data)
        np.maximum.at(high, indices, data)
        return mean, np.maximum(variance, 0), high - low
    low, high = samples.X.min(axis=0).astype(np.float64), samples.X.max(axis=0).astype(np.float64)
    # In the arithmetic type and in place: a first step that comes soon is worth more than digits of its size.
    X, weight = samples.X.astype(samples.dtype), weight.astype(samples.dtype)
    mean = (weight @ X).astype(np.float64) / samples.n
    X -= mean.astype(X.dtype)
    variance = (weight @ np.square(X, out=X)).astype(np.float64) / samples.n
    return mean * samples.scale, variance * samples.scale**2, (high - low) * samples.scale


def squared_norms(samples: Samples, mean: Array, metric: Array) -> Array:
    """Return ||x'_i||^2 = sum_j metric_j (x_ij - mean_j)^2 of every sample."""
    if samples.is_sparse:
        # The square multiplied out, for only x differs from sample to sample and most of it is zero.
        data, indices, indptr = samples.X
        data = data * samples.scale
        terms = metric[indices] * data * (data - 2 * mean[indices])
        rows = np.repeat(np.arange(samples.n), np.diff(indptr))
        norms: Array = np.maximum(np.bincount(rows, terms, samples.n) + metric @ mean**2, 0)
    else:
        X = samples.X.astype(samples.dtype)
        X -= (mean / samples.scale).astype(X.dtype)
        X *= (np.sqrt(metric) * samples.scale).astype(X.dtype)
        norms = np.einsum("ij,ij->i", X, X).astype(np.float64)
    return norms


def largest_eigenvalue(samples: Samples, weight: Array, mean: Array, metric: Array) -> float:
    """Return the largest eigenvalue of the weighted mean of x'_i x'_i^T by power iteration.

    The product with that matrix is four times the Hessian of the logistic loss at zero. So few samples are one
    thread's work: waiting for a second one, twenty times, would take longer where cores are busy.
    """
    objective = Objective(samples, np.zeros(samples.n, np.int32), 1, alpha=0.0, sample_weight=weight, n_threads=1)
    # From where all features vary together, but not quite: exactly there, symmetric data may hide the eigenvector.
    v = np.sqrt(1 / metric) * (1 + 0.5 * np.random.default_rng(0).standard_normal(samples.d))
    eigenvalue = 0.0
    zero = np.zeros(objective.n_parameters)
    for iteration in range(1, POWER_ITERATIONS.stop):
        v /= np.sqrt(v @ v)
        w = v * np.sqrt(metric)
        product = 4 * objective.hessian_vector(zero, np.append(w, -w @ mean))
        v = (product[:-1] - product[-1] * mean) * np.sqrt(metric)
        before, eigenvalue = eigenvalue, float(np.sqrt(v @ v))
        if eigenvalue == 0 or (iteration >= POWER_ITERATIONS.start and eigenvalue <= (1 + ENOUGH) * before):
            break
    return eigenvalue
