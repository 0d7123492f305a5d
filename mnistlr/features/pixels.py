"""Pixels of 8 bits, whatever came in, and the shape of the images."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse

from mnistlr.exceptions import ArgumentError

TYPES = [np.float64, np.float32, np.uint8]
"""Of pixels. What is none of these becomes the first."""


def image_shape(n_features: int, shape: Any) -> tuple[int, int]:
    """Return rows and columns of images with so many pixels.

    Parameters
    ----------
    n_features : int
    shape : (int, int) or None
        As NumPy's ``reshape`` takes it: one of the two may be -1. None is a square.

    Raises
    ------
    ArgumentError
        If such an image has another number of pixels.
    """
    if shape is None:
        side = round(n_features**0.5)
        if side * side != n_features:
            raise ArgumentError(
                f"expected square images, such as 28x28 = 784 pixels, got {n_features} pixels; say their shape, as "
                "shape=(rows, columns)."
            )
        return side, side
    try:
        rows, columns = np.broadcast_to(0, n_features).reshape(shape).shape
    except (TypeError, ValueError):
        raise ArgumentError(
            f"expected images of shape {tuple(shape)}, rows and columns, got {n_features} pixels an image; one of the "
            "two may be -1, which is then inferred."
        ) from None
    return rows, columns


def full_ink(X: Any) -> float:
    """Return the value that is full ink: 255 for ``uint8``, else the largest of ``X``."""
    if X.dtype == np.uint8:
        return 255.0
    largest = float(X.max())
    return largest if largest > 0 else 1.0


def as_pixels(X: Any, full: float) -> NDArray[np.uint8]:
    """Return dense ``uint8`` pixels, (n, d): ``X`` itself if it is, else 255 X / full, rounded, from 0 to 255."""
    if issparse(X):
        X = X.toarray()
    if X.dtype == np.uint8:
        pixels: NDArray[np.uint8] = np.ascontiguousarray(X)
        return pixels
    with np.errstate(over="ignore"):
        share = np.clip(X / X.dtype.type(full), 0, 1)
    rounded: NDArray[np.uint8] = np.rint(255 * share).astype(np.uint8)
    return rounded


def is_plain(X: Any, estimator: Any) -> bool:
    """Whether X may skip scikit-learn's checks, which take longer than the features of an image."""
    return (
        type(X) is np.ndarray
        and X.dtype == np.uint8
        and X.ndim == 2
        and X.shape[0] > 0
        and X.shape[1] == getattr(estimator, "n_features_in_", None)
        and X.flags.c_contiguous
        and not hasattr(estimator, "feature_names_in_")
    )
