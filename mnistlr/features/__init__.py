"""What a better eye sees: transformers of images, the model that reads with them, why it answers so, copies of images.

The names are imported when first used: ``deskew`` and ``edges`` alone work without scikit-learn.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mnistlr.features.contributions import explain_reader
    from mnistlr.features.copies import add_copies
    from mnistlr.features.distortion import distort
    from mnistlr.features.reader import DigitReader
    from mnistlr.features.redrawing import redraw
    from mnistlr.features.transformers import Deskew, EdgeFeatures

_HOME = {
    "Deskew": "transformers",
    "DigitReader": "reader",
    "EdgeFeatures": "transformers",
    "add_copies": "copies",
    "distort": "distortion",
    "explain_reader": "contributions",
    "redraw": "redrawing",
}

__all__ = ["Deskew", "DigitReader", "EdgeFeatures", "add_copies", "distort", "explain_reader", "redraw"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'mnistlr.features' has no attribute {name!r}")
    return getattr(importlib.import_module(f"mnistlr.features.{_HOME[name]}"), name)
