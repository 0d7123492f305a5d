"""The function that every solver minimises.

    f(W, b) = 1/S sum_i s_i loss(W x_i + b, y_i) + alpha/2 ||W||^2,        S = sum_i s_i

over K x d weights W and K intercepts b, which carry no penalty. The loss is logistic for K = 1 and softmax for K > 1
(see ``kernels.losses``), s_i are sample weights. scikit-learn minimises the same function times S C, with
C = 1 / (alpha S).

Parameters travel as one float64 vector theta: W row by row, then b.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from mnistlr._support.arrays import Array, dot
from mnistlr._support.threads import add_up_chunks, run_chunks
from mnistlr.kernels.passes import hessian_vector, loss_gradient, loss_sum, second_moment_vector
from mnistlr.kernels.records import Data, Scratch, Weights, pack, unpack, zero_weights
from mnistlr.samples import Samples

__all__ = ["Objective"]

ONE_SIDED = (
    "All sample weight lies on one side of the split into training and validation; expected some on both. "
    "Use another random_state or early_stopping=False."
)


class Objective:
    """Mean loss plus L2 penalty of a linear model on given data.

    Parameters
    ----------
    samples : Samples
    y : ndarray of int32, shape (n,)
        Class numbers, 0 <= y < K; 0 and 1 for K = 1.
    n_raw : int
        K, the number of raw predictions of a sample.
    alpha : float
        Strength of the penalty, >= 0.
    sample_weight : ndarray of float64, shape (n,), optional
        Weights >= 0 with a positive sum; all 1 by default.
    fit_intercept : bool
        If False the intercepts stay 0: their gradient is reported as 0.
    n_threads : int
        The result has the same bits for any number of threads.
    """

    def __init__(
        self,
        samples: Samples,
        y: Array,
        n_raw: int,
        *,
        alpha: float,
        sample_weight: Array | None = None,
        fit_intercept: bool = True,
        n_threads: int = 1,
    ) -> None:
        self.samples, self.n_raw, self.alpha = samples, n_raw, alpha
        weight = np.ones(samples.n) if sample_weight is None else sample_weight
        self.data = Data(samples.X, y, weight)
        self.weight_sum = float(weight.sum())
        self.fit_intercept, self.n_threads = fit_intercept, n_threads
        self.n_weights = n_raw * samples.d
        self.n_parameters = self.n_weights + n_raw
        self._chunks = samples.chunks(bytes_each=8 * self.n_parameters)
        self._rooms: list[tuple[Scratch, Weights]] = []

    @classmethod
    def from_labels(cls, X: Any, y: npt.ArrayLike, *, alpha: float, **options: Any) -> "Objective":
        """Return the objective for data as they come.

        Parameters
        ----------
        X : array or CSR matrix, shape (n, d)
            uint8 (taken as intensities, x / 255), float32 or float64.
        y : array-like, shape (n,)
            Labels of any kind. Two different ones make the loss logistic, with the larger one as 1. More make it
            softmax.
        alpha : float
            Strength of the penalty, >= 0.
        **options
            ``sample_weight``, ``fit_intercept``, ``n_threads`` as for ``Objective``.

        Examples
        --------
        >>> from mnistlr import load_digits
        >>> X, y = load_digits()
        >>> objective = Objective.from_labels(X, y, alpha=1e-4)
        >>> objective.n_raw, objective.n_parameters
        (10, 650)
        """
        classes, numbers = np.unique(np.asarray(y), return_inverse=True)
        n_raw = 1 if len(classes) == 2 else len(classes)
        return cls(Samples.of(X), numbers.astype(np.int32), n_raw, alpha=alpha, **options)

    @property
    def y(self) -> Array:
        """The class numbers, (n,)."""
        return self.data.y

    @property
    def weight(self) -> Array:
        """The sample weights, (n,)."""
        return self.data.weight

    @property
    def precision(self) -> float:
        """Relative rounding error to expect in a value."""
        return 10 * float(np.finfo(self.samples.dtype).eps)

    @property
    def n_counted(self) -> int:
        """Number of samples with a positive weight."""
        return int(np.count_nonzero(self.weight))

    @property
    def unevenness(self) -> float:
        """mean s^2 / (mean s)^2 of the sample weights: 1 if all are alike."""
        return float(np.square(self.weight).mean() / self.weight.mean() ** 2)

    def zeros(self) -> Array:
        """Return the usual starting point, (K d + K,)."""
        return np.zeros(self.n_parameters)

    def unpack(self, theta: Array) -> tuple[Array, Array]:
        """Return views of theta: W (K, d) and b (K,)."""
        return theta[: self.n_weights].reshape(self.n_raw, self.samples.d), theta[self.n_weights :]

    def without(self, held_back: Array) -> tuple["Objective", "Objective", Array]:
        """Split the samples: return the objective on the others, the mean loss on ``held_back``, the others' numbers.

        The data are not copied, the samples that do not count get the weight zero.

        Raises
        ------
        ValueError
            If all weight lies on one side of the split.
        """
        is_held_back = np.zeros(self.samples.n, bool)
        is_held_back[held_back] = True
        if not (self.weight[is_held_back].any() and self.weight[~is_held_back].any()):
            raise ValueError(ONE_SIDED)
        others = self._on(self.samples, self.y, np.where(is_held_back, 0.0, self.weight))
        held = self._on(self.samples, self.y, np.where(is_held_back, self.weight, 0.0), alpha=0.0)
        return others, held, np.flatnonzero(~is_held_back)

    def on_rows(self, rows: Array, weight: Array) -> "Objective":
        """Return the same function over copies of the samples with these numbers, weighted anew."""
        return self._on(self.samples.take(rows), self.y[rows], weight)

    def on(self, samples: Samples, weight: Array) -> "Objective":
        """Return the function over other samples, all of class 0, for what does not depend on labels."""
        return self._on(samples, np.zeros(samples.n, np.int32), weight)

    def over(self, samples: Samples) -> "Objective":
        """Return the function over other features of the same samples."""
        return self._on(samples, self.y, self.weight)

    def every(self, stride: int) -> tuple[Samples, Array]:
        """Return copies of every ``stride``-th sample, the first included, and their weights."""
        return self.samples.every(stride), self.weight[::stride]

    def second_moment_vector(self, v: Array) -> Array:
        """(1/S sum_i s_i x~_i x~_i^T) v, x~ = (x, 1), for v (d + 1,), in one pass over the data."""
        return self.second_moment_vector_sum(v) / self.weight_sum

    def run_epoch(self, state: Any, rows: Array | None, random_state: np.random.RandomState) -> Any:
        """Let a stochastic solver's ``state`` go once over the samples ``rows`` (None: all); return it."""
        state.epoch(self, rows, random_state)
        return state

    def value(self, theta: Array) -> float:
        """f(theta)."""
        return self.loss_sum(theta) / self.weight_sum + self.penalty(theta)

    def value_and_gradient(self, theta: Array) -> tuple[float, Array]:
        """f(theta) and its gradient, in one pass over the data."""
        loss, gradient = self.loss_and_gradient_sums(theta)
        return loss / self.weight_sum + self.penalty(theta), self._mean_and_penalty(gradient, theta)

    def hessian_vector(self, theta: Array, vector: Array) -> Array:
        """Hessian of f at theta, times ``vector``, in one pass over the data."""
        return self._mean_and_penalty(self.hessian_vector_sum(theta, vector), vector)

    def loss_sum(self, theta: Array) -> float:
        """sum_i s_i loss_i."""
        weights = self._pack(theta)
        losses = np.zeros(len(self._chunks))

        def work(chunk: int) -> None:
            with self._room() as (scratch, _):
                losses[chunk] = loss_sum(self.data, *self._chunks[chunk], weights, self.n_raw, scratch)

        run_chunks(work, len(self._chunks), self.n_threads)
        return float(losses.sum())

    def loss_and_gradient_sums(self, theta: Array) -> tuple[float, Array]:
        """sum_i s_i loss_i and its gradient."""
        weights, often = self._pack(theta), self.samples.features_moved_often()
        losses = np.zeros(len(self._chunks))

        def work(chunk: int, gradient: Array) -> None:
            total = Weights(*self.unpack(gradient))
            with self._room() as (scratch, partial):
                losses[chunk] = loss_gradient(
                    self.data, *self._chunks[chunk], weights, self.n_raw, scratch, often, partial, total
                )

        gradient = add_up_chunks(work, len(self._chunks), self.n_threads, self.n_parameters)
        return float(losses.sum()), gradient

    def hessian_vector_sum(self, theta: Array, vector: Array) -> Array:
        """Hessian of sum_i s_i loss_i times ``vector``."""
        weights, direction, often = self._pack(theta), self._pack(vector), self.samples.features_moved_often()

        def work(chunk: int, product: Array) -> None:
            total = Weights(*self.unpack(product))
            with self._room() as (scratch, partial):
                hessian_vector(
                    self.data, *self._chunks[chunk], weights, direction, self.n_raw, scratch, often, partial, total
                )

        return add_up_chunks(work, len(self._chunks), self.n_threads, self.n_parameters)

    def second_moment_vector_sum(self, v: Array) -> Array:
        """sum_i s_i x~_i (x~_i . v)."""
        d, dtype = self.samples.d, self.samples.dtype
        weights = pack(v[np.newaxis, :d], v[d:], dtype)

        def work(chunk: int, product: Array) -> None:
            total = zero_weights(1, d, dtype)
            second_moment_vector(self.samples.X, self.weight, *self._chunks[chunk], *weights, *total)
            product += unpack(total, 1)

        return add_up_chunks(work, len(self._chunks), self.n_threads, d + 1)

    def _on(self, samples: Samples, y: Array, weight: Array, alpha: float | None = None) -> "Objective":
        """Return the objective of the same kind on other data."""
        alpha = self.alpha if alpha is None else alpha
        settings: dict[str, Any] = {"fit_intercept": self.fit_intercept, "n_threads": self.n_threads}
        return Objective(samples, y, self.n_raw, alpha=alpha, sample_weight=weight, **settings)

    def _mean_and_penalty(self, total: Array, argument: Array) -> Array:
        """Turn the sum of the samples' gradients at ``argument`` (or Hessians times it) into that of f, in place."""
        total /= self.weight_sum
        total_W, total_b = self.unpack(total)
        total_W += self.alpha * self.unpack(argument)[0]
        if not self.fit_intercept:
            total_b[:] = 0
        return total

    def penalty(self, theta: Array) -> float:
        """alpha/2 ||W||^2."""
        W = self.unpack(theta)[0].ravel()
        return 0.5 * self.alpha * float(dot(W, W))

    def _pack(self, theta: Array) -> Weights:
        return pack(*self.unpack(theta), self.samples.dtype)

    def scratch(self) -> Scratch:
        """Return room for what kernels note of a block of rows."""
        return self.samples.scratch(self.n_raw, full=not self.samples.has_zeros())

    @contextmanager
    def _room(self) -> Iterator[tuple[Scratch, Weights]]:
        """Lend room for a chunk: scratch, and zeros for a partial sum, which kernels leave as zeros.

        It is kept for the next chunk, because new memory costs as much as a third of the work in it.
        """
        try:
            room = self._rooms.pop()
        except IndexError:
            room = self.scratch(), zero_weights(self.n_raw, self.samples.d, self.samples.dtype)
        yield room
        self._rooms.append(room)  # not after an error, which may leave a partial sum
