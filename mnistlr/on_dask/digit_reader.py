"""The reader of digits over Dask: blocks are looked at where they are, and its classifier learns from the blocks."""

import copy
from typing import Any, Self

import dask.array as da
import numpy as np
from sklearn.utils.validation import check_is_fitted

from mnistlr._support.foreign import is_dask
from mnistlr.exceptions import ArgumentError
from mnistlr.features import reader
from mnistlr.on_dask.classifiers import SoftmaxRegression


class DigitReader(reader.DigitReader):
    """:class:`mnistlr.DigitReader` over Dask, with the same parameters and attributes.

    ``fit``, ``predict`` and ``score`` take Dask arrays of images, and ordinary data as well. ``save_model`` writes it
    as the ordinary class, so that it is loaded and predicts without Dask.

    Examples
    --------
    >>> import dask.array as da
    >>> from mnistlr import load_digits
    >>> from mnistlr.on_dask import DigitReader
    >>> X, y = load_digits()
    >>> X, y = da.from_array(X, chunks=(600, -1)), da.from_array(y, chunks=600)
    >>> model = DigitReader(grids=(4,), random_state=0).fit(X, y)
    >>> bool((model.predict(X) == y).mean().compute() > 0.98)
    True
    """

    _classifier = SoftmaxRegression

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit the model.

        Parameters
        ----------
        X : Dask array (n, d) of dense or CSR blocks of ``uint8``, or what the ordinary estimator takes
        y : Dask array or series, or array-like, shape (n,)
        sample_weight : the same, optional

        Returns
        -------
        self

        Raises
        ------
        ArgumentError
            If X is a data frame or of another type, or its columns make no images.
        ValueError, ClusterError
            As `mnistlr.on_dask.SoftmaxRegression.fit`.
        """
        if not is_dask(X):
            super().fit(X, y, sample_weight)
            return self
        self._validate_params()
        _check_array(X)
        if X.dtype != np.uint8:
            raise ArgumentError(
                f"expected a Dask array of uint8, whose full ink is 255, got {X.dtype}; take pixels from 0 to 255."
            )
        self._look_at(self._validate(np.zeros((1, X.shape[1]), np.uint8), reset=True))
        self._learn(self.features(X), y, sample_weight)
        return self

    def features(self, X: Any) -> Any:
        """Return the features that the classifier sees, of a Dask array lazily and in the same blocks."""
        if not is_dask(X):
            return super().features(X)
        check_is_fitted(self)
        _check_array(X)
        if X.shape[1] != self.n_features_in_:
            raise ArgumentError(f"expected images of {self.n_features_in_} pixels, got {X.shape[1]}.")
        eyes = reader.DigitReader()
        eyes.n_features_in_ = self.n_features_in_
        # The blocks are what runs side by side.
        eyes.deskew_, eyes.edges_ = (copy.copy(step).set_params(n_jobs=1) for step in (self.deskew_, self.edges_))
        none = np.empty((0, len(eyes.edges_.get_feature_names_out())), np.uint8)
        X = X.rechunk({1: -1})
        return da.map_blocks(
            _see, X, eyes=eyes, none=none, dtype=np.uint8, chunks=(X.chunks[0], none.shape[1:]), meta=none
        )


def _see(block: Any, *, eyes: reader.DigitReader, none: Any, block_id: tuple[int, ...]) -> Any:
    if block.shape[0] == 0:
        return none
    try:
        return eyes.features(block)
    except ValueError as error:
        raise ArgumentError(f"Block {block_id[0]}: {error}") from error


def _check_array(X: Any) -> None:
    if not isinstance(X, da.Array) or X.ndim != 2:
        raise ArgumentError(
            f"expected a Dask array with an image in each row, got {type(X).__name__}; of a data frame take "
            "to_dask_array(lengths=True)."
        )
