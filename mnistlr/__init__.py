"""Handwritten-digit recognition with logistic regression, written by hand in NumPy and numba.

The public names are imported when first used, so that ``import mnistlr`` costs nothing and the command line
starts at once.
"""

import importlib
from typing import TYPE_CHECKING, Any

from mnistlr._version import __version__

if TYPE_CHECKING:
    from mnistlr.datasets import (
        load_digits,
        load_idx_folder,
        load_mnist,
        load_mnist_5k,
        open_idx,
        read_idx,
        shuffle,
        split_mnist,
        stratified_split,
        write_idx,
    )
    from mnistlr.estimators import LogisticRegression, SoftmaxRegression
    from mnistlr.exceptions import (
        ArgumentError,
        ClusterError,
        DataFormatError,
        DataUnavailableError,
        DivergenceError,
        ImageError,
        MissingExtraError,
        MnistlrError,
        ModelFileError,
    )
    from mnistlr.features import DigitReader
    from mnistlr.images import find_digits, to_mnist
    from mnistlr.metrics import ClassificationSummary, Explanation, confusion_matrix, explain
    from mnistlr.saving.model_file import load_model, save_model
    from mnistlr.saving.onnx import to_onnx
    from mnistlr.trained import read_digits

_HOME = {
    "mnistlr.datasets": (
        "load_digits",
        "load_idx_folder",
        "load_mnist",
        "load_mnist_5k",
        "open_idx",
        "read_idx",
        "shuffle",
        "split_mnist",
        "stratified_split",
        "write_idx",
    ),
    "mnistlr.estimators": ("LogisticRegression", "SoftmaxRegression"),
    "mnistlr.exceptions": (
        "ArgumentError",
        "ClusterError",
        "DataFormatError",
        "DataUnavailableError",
        "DivergenceError",
        "ImageError",
        "MissingExtraError",
        "MnistlrError",
        "ModelFileError",
    ),
    "mnistlr.features": ("DigitReader",),
    "mnistlr.images": ("find_digits", "to_mnist"),
    "mnistlr.metrics": ("ClassificationSummary", "Explanation", "confusion_matrix", "explain"),
    "mnistlr.saving.model_file": ("load_model", "save_model"),
    "mnistlr.saving.onnx": ("to_onnx",),
    "mnistlr.trained": ("read_digits",),
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}

__all__ = ["__version__", *_MODULE_OF]


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'mnistlr' has no attribute {name!r}")
    value = getattr(importlib.import_module(_MODULE_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
