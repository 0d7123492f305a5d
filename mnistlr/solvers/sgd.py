"""Stochastic gradient descent in mini-batches, with averaged weights.

Step t looks at one batch B of the shuffled samples, whose weights s_i are scaled to a mean of 1:

    v       <- momentum v + 1/|B| sum_{i in B} s_i grad loss_i(theta) + alpha W
    theta   <- theta - eta_t M v,                           eta_t = eta (1 + t / T)^-power
    average <- average + share_t (theta - average),         share_t = (1 + q) / (t + q)

with T the steps of one epoch (Bottou, "Stochastic Gradient Descent Tricks", 2012). The answer is the average (Polyak &
Juditsky, SIAM J. Control Optim. 30, 1992), which forgets early steps polynomially (q = ``AVERAGING``; Shamir & Zhang,
ICML 2013, section 4). Given no step size, the metric M and eta are derived from the data, feature by feature
(``step_size``), so that raw pixels just work; with a given one M is the identity.
"""

import copy
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from mnistlr import kernels
from mnistlr.exceptions import DivergenceError
from mnistlr.objective import Objective
from mnistlr.samples import aligned, pad_vector
from mnistlr.solvers.monitor import Monitor, Result
from mnistlr.solvers.step_size import StepSize, derive_step_size

Array = npt.NDArray[Any]

AVERAGING = 3.0  # q
PIECE = 16384  # samples between two looks at the interrupt flag
SHUFFLED_WHOLE = 1 << 30  # bytes of data that are shuffled sample by sample; larger ones in pieces


class SGD:
    """The state of a run: weights, velocity, average and the number of steps done.

    It outlives the data, which may come in pieces; the first ones settle shapes and step size.

    Parameters
    ----------
    objective : Objective
    theta : ndarray, shape (K d + K,)
        Starting point.
    batch_size : int
    eta : float or None
        First step size; None derives it from the data.
    power : float
        0 is a constant step, larger values make later steps smaller.
    average : bool
        Whether ``theta`` is the average or the last point.
    momentum : float, 0 <= momentum < 1
    """

    def __init__(
        self,
        objective: Objective,
        theta: Array,
        *,
        batch_size: int = 16,
        eta: float | None = None,
        power: float = 0.5,
        average: bool = True,
        momentum: float = 0.0,
    ) -> None:
        samples = objective.samples
        self.n_raw, self.scale, dtype = objective.n_raw, samples.scale, samples.dtype
        self.batch_size, self.power, self.average, self.momentum = batch_size, power, average, momentum
        if eta is None:
            step = derive_step_size(objective, batch_size)
            self.eta = step.eta * (1 - momentum)
        else:
            step = StepSize(np.zeros(samples.d), np.ones(samples.d), eta, eta)
            self.eta = eta
        self.steady_eta = step.steady_eta
        # The kernels see the data unscaled: weights carry the scale, means and metric its inverse.
        self.mean, self.metric = aligned((samples.d,), dtype), aligned((samples.d,), dtype)
        self.mean[:] = step.mean / self.scale
        self.metric[:] = step.metric * self.scale**2
        W, b = objective.unpack(theta)
        self.W, self.b = samples.pad(W * self.scale), pad_vector(b, dtype)
        self.velocity, self.velocity_b = aligned(self.W.shape, dtype), np.zeros_like(self.b)
        self.average_W, self.average_b = samples.pad(W * self.scale), self.b.copy()
        self.steps = 0
        self.horizon = max(1.0, objective.n_counted / batch_size)

    def copy(self) -> "SGD":
        """Return a copy that shares nothing with this one."""
        return copy.deepcopy(self)

    @property
    def theta(self) -> Array:
        """The current answer, float64."""
        W, b = (self.average_W, self.average_b) if self.average else (self.W, self.b)
        return np.concatenate([W[: self.n_raw].ravel() / self.scale, b[: self.n_raw]], dtype=np.float64)

    @property
    def last_step(self) -> float:
        """The size of the last step."""
        return float(self.eta * (1 + self.steps / self.horizon) ** -self.power)

    def epoch(
        self,
        objective: Objective,
        rows: Array | None,
        random_state: np.random.RandomState,
        mean_weight: float | None = None,
    ) -> None:
        """Go once over the samples ``rows`` (all for None) in random order.

        ``mean_weight`` is that of all samples where these are a part of them, by default that of ``rows``.

        Raises
        ------
        DivergenceError
            If the weights are no longer finite.
        """
        samples = objective.samples
        if mean_weight is None:
            mean_weight = objective.weight_sum / samples.n if rows is None else float(objective.weight[rows].mean())
        weight = objective.weight / mean_weight
        scratch = samples.scratch(len(self.W))
        for order in shuffled(samples.n if rows is None else rows, samples.nbytes, self.batch_size, random_state):
            self.steps = kernels.sgd_epoch(
                samples.X, objective.y, weight, order, self.W, self.b, self.velocity, self.velocity_b,
                self.average_W, self.average_b, self.mean, self.metric, self.n_raw, self.batch_size, self.eta,
                self.horizon, self.power, AVERAGING, self.steps, objective.alpha / self.scale**2, self.momentum,
                float(objective.fit_intercept), *scratch,
            )  # fmt: skip
        check_finite(self.theta, self.eta)


