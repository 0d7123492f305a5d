"""Others who fit the same models, each as quick as we could make it; the settings are the arguments' defaults.

Optional imports: a peer that is not installed raises ImportError, which callers turn into a line that says so. Mini-
batches are taken in the order of the file, which MNIST's authors had shuffled; that spares the peers a shuffle. Data
are converted to what suits a peer, and its code compiled, before the clock starts.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from benchmarks.scoring import Weights
from mnistlr.objective import Objective
from mnistlr.samples import Samples
from mnistlr.solvers import SGD
from mnistlr.threads import count_threads

Start = Callable[[], Iterator[Weights]]


def our_batches(X: Any, y: Any, n_raw: int, *, model: Any, seed: int, piece: int) -> Start:
    """Ours, in the same form: ``model``'s SGD as ``fit`` runs it, with the averaged weights after every ``piece``."""

    def start() -> Iterator[Weights]:
        objective = Objective(Samples.of(X), y.astype(np.int32), n_raw, alpha=model.alpha, n_threads=count_threads())
        state = SGD(objective, np.zeros(objective.n_parameters), batch_size=model.batch_size)
        random = np.random.RandomState(seed)
        while True:
            order = random.permutation(len(y))
            for first in range(0, len(y), piece):
                rows = order[first : first + piece]
                state.epoch(objective, rows, random)
                yield objective.unpack(state.theta)

    next(start())
    return start


def jax_batches(X: Any, y: Any, n_raw: int, *, batch: int, step: float, steps_a_piece: int) -> Start:
    """JAX: SGD over mini-batches (``batch`` = n: gradient descent); one jitted call does ``steps_a_piece`` steps."""
    import jax
    import jax.numpy as jnp

    n, d = X.shape
    Xj, yj = jnp.asarray(X / np.float32(255), jnp.float32), jnp.asarray(y, jnp.int32)

    def mean_loss(weights: Any, Xb: Any, yb: Any) -> Any:
        raw = Xb @ weights[0].T + weights[1]
        if n_raw == 1:
            return jnp.mean(jax.nn.softplus(raw[:, 0]) - yb * raw[:, 0])
        return jnp.mean(jax.nn.logsumexp(raw, axis=1) - jnp.take_along_axis(raw, yb[:, None], axis=1)[:, 0])

    @jax.jit
    def piece(weights: Any, Xj: Any, yj: Any, first: Any) -> Any:
        def descend(weights: Any, number: Any) -> Any:
            at = number * batch % (n - batch + 1)
            Xb, yb = (jax.lax.dynamic_slice_in_dim(array, at, batch) for array in (Xj, yj))
            gradient = jax.grad(mean_loss)(weights, Xb, yb)
            return jax.tree.map(lambda w, g: w - step * g, weights, gradient), None

        return jax.lax.scan(descend, weights, first + jnp.arange(steps_a_piece))[0]

    def start() -> Iterator[Weights]:
        weights, done = (jnp.zeros((n_raw, d)), jnp.zeros(n_raw)), 0
        while True:
            weights = jax.block_until_ready(piece(weights, Xj, yj, done))
            done += steps_a_piece
            yield weights

    next(start())
    return start


def torch_batches(X: Any, y: Any, n_raw: int, *, batch: int, step: float, steps_a_piece: int) -> Start:
    """PyTorch: a linear layer, its loss, ``torch.optim.SGD``; data as one float32 tensor."""
    import torch
    from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

    n, d = X.shape
    torch.set_num_threads(1)  # quicker than two for batches this small
    Xt = torch.from_numpy(X / np.float32(255))
    yt = torch.from_numpy(y.astype(np.float32 if n_raw == 1 else np.int64))

    def start() -> Iterator[Weights]:
        layer = torch.nn.Linear(d, n_raw)
        torch.nn.init.zeros_(layer.weight)
        torch.nn.init.zeros_(layer.bias)
        optimizer = torch.optim.SGD(layer.parameters(), lr=step)
        done = 0
        while True:
            for number in range(done, done + steps_a_piece):
                at = number * batch % (n - batch + 1)
                raw, labels = layer(Xt[at : at + batch]), yt[at : at + batch]
                loss = cross_entropy(raw, labels) if n_raw > 1 else binary_cross_entropy_with_logits(raw[:, 0], labels)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            done += steps_a_piece
            yield layer.weight.detach().numpy(), layer.bias.detach().numpy()

    next(start())
    return start


def intelex_lbfgs(X: Any, y: Any, dtype: Any = np.float32) -> Callable[[int], Any]:
    """scikit-learn-intelex: L-BFGS; the function it returns takes the number of iterations."""
    from sklearnex.linear_model import LogisticRegression

    X_float = X / np.asarray(255, dtype)
    return lambda max_iter: LogisticRegression(tol=1e-14, max_iter=max_iter).fit(X_float, y)


def sklearn_lbfgs(X: Any, y: Any) -> Callable[[int], Any]:
    """scikit-learn: L-BFGS in float32."""
    from sklearn.linear_model import LogisticRegression

    X32 = X / np.float32(255)
    return lambda max_iter: LogisticRegression(tol=1e-14, max_iter=max_iter).fit(X32, y)


def liblinear(X: Any, y: Any) -> Callable[[int], Any]:
    """liblinear through scikit-learn: float64, sparse. It penalises the intercept, unless that is scaled up."""
    from scipy.sparse import csr_matrix
    from sklearn.linear_model import LogisticRegression

    sparse = csr_matrix(X / 255)
    return lambda max_iter: LogisticRegression(
        solver="liblinear", tol=1e-14, max_iter=max_iter, intercept_scaling=30
    ).fit(sparse, y)


def newton_cholesky(X: Any, y: Any) -> Callable[[int], Any]:
    """scikit-learn: newton-cholesky in float32."""
    from sklearn.linear_model import LogisticRegression

    X32 = X / np.float32(255)
    return lambda max_iter: LogisticRegression(solver="newton-cholesky", tol=1e-14, max_iter=max_iter).fit(X32, y)


BINARY: dict[str, tuple[Callable[[Any, Any], Callable[[int], Any]], int]] = {
    "intelex lbfgs": (intelex_lbfgs, 512),
    "intelex lbfgs, float64": (partial(intelex_lbfgs, dtype=np.float64), 512),
    "scikit-learn lbfgs": (sklearn_lbfgs, 512),
    "liblinear": (liblinear, 64),
    "newton-cholesky": (newton_cholesky, 32),
}
"""Name -> what prepares a fit for alpha = 1 / n, and the most iterations that make sense."""
