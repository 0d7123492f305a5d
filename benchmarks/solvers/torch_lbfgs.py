"""PyTorch: ``torch.optim.LBFGS`` over all data, as one float32 tensor, on all threads."""

from collections.abc import Iterator

import numpy as np
import torch
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from benchmarks.rival import SteppingRival
from benchmarks.scoring import Weights
from mnistlr.threads import count_threads


class Solver(SteppingRival):
    """A look after every iteration; strong Wolfe line search."""

    name = "PyTorch L-BFGS"
    requirements = ["pip::torch"]  # noqa: RUF012
    dtype = np.float32
    dense_only = True

    def prepare(self) -> None:
        """Make tensors of the data."""
        self.X_torch = torch.from_numpy(self.X)
        self.y_torch = torch.from_numpy(self.y.astype(np.float32 if self.n_raw == 1 else np.int64))

    def steps(self) -> Iterator[Weights]:
        """Iterate; the state, with its memory of curvature, lives in the optimizer."""
        torch.set_num_threads(count_threads())
        W = torch.zeros((self.n_raw, self.X.shape[1]), requires_grad=True)
        b = torch.zeros(self.n_raw, requires_grad=True)
        optimizer = torch.optim.LBFGS([W, b], max_iter=1, history_size=10, line_search_fn="strong_wolfe")

        def closure() -> torch.Tensor:
            optimizer.zero_grad()
            raw = self.X_torch @ W.T + b
            if self.n_raw == 1:
                loss = binary_cross_entropy_with_logits(raw[:, 0], self.y_torch)
            else:
                loss = cross_entropy(raw, self.y_torch)
            loss = loss + self.alpha / 2 * W.square().sum()
            loss.backward()
            return loss

        while True:
            optimizer.step(closure)
            yield W.detach().numpy(), b.detach().numpy()
