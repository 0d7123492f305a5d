"""Vowpal Wabbit: its adaptive SGD over its own binary cache of the data, a pass an iteration."""

import shutil
import tempfile
import weakref
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix
from vowpalwabbit import Workspace

from benchmarks.rival import Rival
from benchmarks.scoring import Weights


class Solver(Rival):
    """Its adaptive, normalised steps; the text is written and its cache made outside of the clock.

    Tried: a table of 2^12 (which stays in the processor's cache) and 2^16, rates of 0.05 to 1, --sgd, --coin, power_t
    0, 0.3 and 0.5, and --bfgs. No --l2: with any it got worse from pass to pass.
    """

    name = "Vowpal Wabbit"
    requirements = ["pip::vowpalwabbit"]  # noqa: RUF012
    two_classes_only = "its ten classes are one versus the rest, another objective"

    def prepare(self) -> None:
        """Write the text, let it make its cache."""
        folder = tempfile.mkdtemp()
        weakref.finalize(self, shutil.rmtree, folder)
        text = Path(folder, "data.txt")
        rows = csr_matrix(self.X)
        with text.open("w") as file:
            for i, label in enumerate(np.where(self.y == 1, "1", "-1")):
                part = slice(rows.indptr[i], rows.indptr[i + 1])
                cells = map("{}:{:.5g}".format, rows.indices[part].tolist(), rows.data[part].tolist())
                file.write(f"{label} | {' '.join(cells)}\n")
        self.text = text
        self._train(1).finish()

    def _train(self, passes: int) -> Any:
        model = Workspace(
            f"--data {self.text} --cache_file {self.text}.cache --passes {passes} --holdout_off "
            f"--loss_function logistic -b 12 -l 1 --quiet"
        )
        model.run_parser()
        return model

    def fit(self, n_iter: int) -> Any:
        """Run ``n_iter`` passes."""
        return self._train(n_iter)

    def weights(self) -> Weights:
        """Ask for one weight after the other."""
        W = [self.fitted.get_weight_from_name(str(j)) for j in range(self.X.shape[1])]
        return np.array([W]), np.array([self.fitted.get_weight_from_name("Constant")])
