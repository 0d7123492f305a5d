"""The confusion matrix of labels in blocks: each block is counted where it lies, only counts travel."""

import warnings
from typing import Any

import dask
import numpy as np
import numpy.typing as npt

from mnistlr._support.foreign import is_dask
from mnistlr.exceptions import ArgumentError
from mnistlr.metrics import confusion as metrics
from mnistlr.on_dask.loading import cut_like

Array = npt.NDArray[Any]


def count_pairs(y_true: Any, y_pred: Any, labels: Any, sample_weight: Any) -> tuple[Array, list[Any]]:
    """Do what ``metrics.count_pairs`` does, where one or both of the labels are Dask arrays or series.

    Parameters
    ----------
    y_true, y_pred : Dask array or series, one of them perhaps array-like, shape (n,)
        The true labels and the predicted ones.
    labels : array-like, shape (n_labels,), or None
        The labels to count, None for all that occur.
    sample_weight : Dask array or series, or array-like, shape (n,), or None
        Weights are summed block by block, in the order of the blocks.

    Returns
    -------
    matrix : ndarray (n_labels, n_labels)
        int64, or float64 for weights that are floats.
    labels : list
        Of its rows and columns.

    Raises
    ------
    ArgumentError
        If the labels and weights cannot be cut alike, are empty, or are wrong in a block, which the message names.
    ValueError
        If all weights are zero, or no label of ``labels`` occurs in ``y_true``.
    """
    like = y_true if is_dask(y_true) else y_pred
    n_blocks = like.npartitions
    columns = [
        cut_like(column, like, n_blocks, name)
        for name, column in (("y_true", y_true), ("y_pred", y_pred), ("sample_weight", sample_weight))
    ]
    count = dask.delayed(count_block, pure=False)
    counted = dask.compute(*[count(number, *part) for number, part in enumerate(zip(*columns, strict=True))])
    counted = [block for block in counted if block is not None]
    if not counted:
        raise ArgumentError("`y_true` and `y_pred` are empty; at least one sample is needed.")
    true, pred, counts, weights = map(np.concatenate, zip(*counted, strict=True))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # these would count pairs instead of samples
        matrix, wanted = metrics.count_pairs(true, pred, labels, counts)
        n_dropped = int(counts.sum() - matrix.sum())
        if sample_weight is not None:
            matrix, wanted = metrics.count_pairs(true, pred, labels, weights)
    if n_dropped:
        warnings.warn(
            f"{n_dropped} of {counts.sum()} samples have a label that is not in `labels`; they are not counted.",
            UserWarning,
            stacklevel=3,
        )
    return matrix, wanted


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
