"""The same trainers on Dask: data in blocks on many machines, one ordinary estimator.

``model.fit``, ``predict``, ``predict_proba`` and ``score`` take Dask arrays (and data frames) as they are; what is here
says more, opens data, or does without Dask what Dask does elsewhere. Names are imported when first used.
"""

import importlib
from typing import TYPE_CHECKING, Any

from mnistlr.exceptions import MissingExtraError

if TYPE_CHECKING:
    from mnistlr.on_dask.fitting import fit, fit_in_blocks, learn
    from mnistlr.on_dask.loading import open_array, open_folder
    from mnistlr.on_dask.predicting import count_pairs, lazily, score

_HOME = {
    "count_pairs": "predicting",
    "fit": "fitting",
    "fit_in_blocks": "fitting",
    "lazily": "predicting",
    "learn": "fitting",
    "open_array": "loading",
    "open_folder": "loading",
    "score": "predicting",
}

__all__ = ["count_pairs", "fit", "fit_in_blocks", "lazily", "learn", "open_array", "open_folder", "score"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'mnistlr.on_dask' has no attribute {name!r}")
    try:
        return getattr(importlib.import_module(f"mnistlr.on_dask.{_HOME[name]}"), name)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("dask", "distributed"):
            raise
        raise MissingExtraError(
            "data on Dask need Dask, which is not installed; install it with: pip install 'mnistlr[dask]'"
        ) from error
