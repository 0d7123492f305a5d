"""PyTorch: a linear layer, its loss, ``torch.optim.SGD``; data as one float32 tensor, in the order of the file."""

import itertools
from collections.abc import Iterator

import numpy as np
import torch
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from benchmarks.rival import SteppingRival
from benchmarks.scoring import Weights


class Solver(SteppingRival):
    """The weights are averaged, recent ones most; with Nesterov's momentum for ten classes.

    Tried: batches of 16 to 512, steps of 0.05 to 2, momentum 0 and 0.9, averages or none, one thread and two, fused or
    not. Each step costs PyTorch far more than its arithmetic, so that it does best with few large ones.
    """

    name = "PyTorch"
    requirements = ["pip::torch"]  # noqa: RUF012
    dtype = np.float32
    dense_only = True
    BATCH = 256
    LOOK = 8  # batches
    MEMORY = 8  # looks

    def prepare(self) -> None:
        """Make tensors of the data."""
        X, y = torch.from_numpy(self.X), torch.from_numpy(self.y.astype(np.float32 if self.n_raw == 1 else np.int64))
        whole = max(self.BATCH, len(y) // self.BATCH * self.BATCH)  # the remainder is less than a batch
        self.batches = list(zip(X[:whole].split(self.BATCH), y[:whole].split(self.BATCH), strict=True))

    def steps(self) -> Iterator[Weights]:
        """Go through the file again and again."""
        torch.set_num_threads(1)  # quicker than two for batches this small
        layer = torch.nn.Linear(self.X.shape[1], self.n_raw)
        torch.nn.init.zeros_(layer.weight)
        torch.nn.init.zeros_(layer.bias)
        groups = [{"params": [layer.weight], "weight_decay": self.alpha}, {"params": [layer.bias]}]
        settings = {"lr": 2.0} if self.n_raw == 1 else {"lr": 0.2, "momentum": 0.9, "nesterov": True}
        optimizer = torch.optim.SGD(groups, **settings)
        averages = [torch.zeros_like(part) for part in layer.parameters()]
        for look in itertools.count():
            for number in range(look * self.LOOK, (look + 1) * self.LOOK):
                X, labels = self.batches[number % len(self.batches)]
                raw = layer(X)
                if self.n_raw == 1:
                    loss = binary_cross_entropy_with_logits(raw[:, 0], labels)
                else:
                    loss = cross_entropy(raw, labels)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            with torch.no_grad():
                for average, part in zip(averages, layer.parameters(), strict=True):
                    average.lerp_(part, self.MEMORY / (look + self.MEMORY))  # 1, 8/9, 8/10, ...
            yield averages[0].numpy(), averages[1].numpy()
