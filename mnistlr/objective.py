"""The function that every solver minimises.

    f(W, b) = 1/S sum_i s_i loss(W x_i + b, y_i) + alpha/2 ||W||^2,        S = sum_i s_i

over K x d weights W and K intercepts b, which carry no penalty. The loss is logistic for K = 1 and softmax for K > 1
(see ``kernels.losses``), s_i are sample weights. scikit-learn minimises the same function times S C, with
C = 1 / (alpha S).

Parameters travel as one float64 vector theta: W row by row, then b.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from mnistlr import kernels
from mnistlr._support.threads import add_up_chunks, run_chunks
from mnistlr.samples import Samples, pad_vector

Array = npt.NDArray[Any]

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
        self.samples, self.y, self.n_raw, self.alpha = samples, y, n_raw, alpha
        self.weight = np.ones(samples.n) if sample_weight is None else sample_weight
        self.weight_sum = float(self.weight.sum())
        self.fit_intercept, self.n_threads = fit_intercept, n_threads
        self.n_weights = n_raw * samples.d
        self.n_parameters = self.n_weights + n_raw
        self._chunks = samples.chunks(bytes_each=8 * self.n_parameters)

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

        def restricted(counts: Array, alpha: float) -> "Objective":
            weight = np.where(counts, self.weight, 0.0)
            return Objective(
                self.samples, self.y, self.n_raw, alpha=alpha, sample_weight=weight,
                fit_intercept=self.fit_intercept, n_threads=self.n_threads,
            )  # fmt: skip

        rows = np.flatnonzero(~is_held_back)
        return restricted(~is_held_back, self.alpha), restricted(is_held_back, 0.0), rows

    def every(self, stride: int) -> tuple[Samples, Array]:
        """Return copies of every ``stride``-th sample, the first included, and their weights."""
        return self.samples.every(stride), self.weight[::stride]

    def logistic(self) -> "Objective":
        """Return the objective on the same samples with one raw prediction, no penalty, and all labels 0."""
        return Objective(
            self.samples, np.zeros_like(self.y), 1, alpha=0.0, sample_weight=self.weight,
            fit_intercept=self.fit_intercept, n_threads=self.n_threads,
        )  # fmt: skip

    def run_epoch(self, state: Any, rows: Array | None, random_state: np.random.RandomState) -> Any:
        """Let a stochastic solver's ``state`` go once over the samples ``rows`` (None: all); return it."""
        state.epoch(self, rows, random_state)
        return state

    def value(self, theta: Array) -> float:
        """f(theta)."""
        return self.loss_sum(theta) / self.weight_sum + self._penalty(theta)

    def value_and_gradient(self, theta: Array) -> tuple[float, Array]:
        """f(theta) and its gradient, in one pass over the data."""
        loss, gradient = self.loss_and_gradient_sums(theta)
        return loss / self.weight_sum + self._penalty(theta), self._mean_and_penalty(gradient, theta)

    def hessian_vector(self, theta: Array, vector: Array) -> Array:
        """Hessian of f at theta, times ``vector``, in one pass over the data."""
        return self._mean_and_penalty(self.hessian_vector_sum(theta, vector), vector)

    def loss_sum(self, theta: Array) -> float:
        """sum_i s_i loss_i."""
        W, b = self._for_kernels(theta)
        losses = np.zeros(len(self._chunks))

        def work(chunk: int) -> None:
            losses[chunk] = kernels.loss_sum(
                self.samples.X, self.y, self.weight, *self._chunks[chunk], W, b, self.n_raw,
                *self.samples.scratch(len(W)),
            )  # fmt: skip

        run_chunks(work, len(self._chunks), self.n_threads)
        return float(losses.sum())

    def loss_and_gradient_sums(self, theta: Array) -> tuple[float, Array]:
        """sum_i s_i loss_i and its gradient; the features are not yet multiplied with their scale."""
        W, b = self._for_kernels(theta)
        losses = np.zeros(len(self._chunks))

        def work(chunk: int, gradient: Array) -> None:
            losses[chunk] = kernels.loss_gradient(
                self.samples.X, self.y, self.weight, *self._chunks[chunk], W, b, self.n_raw,
                *self.samples.scratch(len(W)), *self.samples.partial(len(W)), *self.unpack(gradient),
            )  # fmt: skip

        gradient = add_up_chunks(work, len(self._chunks), self.n_threads, self.n_parameters)
        return float(losses.sum()), gradient

    def hessian_vector_sum(self, theta: Array, vector: Array) -> Array:
        """Hessian of sum_i s_i loss_i times ``vector``; the features are not yet multiplied with their scale."""
        (W, b), (V, c) = self._for_kernels(theta), self._for_kernels(vector)
        rows = len(W)
        W, b = np.concatenate([W, V]), np.concatenate([b, c])

        def work(chunk: int, product: Array) -> None:
            kernels.hessian_vector(
                self.samples.X, self.weight, *self._chunks[chunk], W, b, self.n_raw,
                *self.samples.scratch(len(W)), *self.samples.partial(rows), *self.unpack(product),
            )  # fmt: skip

        return add_up_chunks(work, len(self._chunks), self.n_threads, self.n_parameters)

    def _mean_and_penalty(self, total: Array, argument: Array) -> Array:
        """Turn the sum of the samples' gradients at ``argument`` (or Hessians times it) into that of f, in place."""
        total /= self.weight_sum
        total_W, total_b = self.unpack(total)
        total_W *= self.samples.scale
        total_W += self.alpha * self.unpack(argument)[0]
        if not self.fit_intercept:
            total_b[:] = 0
        return total

    def _penalty(self, theta: Array) -> float:
        W = self.unpack(theta)[0].ravel()
        return 0.5 * self.alpha * float(W @ W)

    def _for_kernels(self, theta: Array) -> tuple[Array, Array]:
        """Fold the scale of the data into W; arithmetic type and padding of the kernels."""
        W, b = self.unpack(theta)
        return self.samples.pad(W * self.samples.scale), pad_vector(b, self.samples.dtype)
