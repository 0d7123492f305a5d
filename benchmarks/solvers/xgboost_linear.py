"""XGBoost's linear booster: coordinate descent on the same objective, a round a pass over the features."""

import json
from typing import Any

import numpy as np
import xgboost as xgb
from scipy.sparse import csr_matrix

from benchmarks.rival import Rival
from benchmarks.scoring import Weights


class Solver(Rival):
    """The parallel "shotgun" updater, its default; CSR, of which it skips the zeros. Its bias is free.

    Tried: dense data too, eta of 0.2 to 1, and "coord_descent" in cyclic and shuffled order, which is slower.
    """

    name = "XGBoost gblinear"
    requirements = ["pip::xgboost"]  # noqa: RUF012
    dtype = np.float32

    def prepare(self) -> None:
        """Build its matrix."""
        self.matrix = xgb.DMatrix(csr_matrix(self.X), label=self.y)
        self.settings = {
            "booster": "gblinear", "updater": "shotgun", "lambda": self.alpha, "eta": 1.0, "base_score": 0.5,
            "objective": "binary:logistic" if self.n_raw == 1 else "multi:softprob", "verbosity": 0,
        }  # fmt: skip
        if self.n_raw > 1:
            self.settings["num_class"] = self.n_raw

    def fit(self, n_iter: int) -> Any:
        """Run ``n_iter`` rounds."""
        return xgb.train(self.settings, self.matrix, num_boost_round=n_iter)

    def weights(self) -> Weights:
        """Read them from its dump, class by class within a feature."""
        dump = json.loads(self.fitted.get_dump(dump_format="json")[0])
        return np.reshape(dump["weight"], (-1, self.n_raw)).T, np.array(dump["bias"])
