"""PyTorch: ``torch.optim.LBFGS`` over all data, as one float32 tensor, on all threads."""

from typing import Any

import numpy as np
import torch
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from benchmarks.rival import Rival
from benchmarks.scoring import Weights
from mnistlr._support.threads import count_threads


class Solver(Rival):
    """Strong Wolfe line search; all iterations in one ``step``, which spares it an evaluation in each."""

    name = "PyTorch L-BFGS"
    requirements = ["pip::torch"]  # noqa: RUF012
    dtype = np.float32
    dense_only = True

    def prepare(self) -> None:
        """Make tensors of the data."""
        self.X_torch = torch.from_numpy(self.X)
        self.y_torch = torch.from_numpy(self.y.astype(np.float32 if self.n_raw == 1 else np.int64))

    def fit(self, n_iter: int) -> Any:
        """Run ``n_iter`` iterations."""
        torch.set_num_threads(count_threads())
        W = torch.zeros((self.n_raw, self.X.shape[1]), requires_grad=True)
        b = torch.zeros(self.n_raw, requires_grad=True)
        optimizer = torch.optim.LBFGS(
            [W, b], max_iter=n_iter, max_eval=10 * n_iter, history_size=10, tolerance_grad=0, tolerance_change=0,
            line_search_fn="strong_wolfe",
        )  # fmt: skip

        def closure() -> torch.Tensor:
            optimizer.zero_grad()
            raw = torch.nn.functional.linear(self.X_torch, W, b)
            if self.n_raw == 1:
                loss = binary_cross_entropy_with_logits(raw[:, 0], self.y_torch)
            else:
                loss = cross_entropy(raw, self.y_torch)
            loss = loss + self.alpha / 2 * W.square().sum()
            loss.backward()
            return loss

        optimizer.step(closure)
        return W, b

    def weights(self) -> Weights:
        """Return what was optimised."""
        return tuple(tensor.detach().numpy() for tensor in self.fitted)
