"""Stochastic gradient descent in mini-batches, with averaged weights.

Step t looks at one batch B of the shuffled samples, whose weights s_i are scaled to a mean of 1:

    v       <- momentum v + 1/|B| sum_{i in B} s_i grad loss_i(theta) + alpha W
    theta   <- theta - eta_t M v,                           eta_t = eta (1 + t / T)^-power
    average <- average + share_t (theta - average),         share_t = (1 + q) / (t + q)

with T the steps of one epoch (Bottou, "Stochastic Gradient Descent Tricks", 2012). The answer is the average (Polyak &
Juditsky, SIAM J. Control Optim. 30, 1992), which forgets early steps polynomially (q = ``AVERAGING``; Shamir & Zhang,
ICML 2013, section 4). Given no step size, the metric M and eta are derived from the data, feature by feature
(``step_size``), so that raw pixels just work; with a given one M is the identity. Sparse data with many features take
the same steps, in which the features that a batch does not hold wait (``waiting``).
"""

import copy
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from mnistlr._support.arrays import Array
from mnistlr.exceptions import DivergenceError
from mnistlr.kernels.block import add_outer, find, multiply
from mnistlr.kernels.compiling import jit, jit_inline, jit_reorder
from mnistlr.kernels.lanes import lane_count, load, store
from mnistlr.kernels.losses import block_losses
from mnistlr.kernels.records import BLOCK, Data, aligned, pack, unpack, zero_weights
from mnistlr.kernels.rows import fetch_half
from mnistlr.objective import Objective
from mnistlr.samples import Csr
from mnistlr.solvers.first_pieces import Pieces
from mnistlr.solvers.iterate import Iterate
from mnistlr.solvers.step_size import StepSize, derive_step_size
from mnistlr.solvers.waiting import catch_up, catch_up_all, move_held, plan_waits

AVERAGING = 3.0  # q
PIECE = 16384  # samples between two looks at the interrupt flag
SHUFFLED_WHOLE = 1 << 30  # bytes of data that are shuffled sample by sample; larger ones in pieces


# ---------------------------------------------------------------------------------------------------------------
# The step, compiled
# ---------------------------------------------------------------------------------------------------------------


class Metric(NamedTuple):
    """The change of variables in which steps are taken: mu (d,) and M (d,), see ``step_size``."""

    mean: Array
    metric: Array


class Rule(NamedTuple):
    """The numbers in the equations above; ``intercept`` is 0 or 1, whether intercepts move."""

    n_raw: int
    batch_size: int
    eta: float
    horizon: float
    power: float
    alpha: float
    momentum: float
    intercept: float


@jit
def sgd_steps(data, order, theta, velocity, average, metric, rule, t, scratch):
    """Take a step for each batch of the samples in ``order``; return the number of steps done so far, t.

    ``theta``, ``velocity`` and ``average`` are changed in place.
    """
    for first in range(0, order.shape[0], rule.batch_size):
        last = min(first + rule.batch_size, order.shape[0])
        add_batch_gradient(data, order, first, last, rule.n_raw, theta, velocity, scratch)
        t += 1
        step = rule.eta * (1.0 + t / rule.horizon) ** -rule.power
        share = (1.0 + AVERAGING) / (t + AVERAGING)
        move(theta.W, theta.b, velocity, average, metric, rule, step, share)
    return t


@jit
def sparse_sgd_steps(data, order, theta, velocity, average, metric, rule, waits, scratch):
    """Do the same with features that wait, then bring all of them up to date; return the number of steps."""
    t = 0
    for first in range(0, order.shape[0], rule.batch_size):
        last = min(first + rule.batch_size, order.shape[0])
        rows = order[first:last]
        catch_up(data.X, rows, theta, average, metric, rule.alpha, t, waits)
        add_batch_gradient(data, order, first, last, rule.n_raw, theta, velocity, scratch)
        t += 1
        move_held(data.X, rows, theta, velocity, average, metric, rule, t, waits)
    catch_up_all(theta, average, metric, rule.alpha, t, waits)
    return t


@jit_inline
def add_batch_gradient(data, order, first, last, n_raw, theta, velocity, scratch):
    """v += 1/|B| sum_{i in B} s_i grad loss_i(theta) over the batch B = order[first:last]."""
    for i in range(first, last, BLOCK):
        m = take_shuffled(data.X, order, i, last, scratch)
        multiply(data.X, m, theta.W, theta.b, scratch, scratch.raw)
        block_losses(scratch.raw, m, n_raw, data, scratch.rows, 1.0 / (last - first))
        add_outer(data.X, m, scratch, scratch.raw, velocity.W, velocity.b)


