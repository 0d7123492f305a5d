"""Deskewing and edges as scikit-learn's transformers: checking, and the work in chunks."""

from collections.abc import Sequence
from numbers import Integral
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from mnistlr._support.arrays import Array, read_only
from mnistlr._support.sklearn import Interval
from mnistlr._support.threads import count_threads, run_chunks
from mnistlr.exceptions import ArgumentError
from mnistlr.features.deskew import write_upright
from mnistlr.features.edges import compass, windows_of_grids, write_edge_features
from mnistlr.features.pixels import TYPES, as_pixels, full_ink, image_shape, is_plain

CHUNK = 256
"""Images that a thread takes at a time."""


class PixelTransformer(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Turns images, one a row of X, into as many rows of uint8; subclasses do so for (n, rows, columns) of uint8."""

    _parameter_constraints: dict[str, list[Any]] = {"shape": [tuple, list, None], "n_jobs": [Integral, None]}  # noqa: RUF012

    shape: tuple[int, int] | None
    n_jobs: int | None
    shape_: tuple[int, int]
    full_ink_: float
    n_features_in_: int

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
            self._write(self._images(X[part]), out[part])

        n_chunks = -(-len(out) // CHUNK)
        if n_chunks > 1:
            run_chunks(work, n_chunks, count_threads(self.n_jobs))
        else:  # getting ready for threads takes longer than an image does
            self._write(self._images(X), out)
        return out

    def _images(self, X: Any) -> NDArray[np.uint8]:
        """Return checked data as images for kernels, shape (n, rows, columns)."""
        return read_only(as_pixels(X, self.full_ink_).reshape(-1, *self.shape_))

    def _prepare(self) -> None:
        """Compute what depends on the shape of the images alone."""

    @property
    def _n_features_out(self) -> int:
        raise NotImplementedError

    def _write(self, images: NDArray[np.uint8], out: NDArray[np.uint8]) -> None:
        """Write what becomes of ``images`` (n, rows, columns) to ``out`` (n, n_features_out)."""
        raise NotImplementedError

    def _validate(self, X: Any, reset: bool) -> Any:
        return validate_data(self, X, accept_sparse="csr", dtype=TYPES, order="C", reset=reset)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = []
        return tags


class Deskew(OneToOneFeatureMixin, PixelTransformer):  # type: ignore[misc]
    """Make slanting digits upright, by a shear about their centre of mass.

    Parameters
    ----------
    shape : (rows, columns) or None
        Of the images; one of them may be -1. None: they are square.
    n_jobs : int or None
        Threads; None means all cores that the process may use. The result has the same bits for any number.

    Attributes
    ----------
    shape_ : (rows, columns)
    full_ink_ : float
        Which value is full ink, and becomes 255: 255 for ``uint8``, else the largest seen in ``fit``.
    n_features_in_ : int
    feature_names_in_ : ndarray, if the data had names

    Examples
    --------
    >>> from mnistlr import load_digits
    >>> from mnistlr.features import Deskew
    >>> X, y = load_digits()
    >>> Deskew().fit_transform(X).shape
    (1797, 64)
    """

    def __init__(self, *, shape: Any = None, n_jobs: int | None = None) -> None:
        self.shape = shape
        self.n_jobs = n_jobs

    @property
    def _n_features_out(self) -> int:
        return int(self.n_features_in_)

    def _write(self, images: NDArray[np.uint8], out: NDArray[np.uint8]) -> None:
        write_upright(images, out.reshape(images.shape))


class EdgeFeatures(PixelTransformer):
    """Describe digits by the directions of their edges and where these are.

    Parameters
    ----------
    directions : int, at least 4
        All the way round, so that dark-to-light and light-to-dark differ.
    grids : sequence of int
        Sides of the grids of places: (8, 6) has 8x8 and 6x6 places, and ``directions`` features for each.
    shape : (rows, columns) or None
        Of the images; one of them may be -1. None: they are square.
    n_jobs : int or None
        Threads; None means all cores that the process may use. The result has the same bits for any number.

    Attributes
    ----------
    shape_ : (rows, columns)
    full_ink_ : float
        Which value is full ink: 255 for ``uint8``, else the largest seen in ``fit``.
    compass_ : ndarray of float32, shape (2, directions + 2)
        The x and the y (down) of each direction, with the last one in front and the first one at the end again.
    row_windows_, column_windows_ : ndarray of float32, shape (sum of grids, rows) or (sum of grids, columns)
        With which weight every row and column of pixels counts in each place, grid after grid.
    n_features_in_ : int
    feature_names_in_ : ndarray, if the data had names

    Notes
    -----
    The strength of an image's edges does not matter, only how it is shared out: features are the roots of shares, the
    fixed scale is in :mod:`mnistlr.features.edges`. An empty image has only zeros.

    Examples
    --------
    >>> from mnistlr import load_digits
    >>> from mnistlr.features import EdgeFeatures
    >>> X, y = load_digits()
    >>> EdgeFeatures(directions=8, grids=(4,)).fit_transform(X).shape
    (1797, 128)
    """

    _parameter_constraints: dict[str, list[Any]] = {  # noqa: RUF012
        **PixelTransformer._parameter_constraints,
        "directions": [Interval(Integral, 4, 360, closed="both")],
        "grids": [tuple, list],
    }

    def __init__(
        self, *, directions: int = 9, grids: Sequence[int] = (8, 6), shape: Any = None, n_jobs: int | None = None
    ) -> None:
        self.directions = directions
        self.grids = grids
        self.shape = shape
        self.n_jobs = n_jobs

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Return a name for each feature, such as ``edge_8x8_row3_column0_40deg``.

        Degrees go from right (0) to down (90) and on, towards more ink.
        """
        check_is_fitted(self)
        degrees = 360 * np.arange(self.directions) / self.directions
        names = [
            f"edge_{grid}x{grid}_row{row}_column{column}_{degree:g}deg"
            for grid in self.grids
            for row in range(grid)
            for column in range(grid)
            for degree in degrees
        ]
        return np.array(names, dtype=object)

    def _prepare(self) -> None:
        if not self.grids or not all(isinstance(grid, Integral) and grid >= 1 for grid in self.grids):
            raise ArgumentError(
                f"expected grids with the sides of one or more grids, such as (8, 6), got {self.grids!r}."
            )
        row_windows, column_windows = (windows_of_grids(size, self.grids) for size in self.shape_)
        self.set_constants(compass(self.directions), row_windows, column_windows)

    def set_constants(self, compass: Array, row_windows: Array, column_windows: Array) -> None:
        """Take the constants: made anew, or as they were in another process or a file."""
        self.compass_, self.row_windows_, self.column_windows_ = map(read_only, (compass, row_windows, column_windows))
        self._grids = read_only(np.array(self.grids, np.int64))
        self._n_edges: int = (compass.shape[1] - 2) * sum(grid * grid for grid in self.grids)

    @property
    def _n_features_out(self) -> int:
        return self._n_edges

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if hasattr(self, "compass_"):
            self.set_constants(self.compass_, self.row_windows_, self.column_windows_)  # read-only again

    def _write(self, images: NDArray[np.uint8], out: NDArray[np.uint8]) -> None:
        write_edge_features(images, self.compass_, self._grids, self.row_windows_, self.column_windows_, out)
