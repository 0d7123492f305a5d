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

where lambda_max is the largest eigenvalue of mean (x', 1)(x', 1)^T, and c bounds the curvature of the loss along its
raw predictions (``curvature``). Where predictions are sure the loss hardly curves, and longer steps are safe: with a
``scale`` f, c / f takes the place of c in this equation.
"""

from dataclasses import dataclass

import numpy as np

from mnistlr._support.arrays import Array, dot
from mnistlr.exceptions import DivergenceError
from mnistlr.kernels.passes import second_moment_vector
from mnistlr.kernels.records import pack, zero_weights
from mnistlr.objective import Objective
from mnistlr.samples import Samples
from mnistlr.solvers.curvature import largest_eigenvalue, loss_curvature

SUBSET = 512
TOO_FEW = 8
POWER_ITERATIONS = 8, 20  # at least, at most


@dataclass(frozen=True)
class StepSize:
    """mu (d,), 1 / s^2 (d,), eta and mean ||(x', 1)||^2.

    ``steady_eta`` is for steps that do not become smaller: at most eta, and no step overshoots on any one sample.
    """

    mean: Array
    metric: Array
    eta: float
    steady_eta: float
    mean_square: float


def derive_step_size(objective: Objective, batch_size: int, rare: Array | None = None, scale: float = 1.0) -> StepSize:
    """Derive the step from some ``SUBSET`` evenly spaced samples.

    Sample weights s (of mean 1) count as repetitions in all means but one: a sample comes with all its weight in one
    batch, so that the noise is the mean of s^2 ||(x', 1)||^2. ``rare`` features, bool (d,), are not centred: mu = 0,
    the variance is the mean square, and the range the largest absolute value.

    Raises
    ------
    DivergenceError
        If the features are too large for their squares to be finite.
    """
    subset, weight = objective.every(max(1, objective.samples.n // SUBSET))
    weight = weight / weight.mean() if weight.any() else np.ones(subset.n)
    mean, variance, spread = subset.moments(weight)
    stays = np.full(len(mean), not objective.fit_intercept)
    if rare is not None:
        stays |= rare
    variance += np.where(stays, mean**2, 0)
    spread = np.where(stays, subset.peaks(), spread)
    mean[stays] = 0
    squared = spread * (np.sqrt(variance) + spread / 16)
    # A few samples do not determine a feature's variance. Its whole squared range makes such a feature's step small.
    is_vague = variance * subset.n <= 8 * spread**2
    squared[is_vague] = spread[is_vague] ** 2
    if (spread == 0).any():  # at all of the subset's samples; the others may have seen the feature vary
        squared = np.where(spread == 0, (objective.samples.peaks(objective.n_threads) + np.abs(mean)) ** 2, squared)
        squared[squared == 0] = squared.max() or 1.0
    if subset.n < TOO_FEW:  # to tell features apart
        squared[:] = squared.max()
    c = loss_curvature(objective.n_raw)
    # The quotient and a step times it stay finite in the arithmetic type also without a penalty.
    metric = 1 / np.maximum(squared + objective.alpha / c, 1e3 * np.finfo(subset.dtype).tiny)
    square = np.square(weight)
    norms = subset.squared_norms(mean, metric) + 1.0
    mean_square = float(dot(square, norms) / square.sum())
    # All samples say how uneven the weights are, the few of the subset might miss a heavy one.
    mean_square *= objective.unevenness
    # The intercept's own eigenvalue is 1.
    eigenvalue = max(eigenvalue_of_changed(subset, weight, mean, metric), 1.0)
    penalty = objective.alpha * metric.max()
    curvature = c / scale * (mean_square / batch_size + eigenvalue) + penalty
    steady = max(curvature, c * float((weight * norms).max()) / batch_size + penalty)
    if not (np.isfinite(curvature) and np.isfinite(metric).all()):
        raise DivergenceError(f"No step size suits features as large as {subset.peaks().max():.3g}. Scale them.")
    return StepSize(mean, metric, 2 / curvature, 2 / steady, mean_square)


def eigenvalue_of_changed(samples: Samples, weight: Array, mean: Array, metric: Array) -> float:
    """Return the largest eigenvalue of the weighted mean of x'_i x'_i^T. The work of one thread: samples are few."""
    root, share = np.sqrt(metric), weight / samples.n

    def multiply(v: Array) -> Array:
        w = v * root
        argument = pack(w[np.newaxis], np.array([-dot(w, mean)]), samples.dtype)
        product = zero_weights(1, samples.d, samples.dtype)
        second_moment_vector(samples.X, share, 0, samples.n, *argument, *product)
        changed: Array = (product.W - product.b * mean) * root
        return changed

    # From where all features vary together, but not quite: exactly there, symmetric data may hide the eigenvector.
    start = np.sqrt(1 / metric) * (1 + 0.5 * np.random.default_rng(0).standard_normal(samples.d))
    return largest_eigenvalue(multiply, start, *POWER_ITERATIONS)[0]
