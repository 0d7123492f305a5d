"""The same trainers on Dask: data in blocks on many machines, one ordinary estimator.

``model.fit``, ``predict``, ``predict_proba`` and ``score`` take Dask arrays (and data frames) as they are. This package
adds options to these methods, opens files as Dask arrays, and can fit blocks without Dask. Names are imported when
first used.
"""

import importlib
from typing import TYPE_CHECKING, Any

from mnistlr._support.extras import needed

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
    with needed("Dask", "dask", "mnistlr.on_dask"):
        return getattr(importlib.import_module(f"mnistlr.on_dask.{_HOME[name]}"), name)
