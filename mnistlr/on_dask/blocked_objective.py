"""The objective on samples that lie elsewhere, block by block; ``mnistlr.objective`` is for samples in this process.

The solvers are the same and run here. A pass over the data runs the compiled pass on each block, where the block lies.
Only weights go there and only sums come back, which are added in a fixed order (``tree``). So the result depends on the
data and on their cuts into blocks, but not on the worker of a block.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self

import numpy as np
import scipy.sparse as sp

from mnistlr._support.arrays import Array
from mnistlr.objective import ONE_SIDED, Objective
from mnistlr.on_dask import worker
from mnistlr.on_dask.worker import Block
from mnistlr.samples import Samples


class Runner(Protocol):
    """Has the blocks and runs functions of a block on them, like ``cluster.ClusterRunner``."""

    n_blocks: int

    def each(self, function: Callable[..., Any], *arguments: Any, own: Sequence[tuple[Any, ...]] = ()) -> list[Any]:
        """Return ``function(block, *own[number], *arguments)`` for each block."""

    def change(self, function: Callable[..., Block], *arguments: Any, own: Sequence[tuple[Any, ...]] = ()) -> Self:
        """Return the runner of the changed blocks, the results of ``function`` called likewise."""

    def add_up(self, function: Callable[..., Array], *arguments: Any) -> Array:
        """Return the sum of ``function(block, n_threads, *arguments)`` over the blocks, along the fixed tree."""

    def relay(self, function: Callable[..., Any], baton: Any, order: Sequence[int], *arguments: Any) -> Any:
        """Pass a baton from block to block: ``baton = function(block, baton, *arguments)``; return the last."""


@dataclass(frozen=True)
class BlockedSamples(Samples):
    """The facts about the samples that solvers need besides passes over them; X is None.

    Attributes
    ----------
    runner : holds the blocks
    starts : number of the first sample of each block, and the number of all samples
    """

    runner: Runner
    starts: Array

    @property
    def nbytes(self) -> int:
        """Nothing lies here."""
        return 0

    def peaks(self, n_threads: int = 1) -> Array:
        """Return the largest absolute value of every feature, (d,)."""
        return np.max(self.runner.each(worker.peaks), axis=0)  # type: ignore[no-any-return]

    def entry_counts(self) -> Array | None:
        """Return in how many samples each feature has an entry, (d,), or None where zeros are stored, too."""
        counts = [one for one in self.runner.each(worker.entry_counts) if one is not None]
        return np.sum(counts, axis=0) if counts else None

    def every(self, stride: int) -> Samples:
        """Return a copy of every ``stride``-th sample, the first included."""
        return self.every_with_weight(stride)[0]

    def every_with_weight(self, stride: int) -> tuple[Samples, Array]:
        """Return a copy of every ``stride``-th sample of all, counted through the blocks, and their weights."""
        own = [(-int(start) % stride,) for start in self.starts[:-1]]
        matrices, weights = zip(*self.runner.each(worker.every, stride, own=own), strict=True)
        X = sp.vstack(matrices, format="csr") if sp.issparse(matrices[0]) else np.concatenate(matrices)
        return Samples.of(X), np.concatenate(weights)


class BlockedObjective(Objective):
    """Mean loss plus L2 penalty on samples in blocks.

    Parameters
    ----------
    samples : BlockedSamples
    n_raw, alpha, fit_intercept
        As for ``Objective``.

    Attributes
    ----------
    watch : callable or None
        Called with each value and gradient norm that is computed.
    """

    samples: BlockedSamples

    def __init__(
        self,
        samples: BlockedSamples,
        n_raw: int,
        *,
        alpha: float,
        fit_intercept: bool,
    ) -> None:
        self.samples, self.runner = samples, samples.runner
        self.watch: Callable[[float, float], None] | None = None
        self.n_raw, self.alpha, self.fit_intercept = n_raw, alpha, fit_intercept
        self.n_threads = 1  # little is computed here
        self.n_weights = n_raw * samples.d
        self.n_parameters = self.n_weights + n_raw
        self._sums = self.runner.add_up(worker.weight_sums)
        self.weight_sum = float(self._sums[0])

    def _like_this(self, runner: Runner, n_raw: int, alpha: float) -> "BlockedObjective":
        samples = BlockedSamples(
            None, self.samples.n, self.samples.d, self.samples.unit, self.samples.dtype, runner, self.samples.starts
        )
        return BlockedObjective(samples, n_raw, alpha=alpha, fit_intercept=self.fit_intercept)

    @property
    def n_counted(self) -> int:
        """Number of samples with a positive weight."""
        return int(self._sums[2])

    @property
    def unevenness(self) -> float:
        """mean s^2 / (mean s)^2 of the sample weights."""
        n = self.samples.n
        return float((self._sums[1] / n) / (self._sums[0] / n) ** 2)

    @property
    def y(self) -> Array:
        """The class numbers of all samples, (n,): a byte a sample comes here."""
        return np.concatenate(self.runner.each(worker.labels))

    def every(self, stride: int) -> tuple[Samples, Array]:
        """Return copies of every ``stride``-th sample, and their weights."""
        return self.samples.every_with_weight(stride)

    def without(self, held_back: Array) -> tuple["BlockedObjective", "BlockedObjective", Array]:
        """Split the samples, numbered through the blocks, as ``Objective.without`` does.

        The third result stays empty: each block keeps the numbers of the samples to train on.
        """
        is_held_back = np.zeros(self.samples.n, bool)
        is_held_back[held_back] = True
        own = [(mask,) for mask in np.split(is_held_back, self.samples.starts[1:-1])]
        others = self._like_this(self.runner.change(worker.restrict, False, own=own), self.n_raw, self.alpha)
        held = self._like_this(self.runner.change(worker.restrict, True, own=own), self.n_raw, 0.0)
        if not (held.n_counted and others.n_counted):
            raise ValueError(ONE_SIDED)
        others.watch = self.watch
        return others, held, np.empty(0, np.intp)

    def run_epoch(self, state: Any, rows: Array | None, random_state: np.random.RandomState) -> Any:
        """Let ``state`` travel from block to block, in random order; return it."""
        order = [int(number) for number in random_state.permutation(self.runner.n_blocks)]
        mean_weight = float(self._sums[3] / self._sums[4])
        state, after = self.runner.relay(
            worker.sgd_epoch, (state, random_state), order, self.n_raw, self.alpha, self.fit_intercept, mean_weight
        )
        random_state.set_state(after.get_state())
        return state

    def value(self, theta: Array) -> float:
        """f(theta)."""
        value = super().value(theta)
        if self.watch:
            self.watch(value, np.nan)
        return value

    def value_and_gradient(self, theta: Array) -> tuple[float, Array]:
        """f(theta) and its gradient, in one pass over the blocks."""
        value, gradient = super().value_and_gradient(theta)
        if self.watch:
            self.watch(value, float(np.abs(gradient).max()))
        return value, gradient

    def loss_sum(self, theta: Array) -> float:
        """sum_i s_i loss_i."""
        return float(self.runner.add_up(worker.loss_sum, self.n_raw, theta)[0])

    def loss_and_gradient_sums(self, theta: Array) -> tuple[float, Array]:
        """sum_i s_i loss_i and its gradient."""
        sums = self.runner.add_up(worker.loss_and_gradient_sums, self.n_raw, theta)
        return float(sums[0]), sums[1:]

    def hessian_vector_sum(self, theta: Array, vector: Array) -> Array:
        """Hessian of sum_i s_i loss_i times ``vector``."""
        return self.runner.add_up(worker.hessian_vector_sum, self.n_raw, theta, vector)

    def second_moment_vector_sum(self, v: Array) -> Array:
        """sum_i s_i x~_i (x~_i . v)."""
        return self.runner.add_up(worker.second_moment_vector_sum, v)