def check_finite(theta: Array, eta: float) -> None:
    """Raise DivergenceError if the weights are no longer finite."""
    if not np.isfinite(theta).all():
        raise DivergenceError(
            f"The steps diverged from a first size of {eta:.3g}: the weights are no longer finite. Use "
            "learning_rate='auto' or a smaller eta0, or scale the features."
        )


def shuffled(rows: int | Array, n_bytes: int, batch_size: int, random_state: np.random.RandomState) -> Iterator[Array]:
    """Yield the row numbers (``rows`` itself, or 0 ... rows - 1) in random order, a piece at a time.

    Data too large to be held in memory for sure are visited in pieces of neighbouring samples, the pieces in random
    order and shuffled within: random single rows of a memory map would be read a page each.
    """
    n = rows if isinstance(rows, int) else len(rows)
    piece = max(PIECE // batch_size, 1) * batch_size
    if n_bytes <= SHUFFLED_WHOLE:
        order = random_state.permutation(rows)
        yield from (order[start : start + piece] for start in range(0, n, piece))
        return
    for number in random_state.permutation(-(-n // piece)):
        start, stop = number * piece, min((number + 1) * piece, n)
        yield random_state.permutation(np.arange(start, stop) if isinstance(rows, int) else rows[start:stop])


def sgd(
    objective: Objective,
    theta: Array,
    *,
    tol: float,
    max_iter: int,
    monitor: Monitor,
    random_state: np.random.RandomState,
    n_iter_no_change: int = 1,
    held_back: Array | None = None,
    **settings: Any,
) -> Result:
    """Minimise ``objective`` by epochs of SGD until ``n_iter_no_change`` in a row fail to improve it by ``tol``.

    An epoch fails if it lowers the objective by less than ``tol`` times its value. With ``held_back``, numbers of
    samples that are not trained on, their mean loss takes the place of the objective, and the result is the best seen.
    ``settings`` are those of :class:`SGD`.
    """
    rows, validation = None, None
    if held_back is not None:
        objective, validation, rows = objective.without(held_back)
    state = SGD(objective, theta, **settings)
    best, best_theta, stale = np.inf, theta, 0
    for epoch in range(1, max_iter + 1):
        monitor.begin(best_theta)
        state = objective.run_epoch(state, rows, random_state)
        theta = state.theta
        value = objective.value(theta)
        judged = {} if validation is None else {"validation_loss": validation.value(theta)}
        judge = judged.get("validation_loss", value)
        stale = 0 if judge < best - tol * abs(best) or best == np.inf else stale + 1
        if judge < best or validation is None:
            best, best_theta = min(judge, best), theta
        if monitor.record(best_theta, objective=value, step=state.last_step, passes=epoch, **judged):
            return Result(best_theta, epoch, True, "stopped by a callback")
        if stale >= n_iter_no_change:
            what = "objective" if validation is None else "validation loss"
            if validation is None and value > best * (1 + max(tol, 0.01)):
                message = f"the {what} rose from {best:.3g} to {value:.3g}, which asks for smaller steps"
                return Result(best_theta, epoch, False, message)
            epochs = "epoch" if stale == 1 else "epochs"
            message = f"the {what} improved by less than tol = {tol:g} of its value in {stale} {epochs}"
            return Result(best_theta, epoch, True, message)
    return Result(best_theta, max_iter, False, f"max_iter reached; epochs still improve by more than tol = {tol:g}")
