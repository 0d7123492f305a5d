"""JAX: SGD over mini-batches in the order of the file, which spares it a shuffle; MNIST's authors had shuffled it."""

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.rival import SteppingRival
from benchmarks.scoring import Weights


class Solver(SteppingRival):
    """One jitted call does all the steps between two looks.

    Batch and step were found by trying 16 to 256 (two classes: up to all) and 0.05 to 0.5 (0.1 to 2).
    """

    name = "JAX"
    requirements = ["pip::jax"]  # noqa: RUF012
    dtype = np.float32
    dense_only = True
    PIECE = 960

    def prepare(self) -> None:
        """Hand the data over, and compile."""
        batch, step = (64, 0.5) if self.n_raw == 1 else (16, 0.1)
        n, n_raw, alpha, steps = len(self.y), self.n_raw, self.alpha, self.PIECE // batch
        self.X_jax, self.y_jax = jnp.asarray(self.X), jnp.asarray(self.y, jnp.int32)

        def mean_loss(weights: Any, Xb: Any, yb: Any) -> Any:
            raw = Xb @ weights[0].T + weights[1]
            penalty = alpha / 2 * jnp.square(weights[0]).sum()
            if n_raw == 1:
                return jnp.mean(jax.nn.softplus(raw[:, 0]) - yb * raw[:, 0]) + penalty
            right = jnp.take_along_axis(raw, yb[:, None], axis=1)[:, 0]
            return jnp.mean(jax.nn.logsumexp(raw, axis=1) - right) + penalty

        @jax.jit
        def piece(weights: Any, X: Any, y: Any, first: Any) -> Any:
            def descend(weights: Any, number: Any) -> Any:
                at = number * batch % (n - batch + 1)
                Xb, yb = (jax.lax.dynamic_slice_in_dim(array, at, batch) for array in (X, y))
                gradient = jax.grad(mean_loss)(weights, Xb, yb)
                return jax.tree.map(lambda w, g: w - step * g, weights, gradient), None

            return jax.lax.scan(descend, weights, first + jnp.arange(steps))[0]

        self.piece, self.steps_a_piece = piece, steps

    def steps(self) -> Iterator[Weights]:
        """Go through the file again and again."""
        weights, done = (jnp.zeros((self.n_raw, self.X.shape[1])), jnp.zeros(self.n_raw)), 0
        while True:
            weights = jax.block_until_ready(self.piece(weights, self.X_jax, self.y_jax, done))
            done += self.steps_a_piece
            yield weights
