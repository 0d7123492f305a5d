"""Predictions, score and confusion matrix of Dask arrays: lazily or block by block, the data stay where they are."""

import copy
import warnings
from typing import Any, Literal

import dask
import dask.array as da
import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from dask import delayed
from sklearn.utils.validation import check_is_fitted

from mnistlr._support.arrays import Array
from mnistlr._support.foreign import is_dask
from mnistlr._support.sklearn import check_feature_names
from mnistlr.exceptions import ArgumentError
from mnistlr.metrics import confusion as metrics
from mnistlr.on_dask.loading import cut_like, delayed_blocks
from mnistlr.on_dask.worker import MappedArray


def lazily(model: Any, method: str, X: Any) -> da.Array:
    """Return ``getattr(model, method)(X)`` as a Dask array in the blocks of X, for the methods that return rows."""
    check_is_fitted(model)
    check_feature_names(model, X._meta, reset=False)
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
    """Return a copy of the model that can only predict, on one thread, since tasks run beside each other."""
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
    """Score a fitted model on a Dask array or frame: see ``OnDask.score``."""
    check_is_fitted(model)
    parts = delayed_blocks(X, y, sample_weight)
    check_feature_names(model, X._meta, reset=False)
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
    """Return the weight of the samples that are predicted right, and the weight of all."""
    X = X.open() if isinstance(X, MappedArray) else X if isinstance(X, np.ndarray) or sp.issparse(X) else np.asarray(X)
    answers = _answer(X, model=model, method="predict", block_id=(number,))
    pairs = count_block(number, y, answers, weight)
    if pairs is None:
        return None
    true, pred, _, weights = pairs
    return float(weights[true == pred].sum()), float(weights.sum())


def confusion_matrix(
    y_true: Any,
    y_pred: Any,
    *,
    labels: npt.ArrayLike | None = None,
    sample_weight: Any = None,
    normalize: Literal["true", "pred", "all"] | None = None,
) -> Array:
    """Count labels on Dask block by block, where they lie; otherwise this is :func:`mnistlr.confusion_matrix`.

    Parameters
    ----------
    y_true, y_pred, sample_weight : Dask array or series, or array-like, shape (n,)
        The true labels, the predicted ones, and optionally weights, which are summed in the order of the blocks. One
        of the three on Dask is enough.
    labels, normalize
        As for :func:`mnistlr.confusion_matrix`.

    Returns
    -------
    ndarray, shape (n_labels, n_labels)
        As of :func:`mnistlr.confusion_matrix`.

    Raises
    ------
    ArgumentError
        If the labels and weights cannot be cut alike, are empty, or are wrong in a block, which the message names.
    ValueError
        If all weights are zero, no label of ``labels`` occurs in ``y_true``, or ``normalize`` is unknown.
    """
    columns = {"y_true": y_true, "y_pred": y_pred, "sample_weight": sample_weight}
    like = next((column for column in columns.values() if is_dask(column)), None)
    metrics.check_normalize(normalize)
    if like is None:
        matrix, _ = metrics.count_pairs(y_true, y_pred, labels, sample_weight)
    else:
        blocks = [cut_like(column, like, like.npartitions, name) for name, column in columns.items()]
        matrix = _add_up_pairs(blocks, labels)
    return metrics.finish(matrix, labels, normalize)


def _add_up_pairs(columns: list[list[Any]], labels: Any) -> Array:
    """Return the matrix that ``metrics.count_pairs`` makes of labels and weights in blocks."""
    count = delayed(count_block, pure=False)
    counted = dask.compute(*[count(number, *part) for number, part in enumerate(zip(*columns, strict=True))])
    counted = [block for block in counted if block is not None]
    if not counted:
        raise ArgumentError("`y_true` and `y_pred` are empty; at least one sample is needed.")
    true, pred, counts, weights = map(np.concatenate, zip(*counted, strict=True))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # these would count pairs instead of samples
        matrix, _ = metrics.count_pairs(true, pred, labels, counts)
        n_dropped = int(counts.sum() - matrix.sum())
        matrix, _ = metrics.count_pairs(true, pred, labels, weights)
    if n_dropped:
        warnings.warn(
            f"{n_dropped} of {counts.sum()} samples have a label that is not in `labels`; they are not counted.",
            UserWarning,
            stacklevel=3,
        )
    return matrix


def count_block(number: int, y_true: Any, y_pred: Any, weight: Any) -> tuple[Array, Array, Array, Array] | None:
    """Count the pairs of labels of one block.

    Parameters
    ----------
    number : int
        Of the block, for the message if something is wrong with it.
    y_true, y_pred : array-like, shape (n,)
    weight : array-like, shape (n,), or None

    Returns
    -------
    true, pred, counts, weights : ndarray (n_pairs,)
        The pairs that occur, how often each does, and its weight. None for an empty block.

    Raises
    ------
    ArgumentError
        For labels or weights that ``metrics.confusion_matrix`` would refuse; weights may be all zero.
    """
    y_true, y_pred = np.asarray(y_true), np.asarray(y_pred)
    if len(y_true) == len(y_pred) == 0:
        return None
    try:
        counts, labels = metrics.count_pairs(y_true, y_pred, None, None)
        weights = counts
        if weight is not None:
            weight = np.asarray(weight)
            weights = metrics.count_pairs(y_true, y_pred, None, weight)[0] if weight.any() else 0 * counts
    except (ValueError, TypeError) as error:
        raise ArgumentError(f"Block {number}: {error}") from error
    rows, columns = np.nonzero(counts)
    names = np.array(labels)
    return names[rows], names[columns], counts[rows, columns], weights[rows, columns]
