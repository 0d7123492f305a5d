"""PyTorch: a linear layer, its loss, ``torch.optim.SGD``; data as one float32 tensor, in the order of the file."""

from collections.abc import Iterator

import numpy as np
import torch
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from benchmarks.rival import SteppingRival
from benchmarks.scoring import Weights


class Solver(SteppingRival):
    """Batch and step were found by trying 16 to 256 (two classes: up to all) and 0.05 to 0.5 (0.1 to 2)."""

    name = "PyTorch"
    requirements = ["pip::torch"]  # noqa: RUF012
    dtype = np.float32
    dense_only = True
    PIECE = 960
    BATCH = 64

    def prepare(self) -> None:
        """Make tensors of the data."""
        self.X_torch = torch.from_numpy(self.X)
        self.y_torch = torch.from_numpy(self.y.astype(np.float32 if self.n_raw == 1 else np.int64))

    def steps(self) -> Iterator[Weights]:
        """Go through the file again and again."""
        torch.set_num_threads(1)  # quicker than two for batches this small
        layer = torch.nn.Linear(self.X.shape[1], self.n_raw)
        torch.nn.init.zeros_(layer.weight)
        torch.nn.init.zeros_(layer.bias)
        groups = [{"params": [layer.weight], "weight_decay": self.alpha}, {"params": [layer.bias]}]
        optimizer = torch.optim.SGD(groups, lr=0.5 if self.n_raw == 1 else 0.2)
        done = 0
        while True:
            for number in range(done, done + self.PIECE // self.BATCH):
                at = number * self.BATCH % (len(self.y) - self.BATCH + 1)
                raw, labels = layer(self.X_torch[at : at + self.BATCH]), self.y_torch[at : at + self.BATCH]
                if self.n_raw == 1:
                    loss = binary_cross_entropy_with_logits(raw[:, 0], labels)
                else:
                    loss = cross_entropy(raw, labels)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            done += self.PIECE // self.BATCH
            yield layer.weight.detach().numpy(), layer.bias.detach().numpy()
