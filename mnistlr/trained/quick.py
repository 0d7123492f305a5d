"""The trained reader, without scikit-learn, whose import takes longer than reading a picture does.

``reader.npz`` is an ordinary model file. `mnistlr.load_model` reads it as well, and gives the estimator that was
trained, a ``DigitReader``. It is made by

    mnistlr train --features edges --copies 3 -o mnistlr/trained/reader.npz
"""

import functools
import json
from importlib.resources import files
from importlib.resources.abc import Traversable
from io import BytesIO
from typing import Any, NamedTuple

import numpy as np

from mnistlr._support.arrays import Array, read_only
from mnistlr.exceptions import ArgumentError
from mnistlr.features.deskew import write_upright
from mnistlr.features.edges import write_edge_features

FILE: Traversable = files("mnistlr.trained") / "reader.npz"
"""The model file."""


class QuickReader(NamedTuple):
    """What predicts, of a DigitReader that was trained on ``uint8``: equation by equation the same."""

    shape: tuple[int, int]
    """Rows and columns of an image."""
    compass: Array
    grids: Array
    row_windows: Array
    column_windows: Array
    """As `mnistlr.features.edges.write_edge_features` takes them."""
    coef: Array
    """Shape (n_classes, n_features)."""
    intercept: Array
    """Shape (n_classes,)."""
    classes_: Array
    """Shape (n_classes,)."""
    provenance: dict[str, Any]
    """How it was made: data, seed, versions, accuracy on the test images."""

    def features(self, X: Array) -> Array:
        """Return the features of images, shape (n, n_features), uint8.

        Parameters
        ----------
        X : ndarray of uint8, shape (n, pixels) or (n, rows, columns)

        Raises
        ------
        ArgumentError
            If they are others.
        """
        n_pixels = self.shape[0] * self.shape[1]
        if X.dtype != np.uint8 or X.size != len(X) * n_pixels:
            raise ArgumentError(f"expected images of {n_pixels} pixels in uint8, got {X.dtype} of shape {X.shape}.")
        images = read_only(np.ascontiguousarray(X).reshape(-1, *self.shape))
        upright = np.empty(images.shape, np.uint8)
        write_upright(images, upright)
        out = np.empty((len(images), self.coef.shape[1]), np.uint8)
        given = self.compass, self.grids, self.row_windows, self.column_windows
        compass, grids, row_windows, column_windows = map(read_only, given)
        write_edge_features(read_only(upright), compass, grids, row_windows, column_windows, out)
        return out

    def predict_proba(self, X: Array) -> Array:
        """Return the probability of each class, shape (n, n_classes), in the order of ``classes_``."""
        raw = self.features(X) @ self.coef.T + self.intercept
        odds = np.exp(raw - raw.max(axis=1, keepdims=True))
        probabilities: Array = odds / odds.sum(axis=1, keepdims=True)
        return probabilities

    def predict(self, X: Array) -> Array:
        """Return the most probable label of each image, shape (n,)."""
        labels: Array = self.classes_[self.predict_proba(X).argmax(axis=1)]
        return labels


@functools.cache
def trained_reader() -> QuickReader:
    """Return the reader that comes with the package.

    Returns
    -------
    QuickReader
        For images like MNIST's, 28x28 of ``uint8``, as `mnistlr.to_mnist` makes them.
    """
    with np.load(BytesIO(FILE.read_bytes()), allow_pickle=False) as arrays:
        header = json.loads(arrays["header"].tobytes())
        windows = arrays["row_windows"], arrays["column_windows"]
        return QuickReader(
            shape=(windows[0].shape[1], windows[1].shape[1]),
            compass=arrays["compass"],
            grids=np.array(header["parameters"]["grids"], np.int64),
            row_windows=windows[0],
            column_windows=windows[1],
            coef=arrays["coef"],
            intercept=arrays["intercept"],
            classes_=arrays["classes"],
            provenance=header["provenance"],
        )
