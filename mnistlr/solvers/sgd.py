"""Stochastic gradient descent in mini-batches, with averaged weights.

Step t looks at one batch B of the shuffled samples:

    v   <- momentum v + 1/|B| sum_{i in B} s_i grad loss_i(theta) + alpha W
    theta <- theta - eta_t M v,                         eta_t = eta (1 + t / T)^-power, T = steps of one epoch
    average <- average + share_t (theta - average),     share_t = (1 + q) / (t + q)

(Bottou, "Stochastic Gradient Descent Tricks", 2012). The answer is the average (Polyak & Juditsky, SIAM J. Control
Optim. 30, 1992), which forgets early steps polynomially (q = ``AVERAGING``; Shamir & Zhang, ICML 2013, section 4).

The metric M and the first step size eta are derived from the data (``step_size``), feature by feature, so that raw pixels just work.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from mnistlr import kernels
from mnistlr.exceptions import DivergenceError
from mnistlr.objective import Objective
from mnistlr.samples import Samples, pad_vector
from mnistlr.solvers.monitor import Monitor, Result
from mnistlr.solvers.step_size import derive_step_size

Array = npt.NDArray[Any]

AVERAGING = 3.0  # q: the newest point weighs (1 + q) / (t + q)


class SGD:
    """The state of a run: weights, velocity, average and the number of steps done, for data that come in pieces.

    Parameters
    ----------
    samples : Samples
        The first data; they settle the shapes, and the default step.
    theta : ndarray, shape (K d + K,)
        Starting point.
    n_raw : int
        K.
    batch_size : int
    eta : float or None
        First step size; None derives it from ``samples``.
    power : float
        0 is a constant step, larger values make later steps smaller.
    average : bool
        Whether ``theta`` is the average or the last point.
    momentum : float, 0 <= momentum < 1
    """

    def __init__(
        self,
        samples: Samples,
        theta: Array,
        n_raw: int,
        *,
        fit_intercept: bool = True,
        batch_size: int = 16,
        eta: float | None = None,
        power: float = 0.5,
        average: bool = True,
        momentum: float = 0.0,
    ) -> None:
        self.n_raw, self.d, self.scale, self.dtype = n_raw, samples.d, samples.scale, samples.dtype
        self.fit_intercept, self.batch_size, self.power = fit_intercept, batch_size, power
        self.average, self.momentum = average, momentum
        derived = derive_step_size(samples, n_raw, batch_size, centred=fit_intercept)
        self.eta = derived.eta * (1 - momentum) if eta is None else eta
        # The kernels see the data unscaled: weights carry the scale, means and metric its inverse.
        self.mean = (derived.mean / self.scale).astype(self.dtype)
        self.metric = (derived.metric * self.scale**2).astype(self.dtype)
        self.W = samples.pad(theta[: n_raw * self.d].reshape(n_raw, self.d) * self.scale)
        self.b = pad_vector(theta[n_raw * self.d :], self.dtype)
        self.velocity, self.velocity_b = np.zeros_like(self.W), np.zeros_like(self.b)
        self.average_W, self.average_b = self.W.copy(), self.b.copy()
        self.steps = 0
        self.horizon = float(max(1, samples.n // batch_size))

    @property
    def theta(self) -> Array:
        """The current answer, float64."""
        W, b = (self.average_W, self.average_b) if self.average else (self.W, self.b)
        return np.concatenate([W[: self.n_raw].ravel() / self.scale, b[: self.n_raw]], dtype=np.float64)

    def epoch(self, samples: Samples, y: Array, weight: Array, order: Array, alpha: float) -> None:
        """Go once over the samples in ``order`` (sample numbers); ``weight`` has mean 1.

        Raises
        ------
        DivergenceError
            If the weights are no longer finite.
        """
        self.steps = kernels.sgd_epoch(
            samples.X, y, weight, order, self.W, self.b, self.velocity, self.velocity_b, self.average_W, self.average_b,
            self.mean, self.metric, self.n_raw, self.batch_size, self.eta, self.horizon, self.power, AVERAGING,
            self.steps, alpha / self.scale**2, self.momentum, float(self.fit_intercept), *samples.scratch(len(self.W)),
        )  # fmt: skip
        if not np.isfinite(self.theta).all():
            raise DivergenceError(
                f"SGD diverged with first step size {self.eta:.3g}: the weights are no longer finite. Use a smaller "
                f"eta0 (or leave it None to derive it from the data), or scale the features."
            )


def sgd(
    objective: Objective,
    theta: Array,
    *,
    tol: float,
    max_iter: int,
    monitor: Monitor,
    random_state: np.random.RandomState,
    n_iter_no_change: int = 1,
    **settings: Any,
) -> Result:
    """Minimise ``objective`` by epochs of SGD until one improves it by less than ``tol``, relative to its value.

    ``settings`` are those of :class:`SGD`.
    """
    state = SGD(objective.samples, theta, objective.n_raw, fit_intercept=objective.fit_intercept, **settings)
    weight = objective.weight * (objective.samples.n / objective.weight_sum)
    best, stale = np.inf, 0
    for epoch in range(1, max_iter + 1):
        order = random_state.permutation(objective.samples.n)
        state.epoch(objective.samples, objective.y, weight, order, objective.alpha)
        theta = state.theta
        value = objective.value(theta)
        if monitor.record(theta, objective=value, step=state.eta, passes=epoch):
            return Result(theta, epoch, True, "stopped by a callback")
        stale = stale + 1 if value > best - tol * abs(best) else 0
        best = min(best, value)
        if stale >= n_iter_no_change:
            return Result(theta, epoch, True, f"the objective improved by less than tol = {tol:g} of its value")
    return Result(theta, max_iter, False, f"max_iter reached; the objective still improves by more than tol = {tol:g}")
