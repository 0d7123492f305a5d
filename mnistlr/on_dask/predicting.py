"""Predictions, score and confusion matrix of Dask arrays: lazily or block by block, the data stay where they are."""

import copy
from typing import Any

import dask
import dask.array as da
import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from dask import delayed
from sklearn.utils.validation import _check_feature_names, check_is_fitted

from mnistlr.exceptions import ArgumentError
from mnistlr.on_dask.block import MappedArray
from mnistlr.on_dask.counting import count_block
from mnistlr.on_dask.loading import delayed_blocks

Array = npt.NDArray[Any]


def lazily(model: Any, method: str, X: Any) -> da.Array:
    """Return what ``getattr(model, method)`` makes of X, as a Dask array in the same blocks.

    Parameters
    ----------
    model : fitted estimator
    method : {"predict", "predict_proba", "predict_log_proba", "decision_function"}
    X : Dask array (n, d) or data frame

    Returns
    -------
    dask.array.Array, shape (n,) or (n, n_columns)
        Computed when asked for. An error, such as NaN in X, then names the block.

    Raises
    ------
    ArgumentError
        If X has another number of features; when computed, if something is wrong with a block.
    ValueError
        If the features have other names.
    NotFittedError
        If the model is not fitted.
    """
    check_is_fitted(model)
    _check_feature_names(model, X._meta, reset=False)
    if not isinstance(X, da.Array):
        X = X.to_dask_array()
    if X.ndim != 2 or X.shape[1] != model.n_features_in_:
        raise ArgumentError(
            f"X has shape {X.shape}, but {type(model).__name__} is expecting {model.n_features_in_} features as input."
        )
    X = X.rechunk({1: -1}) if X.numblocks[1] != 1 else X
    small = _small(model)
    like = getattr(small, method)(np.zeros((1, X.shape[1]), np.uint8))
    more: dict[str, Any] = {"drop_axis": 1} if like.ndim == 1 else {"chunks": (X.chunks[0], (like.shape[1],))}
    return da.map_blocks(_answer, X, model=small, method=method, dtype=like.dtype, meta=like[:0], **more)


def _small(model: Any) -> Any:
    """Return a copy of the model with nothing but what predicts, on one thread: the tasks run beside each other."""
    small = type(model)(n_jobs=1)
    for name in ("classes_", "coef_", "intercept_", "n_features_in_"):
        setattr(small, name, copy.copy(getattr(model, name)))
    return small


def _answer(X: Any, *, model: Any, method: str, block_id: tuple[int, ...]) -> Array:
    if X.shape[0] == 0:
        answer: Array = getattr(model, method)(np.zeros((1, X.shape[1]), np.uint8))[:0]
        return answer
    try:
        answer = getattr(model, method)(X)
    except ValueError as error:
        raise ArgumentError(f"Block {block_id[0]}: {error}") from error
    return answer


def score(model: Any, X: Any, y: Any, sample_weight: Any = None) -> float:
    """Return the share of samples, or of their weight, that are given their label; sums in the order of the blocks.

    Parameters
    ----------
    model : LogisticRegression or SoftmaxRegression, fitted
    X : Dask array or data frame, shape (n_samples, n_features)
    y : Dask array or series, or array-like, shape (n_samples,)
    sample_weight : as ``y``, optional

    Returns
    -------
    float
        From 0 to 1.

    Raises
    ------
    ArgumentError
        If X, y and weights cannot be cut alike, if something is wrong with a block, which the message names, if there
        are no samples, or if the weights sum to zero.
    ValueError
        If the features have other names.
    NotFittedError
        If the model is not fitted.
    """
    check_is_fitted(model)
    parts = delayed_blocks(X, y, sample_weight)
    _check_feature_names(model, X._meta, reset=False)
    hits = delayed(_hits, pure=False)
    small = _small(model)
    sums = dask.compute(*[hits(number, *part, small) for number, part in enumerate(zip(*parts[:3], strict=True))])
    counted = [block for block in sums if block is not None]
    if not counted:
        raise ArgumentError("Found no samples to score; expected one at least.")
    hit, weight = np.sum(counted, axis=0)
    if weight == 0:
        raise ArgumentError("`sample_weight` sums to zero; a share of nothing is undefined.")
    return float(hit / weight)


def _hits(number: int, X: Any, y: Any, weight: Any, model: Any) -> tuple[float, float] | None:
    """Return the weight of the samples that are given their label, and that of all."""
    X = X.open() if isinstance(X, MappedArray) else X if isinstance(X, np.ndarray) or sp.issparse(X) else np.asarray(X)
    answers = _answer(X, model=model, method="predict", block_id=(number,))
    pairs = count_block(number, y, answers, weight)
    if pairs is None:
        return None
    true, pred, _, weights = pairs
    return float(weights[true == pred].sum()), float(weights.sum())
