"""Simulated data that are hard in ways in which pictures are not."""

from typing import Any

import numpy as np
import scipy.sparse as sp
from benchopt import BaseDataset


class Dataset(BaseDataset):
    """Two classes drawn from a logistic model.

    "ill-conditioned": dense, the features' sizes spread over four powers of ten. "sparse": CSR, 1 % of 1,000 features.
    """

    name = "simulated"
    parameters = {"kind": ["ill-conditioned", "sparse"], "n": [5000]}  # noqa: RUF012

    def get_data(self) -> dict[str, Any]:
        """Draw, and keep a fifth to test on."""
        random = np.random.default_rng(0)
        if self.kind == "sparse":
            X: Any = sp.random_array((self.n, 1000), density=0.01, format="csr", rng=random, dtype=np.float64)
        else:
            X = random.normal(size=(self.n, 50)) * np.logspace(-2, 2, 50)
        raw = X @ random.normal(size=X.shape[1])
        y = (random.random(self.n) < 1 / (1 + np.exp(-raw / raw.std()))).astype(np.int64)
        n_test = self.n // 5
        return {"X": X[n_test:], "y": y[n_test:], "X_test": X[:n_test], "y_test": y[:n_test]}