@jit_inline
def take_shuffled(X, order, first, last, scratch):
    """Number the rows of the next block of a batch and find their entries; return how many rows it has."""
    m = min(BLOCK, last - first)
    for r in range(m):
        scratch.rows[r], coming = order[first + r], order[min(first + r + BLOCK, order.shape[0] - 1)]
        scratch.rows[BLOCK + r] = coming
        if scratch.columns.shape[0] == 0:  # rows that are read whole: nobody else asks for them
            fetch_half(X, coming, 0)
            fetch_half(X, coming, 1)
        find(X, r, scratch)
    return m


@jit
def move(W, b, velocity, average, metric, rule, step, share):
    """W <- W - step M (v + alpha W), v <- momentum (v + alpha W) and average <- average + share (W - average).

    In the variables of ``step_size``: w_j moves by -step metric_j (v_j - v_b mean_j), and b by -step v_b less the
    change of w . mean.
    """
    F = W.dtype.type
    v, v_b, mean = velocity.W, velocity.b, metric.mean
    alpha, momentum, share = F(rule.alpha), F(rule.momentum), F(share)
    if W.ndim == 1:
        drift = _move_vector(W, v, v_b[0], average.W, metric, F(step), alpha, momentum, share)
        b[0] -= F(rule.intercept) * (F(step) * v_b[0] + drift)
    else:
        for c in range(0, W.shape[1], lane_count(W)):
            g_b = load(v_b, c)
            drift = g_b * 0
            for j in range(W.shape[0]):
                place = j * W.shape[1] + c
                w = load(W, place)
                u = load(v, place) + w * alpha
                change = (u - g_b * mean[j]) * (F(-step) * metric.metric[j])
                w += change
                drift += change * mean[j]
                store(W, place, w)
                store(v, place, u * momentum)
                a = load(average.W, place)
                store(average.W, place, a + (w - a) * share)
            store(b, c, load(b, c) - (g_b * F(step) + drift) * F(rule.intercept))
    for k in range(b.shape[0]):
        average.b[k] += share * (b[k] - average.b[k])
        v_b[k] *= momentum


@jit_reorder
def _move_vector(w, v, v_b, average, metric, step, alpha, momentum, share):
    """Do the same for one row of weights; return the change of w . mean."""
    mean, drift = metric.mean, w.dtype.type(0)
    for j in range(w.shape[0]):
        u = v[j] + alpha * w[j]
        change = -step * metric.metric[j] * (u - v_b * mean[j])
        w[j] += change
        drift += change * mean[j]
        v[j] = momentum * u
        average[j] += share * (w[j] - average[j])
    return drift


