"""XGBoost's linear booster: coordinate descent on the same objective, a round a pass over the features."""

import json
from typing import Any

import numpy as np
import xgboost as xgb

from benchmarks.rival import Rival
from benchmarks.scoring import Weights


class Solver(Rival):
    """The parallel "shotgun" updater, its default. Its bias is free."""

    name = "XGBoost gblinear"
    requirements = ["pip::xgboost"]  # noqa: RUF012
    dtype = np.float32

    def prepare(self) -> None:
        """Build its matrix."""
        self.matrix = xgb.DMatrix(self.X, label=self.y)
        self.settings = {
            "booster": "gblinear", "updater": "shotgun", "lambda": self.alpha, "eta": 0.5, "base_score": 0.5,
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
