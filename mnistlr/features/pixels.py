"""What the transformers of images share: checking, pixels of 8 bits whatever came in, and the work in chunks."""

from numbers import Integral
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from mnistlr._support.threads import count_threads, run_chunks
from mnistlr.exceptions import ArgumentError

CHUNK = 256
"""Images that a thread takes at a time."""

Array = NDArray[Any]


class PixelTransformer(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Turns images, one a row of X, into as many rows of uint8; subclasses do so for (n, rows, columns) of uint8."""

    _parameter_constraints: dict[str, list[Any]] = {"shape": [tuple, list, None], "n_jobs": [Integral, None]}  # noqa: RUF012

    shape: tuple[int, int] | None
    n_jobs: int | None
    shape_: tuple[int, int]
    full_ink_: float

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn the shape of the images, and for other types than ``uint8`` which value is full ink.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (n_samples, n_features)
            An image in each row, its rows of pixels one after the other; 0 is paper, larger values are ink.
        y : ignored

        Returns
        -------
        self

        Raises
        ------
        ArgumentError
            If so many pixels do not make an image of ``shape``.
        """
        self._validate_params()
        X = self._validate(X, reset=True)
        self.shape_ = image_shape(X.shape[1], self.shape)
        self.full_ink_ = full_ink(X)
        self._prepare()
        return self

    def transform(self, X: Any) -> NDArray[np.uint8]:
        """Return what the images become.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (n_samples, n_features)
            As in ``fit``. ``uint8`` is taken as it is, 255 being full ink. In other types ``full_ink_`` is, values
            beyond it count as full ink and negative ones as paper.

        Returns
        -------
        ndarray of uint8, shape (n_samples, n_features_out)

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If ``fit`` has not been called.
        ValueError
            If ``X`` has another number of features than in ``fit``, or is not finite.
        """
        if not is_plain(X, self):
            check_is_fitted(self)
            X = self._validate(X, reset=False)
        return self.convert(X)

    def convert(self, X: Any) -> NDArray[np.uint8]:
        """Do what ``transform`` does, for images that have been checked."""
        out = np.empty((X.shape[0], self._n_features_out), np.uint8)

        def work(chunk: int) -> None:
            part = slice(chunk * CHUNK, (chunk + 1) * CHUNK)
            images = as_pixels(X[part], self.full_ink_).reshape(-1, *self.shape_)
            images.flags.writeable = False  # as the data sets' are: the kernels are compiled for no other
            self._write(images, out[part])

        n_chunks = -(-len(out) // CHUNK)
        run_chunks(work, n_chunks, count_threads(self.n_jobs) if n_chunks > 1 else 1)
        return out

    def _prepare(self) -> None:
        """Compute what depends on the shape of the images alone."""

    @property
    def _n_features_out(self) -> int:
        raise NotImplementedError

    def _write(self, images: NDArray[np.uint8], out: NDArray[np.uint8]) -> None:
        """Write what becomes of ``images`` (n, rows, columns) to ``out`` (n, n_features_out)."""
        raise NotImplementedError

    def _validate(self, X: Any, reset: bool) -> Any:
        types = [np.float64, np.float32, np.uint8]  # what is none of these becomes the first
        return validate_data(self, X, accept_sparse="csr", dtype=types, order="C", reset=reset)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = []
        return tags


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