# ---------------------------------------------------------------------------------------------------------------
# The epochs
# ---------------------------------------------------------------------------------------------------------------


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
    step_scale : float
        How many times as long a derived step is, as far as the penalty lets it; see ``step_size``.
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
        step_scale: float = 1.0,
        power: float = 0.5,
        average: bool = True,
        momentum: float = 0.0,
    ) -> None:
        samples = objective.samples
        self.n_raw, self.unit = objective.n_raw, samples.unit
        self.batch_size, self.power, self.average, self.momentum = batch_size, power, average, momentum
        self.is_derived, self.step_scale = eta is None, step_scale
        self.rare = np.zeros(samples.d, bool) if momentum else samples.rare_features(batch_size, self.n_raw)
        if eta is None:
            self._take(derive_step_size(objective, batch_size, self.rare, step_scale), samples.dtype)
        else:
            self._take(StepSize(np.zeros(samples.d), np.ones(samples.d), eta, eta, np.inf), samples.dtype)
        self.restart(objective, theta)
        self.steps, self.pieces = 0, Pieces()
        self.horizon = max(1.0, objective.n_counted / batch_size)

    def _take(self, step: StepSize, dtype: Any) -> None:
        """Take a step size, in arrays of its own: copies of this state keep theirs."""
        self.eta = step.eta * (1 - self.momentum) if self.is_derived else step.eta
        self.step_size = step
        self.metric = Metric(aligned(step.mean.shape, dtype), aligned(step.mean.shape, dtype))
        self.metric.mean[:], self.metric.metric[:] = step.mean, step.metric

    def restart(self, objective: Objective, theta: Array) -> None:
        """Go to ``theta`` and stand still there. Step size and number of steps stay."""
        samples = objective.samples
        self.point = pack(*objective.unpack(theta), samples.dtype)
        self.averaged = pack(*objective.unpack(theta), samples.dtype)
        self.velocity = zero_weights(self.n_raw, samples.d, samples.dtype)

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore a copy or a pickled state: arrays of its own, at cache lines again."""
        self.__dict__ = dict(state)
        for name in ("point", "averaged", "velocity"):
            weights = zero_weights(self.n_raw, len(state[name].W), state[name].W.dtype)
            weights.W[:], weights.b[:] = state[name]
            self.__dict__[name] = weights

    @property
    def theta(self) -> Array:
        """The current answer, float64."""
        return unpack(self.averaged if self.average else self.point, self.n_raw)

    @property
    def last_step(self) -> float:
        """The size of the last step."""
        return float(self.eta * (1 + self.steps / self.horizon) ** -self.power)

    def piece(self, objective: Objective, exponent: int, random_state: np.random.RandomState) -> None:
        """Go once over a piece of the data, whose weights are those of ``objective`` times 2^exponent.

        Raises
        ------
        DivergenceError
            If the weights are no longer finite.
        """
        self.pieces = copy.copy(self.pieces)  # copies of this state keep theirs
        unit_weight = self.pieces.add(objective, exponent)
        if self.is_derived:
            n, size = objective.samples.n, min(self.batch_size, objective.samples.n)
            step, is_larger = self.pieces.derive_step_size(objective, size, self.step_size, self.rare, self.step_scale)
            if step is not None:
                self._take(step, objective.samples.dtype)
                self.horizon = max(self.horizon, self.steps + n / size)
            if is_larger and objective.value(self.theta) > objective.value(objective.zeros()):
                self.restart(objective, objective.zeros())  # zeros fit better than what other units have left behind
        self.epoch(objective, None, random_state, unit_weight)

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
        weight = objective.weight if mean_weight == 1 else objective.weight / mean_weight
        data = Data(samples.X, objective.y, weight)
        rule = Rule(
            self.n_raw,
            self.batch_size,
            self.eta,
            self.horizon,
            self.power,
            objective.alpha,
            self.momentum,
            float(objective.fit_intercept),
        )
        scratch = objective.scratch()
        some_wait = bool(self.rare.any()) and isinstance(samples, Csr)
        for order in shuffled(samples.n if rows is None else rows, samples.nbytes, self.batch_size, random_state):
            state = self.point, self.velocity, self.averaged, self.metric, rule
            if some_wait:
                t = self.steps + 1 + np.arange(-(-len(order) // self.batch_size))
                sizes = self.eta * (1 + t / self.horizon) ** -self.power
                waits = plan_waits(self.steps, sizes, self.metric.mean, self.point.b)
                self.steps += sparse_sgd_steps(data, order, *state, waits, scratch)
            else:
                self.steps = sgd_steps(data, order, *state, self.steps, scratch)
        check_finite(self.theta, self.eta)
        check_penalty_step(self.last_step * float(self.metric.metric.max()), objective.alpha, self.momentum)


def sgd(
    objective: Objective,
    theta: Array | None = None,
    *,
    rows: Array | None = None,
    random_state: np.random.RandomState | None = None,
    **settings: Any,
) -> Iterator[Iterate]:
    """Yield the answer after each epoch, for as long as it is asked for.

    Parameters
    ----------
    objective : Objective
    theta : ndarray, optional
        Starting point; zeros by default.
    rows : ndarray of int, optional
        Numbers of the samples to go over; all by default.
    random_state : RandomState, optional
        Shuffles the samples.
    **settings
        Of ``SGD``: batch_size, eta, step_scale, power, average, momentum.
    """
    random_state = np.random.RandomState() if random_state is None else random_state
    state = SGD(objective, objective.zeros() if theta is None else theta, **settings)
    epoch = 0
    while True:
        state = objective.run_epoch(state, rows, random_state)
        epoch += 1
        theta = state.theta
        yield Iterate(epoch, theta, objective.value(theta), step=state.last_step, passes=epoch)


def check_finite(theta: Array, eta: float) -> None:
    """Raise DivergenceError if the weights are no longer finite."""
    if not np.isfinite(theta).all():
        raise DivergenceError(
            f"The steps diverged from a first size of {eta:.3g}: the weights are no longer finite. Use "
            "learning_rate='auto' with a smaller step_scale, or a smaller eta0, or scale the features."
        )


def check_penalty_step(step: float, alpha: float, momentum: float) -> None:
    """Raise DivergenceError if the step is so large that the penalty alone multiplies weights by less than -1."""
    if step * alpha > 2 * (1 + momentum):
        raise DivergenceError(
            f"The steps diverge: they are still {step:.3g} long, and with alpha={alpha:g} each enlarges the weights. "
            f"Expected step * alpha <= {2 * (1 + momentum):g}: use learning_rate='auto' or a smaller eta0."
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
