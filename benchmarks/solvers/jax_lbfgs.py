"""JAX: SciPy's L-BFGS over one jitted value and gradient of all data, the usual way to run it there."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy.optimize import minimize

from benchmarks.rival import Rival
from benchmarks.scoring import Weights


class Solver(Rival):
    """In float32, which is what JAX is made for, on all threads; as much memory of the curvature as ours."""

    name = "JAX L-BFGS"
    requirements = ["pip::jax"]  # noqa: RUF012
    dtype = np.float32
    dense_only = True

    def prepare(self) -> None:
        """Hand the data over."""
        n_raw, alpha = self.n_raw, self.alpha
        self.shape = (n_raw, self.X.shape[1] + 1)
        self.X_jax, self.y_jax = jnp.asarray(self.X), jnp.asarray(self.y, jnp.int32)

        def objective(theta: Any, X: Any, y: Any) -> Any:
            W, b = theta[:, :-1], theta[:, -1]
            raw = X @ W.T + b
            penalty = alpha / 2 * jnp.square(W).sum()
            if n_raw == 1:
                return jnp.mean(jax.nn.softplus(raw[:, 0]) - y * raw[:, 0]) + penalty
            right = jnp.take_along_axis(raw, y[:, None], axis=1)[:, 0]
            return jnp.mean(jax.nn.logsumexp(raw, axis=1) - right) + penalty

        self.value_and_gradient = jax.jit(jax.value_and_grad(objective))

    def fit(self, n_iter: int) -> Any:
        """Run ``n_iter`` iterations."""

        def function(theta: Any) -> tuple[float, Any]:
            value, gradient = self.value_and_gradient(
                jnp.asarray(theta.reshape(self.shape), jnp.float32), self.X_jax, self.y_jax
            )
            return float(value), np.asarray(gradient, np.float64).ravel()

        options = {"maxiter": n_iter, "maxfun": 10 * n_iter, "maxcor": 10, "ftol": 0, "gtol": 0}
        start = np.zeros(self.shape[0] * self.shape[1])
        return minimize(function, start, jac=True, method="L-BFGS-B", options=options).x

    def weights(self) -> Weights:
        """Return them; the intercepts are the last column."""
        theta = self.fitted.reshape(self.shape)
        return theta[:, :-1], theta[:, -1]
