"""Count pairs of true and predicted labels: the confusion matrix and the accuracy.

``matrix[i, j]`` is the number (or the total weight) of samples whose true label is ``labels[i]`` and whose
predicted label is ``labels[j]``.
"""

import warnings
from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from mnistlr._support.arrays import read_only
from mnistlr._support.foreign import check_in_process
from mnistlr._support.threads import count_threads, run_chunks
from mnistlr.kernels.counting import HISTOGRAMS, count_label_pairs, sum_label_pairs

_LEAST_BITS, _MOST_BITS = 4, 8  # labels are counted in a matrix of 16 x 16 to 256 x 256, or encoded first
_SAMPLES_PER_THREAD = 1 << 19  # fewer are counted sooner than a thread starts
_LOOKED_AT = 50  # labels, which mostly show the range of all
_COUNTED = (np.dtype(np.int64), np.dtype(np.uint8))  # types of labels for which the kernels are compiled
_MOST_THREADS = 4  # counting waits for memory, which a few threads exhaust


def confusion_matrix(
    y_true: npt.ArrayLike,
    y_pred: npt.ArrayLike,
    *,
    labels: npt.ArrayLike | None = None,
    sample_weight: npt.ArrayLike | None = None,
    normalize: Literal["true", "pred", "all"] | None = None,
) -> npt.NDArray[Any]:
    r"""Count the samples of each true label that were given each predicted label.

    .. math:: C_{ij} = \sum_s w_s \, [y_s = l_i] \, [\hat y_s = l_j]

    The values are those of :func:`sklearn.metrics.confusion_matrix`. Weights are summed in the order of the
    samples.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n_samples,)
        Labels: integers, booleans, whole-numbered floats or strings. Numbers compare by value
        (``1 == 1.0 == True``); numbers and strings do not mix.
    labels : array-like of shape (n_labels,), optional
        The labels of the rows and columns, in this order; by default all that occur in `y_true` or `y_pred`,
        sorted. **A sample whose true or predicted label is not among them is not counted**, and a
        ``UserWarning`` reports their number. A label given twice is counted at its last place.
    sample_weight : array-like of shape (n_samples,), optional
        The weight of each sample, by default 1.
    normalize : {"true", "pred", "all"}, optional
        Divide by the sums of the rows, by those of the columns, or by the sum of all. 0 / 0 counts as 0.

    Returns
    -------
    ndarray of shape (n_labels, n_labels)
        int64 if the weights are integers, booleans or absent and nothing is normalised, otherwise float64.

    Raises
    ------
    ValueError
        No samples, lengths that differ, numbers mixed with strings, continuous or multi-column targets,
        weights that are not finite or all zero, no label of `labels` in `y_true`, an unknown `normalize`.
    TypeError
        Labels that are bytes, or strings and other things in one array.

    Examples
    --------
    >>> confusion_matrix([2, 0, 2, 2, 0, 1], [0, 0, 2, 2, 0, 2])
    array([[2, 0, 0],
           [0, 0, 1],
           [1, 0, 2]])
    """
    check_normalize(normalize)
    matrix, _ = count_pairs(y_true, y_pred, labels, sample_weight)
    return finish(matrix, labels, normalize)


def check_normalize(normalize: Any) -> None:
    """Raise ValueError if ``normalize`` is none of the four."""
    if not (normalize is None or (isinstance(normalize, str) and normalize in ("true", "pred", "all"))):
        raise ValueError(f"`normalize` must be 'true', 'pred', 'all' or None, got {normalize!r}.")


def finish(matrix: npt.NDArray[Any], labels: npt.ArrayLike | None, normalize: str | None) -> npt.NDArray[Any]:
    """Divide as ``normalize`` says, and warn the caller of :func:`confusion_matrix` of a single cell."""
    if normalize is not None:
        axis = {"true": 1, "pred": 0, "all": None}[normalize]
        with np.errstate(all="ignore"):  # nan_to_num follows
            matrix = matrix / matrix.sum(axis=axis, keepdims=True)
    if labels is None and matrix.shape == (1, 1):
        warnings.warn(
            "All true and predicted labels are the same, so the confusion matrix has one cell; "
            "name all known labels in `labels` to get the others.",
            UserWarning,
            stacklevel=3,
        )
    return matrix if matrix.dtype.kind == "i" else np.nan_to_num(matrix)


def count_pairs(
    y_true: npt.ArrayLike,
    y_pred: npt.ArrayLike,
    labels: npt.ArrayLike | None,
    sample_weight: npt.ArrayLike | None,
) -> tuple[npt.NDArray[Any], list[Any]]:
    """Validate, count, sum; return the matrix and the labels of its rows."""
    check_in_process("confusion_matrix", y_true=y_true, y_pred=y_pred, sample_weight=sample_weight)
    true, pred = _column(y_true), _column(y_pred)
    all_boolean = true.dtype.kind == pred.dtype.kind == "b"
    true, pred, weights = _plain_pairs(true, pred, sample_weight)
    n_samples = len(true)

    # Strings and integers far apart are replaced by codes 0, 1, 2, ...; label_of[code - lowest] undoes it.
    # Integers close together are their own codes, and by the time that is known their pairs are counted.
    histogram = _histogram(true, pred)
    if histogram is not None and labels is None and weights is None:  # the histogram is the matrix already
        counts, lowest = histogram
        codes = np.flatnonzero(counts.any(axis=0) | counts.any(axis=1))
        occurring = (codes + lowest).tolist()
        matrix = np.ascontiguousarray(counts[codes[:, None], codes])
        return matrix, [bool(label) for label in occurring] if all_boolean else occurring
    if histogram is None:
        true, pred, label_of = _encode(true, pred)
        lowest, occurring = 0, label_of
        pairs = (true, pred, np.ones(n_samples, dtype=np.int64))
    else:
        counts, lowest = histogram
        label_of = list(range(lowest, lowest + len(counts)))
        occurring = [label_of[code] for code in np.flatnonzero(counts.any(axis=0) | counts.any(axis=1))]
        rows, columns = np.nonzero(counts)
        pairs = (rows + lowest, columns + lowest, counts[rows, columns])

    wanted = occurring if labels is None else _column(labels).tolist()
    n_rows = len(wanted)
    if n_rows == 0:
        raise ValueError("`labels` is empty; it must name at least one label.")
    row_of = {label: row for row, label in enumerate(wanted)}
    # What is not wanted goes to one more row, which is cut off in the end.
    row_of_label = np.array([row_of.get(label, n_rows) for label in label_of], dtype=np.int64)

    matrix = _sum_pairs(*pairs, lowest, row_of_label, n_rows)
    if not matrix[:n_rows].any():
        raise ValueError(f"No label of `labels` = {wanted} is in `y_true`; at least one must be.")
    n_dropped = n_samples - int(matrix[:n_rows, :n_rows].sum())
    if n_dropped:
        warnings.warn(
            f"{n_dropped} of {n_samples} samples have a label that is not in `labels`; they are not counted.",
            UserWarning,
            stacklevel=3,
        )
    if weights is not None:
        matrix = _sum_pairs(true, pred, weights, lowest, row_of_label, n_rows)
    if labels is None and all_boolean:
        wanted = [bool(label) for label in wanted]
    return np.ascontiguousarray(matrix[:n_rows, :n_rows]), wanted


def accuracy(y_true: npt.ArrayLike, y_pred: npt.ArrayLike, sample_weight: npt.ArrayLike | None = None) -> float:
    r"""Return the share of samples, or of their weight, whose predicted label is the true one.

    .. math:: \sum_s w_s \, [y_s = \hat y_s] \; / \; \sum_s w_s

    The trace of the confusion matrix by its sum, without the matrix. Arguments and errors are those of
    :func:`confusion_matrix`; neither may the weights sum to zero.
    """
    true, pred, weights = _plain_pairs(_column(y_true), _column(y_pred), sample_weight)
    right = true == pred
    if weights is None:
        return float(np.count_nonzero(right) / len(right))
    if weights.sum() == 0:
        raise ValueError("`sample_weight` sums to zero; a share of nothing is undefined.")
    return float(weights[right].sum() / weights.sum())


def _column(y: npt.ArrayLike) -> npt.NDArray[Any]:
    """Labels as a C-contiguous array of one axis, by scikit-learn's rules, which take 100 microseconds to check."""
    if type(y) is np.ndarray and y.ndim == 1 and y.dtype.kind in "biuf" and y.flags.c_contiguous:
        return y
    from sklearn.utils.validation import column_or_1d

    column: npt.NDArray[Any] = column_or_1d(y)
    return column


def _plain_pairs(
    true: npt.NDArray[Any], pred: npt.NDArray[Any], sample_weight: npt.ArrayLike | None
) -> tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any] | None]:
    """Validate labels and weights together; return them as `_plain_labels` and `_plain_weights` do."""
    if len(pred) != len(true):
        raise ValueError(f"`y_true` has {len(true)} labels and `y_pred` has {len(pred)}; one each a sample is needed.")
    if len(true) == 0:
        raise ValueError("`y_true` and `y_pred` are empty; at least one sample is needed.")
    true, pred = _plain_labels(true, "y_true"), _plain_labels(pred, "y_pred")
    if (true.dtype.kind in "OU") != (pred.dtype.kind in "OU"):
        strings, number, name = (true, pred[0], "y_true") if true.dtype.kind in "OU" else (pred, true[0], "y_pred")
        advice = f"{name}.astype(int)" if all(map(str.isdigit, strings[:_LOOKED_AT])) else "names[numbers]"
        raise ValueError(
            f"One of `y_true` and `y_pred` holds numbers, such as {number}, the other strings, such as "
            f"{str(strings[0])!r}; convert one of them, with {advice} for instance."
        )
    return true, pred, None if sample_weight is None else _plain_weights(sample_weight, len(true))


def _plain_labels(y: npt.NDArray[Any], name: str) -> npt.NDArray[Any]:
    """Labels as read-only uint8, int64, (if they do not fit) uint64, str or object array of str."""
    if y.dtype.kind == "S" or (y.dtype.kind == "O" and isinstance(y[0], bytes)):
        raise TypeError(f"`{name}` holds bytes; decode them to strings first.")
    if y.dtype.kind == "O" and not isinstance(y[0], str):
        kind = type(y[0]).__name__
        raise ValueError(f"`{name}` is an object array of {kind}; convert the labels to integers or strings.")
    if y.dtype.kind == "O" and (others := [kind for kind in set(map(type, y.tolist())) if not issubclass(kind, str)]):
        raise TypeError(f"`{name}` holds {others[0].__name__} among strings; convert the labels to strings.")
    if y.dtype.kind == "f":
        if not np.isfinite(y).all():
            raise ValueError(f"`{name}` contains NaN or infinity; remove these samples or give them a label.")
        with np.errstate(invalid="ignore"):  # what is too large differs afterwards
            whole = y.astype(np.int64)
        if (whole != y).any():
            raise ValueError(f"`{name}` is continuous (not all whole numbers); class labels are needed.")
        y = whole
    elif y.dtype.kind == "b":
        y = y.view(np.uint8)
    elif y.dtype.kind in "iu":
        if y.dtype not in _COUNTED and (y.dtype != np.uint64 or y.max() <= np.iinfo(np.int64).max):
            y = y.astype(np.int64)
    elif y.dtype.kind not in "OU":
        raise ValueError(f"`{name}` is of type {y.dtype}; labels are integers, booleans, whole numbers or strings.")
    return read_only(y)


def _plain_weights(sample_weight: npt.ArrayLike, n_samples: int) -> npt.NDArray[Any]:
    """Weights as a finite int64 or float64 array of shape (n_samples,)."""
    weights = np.asarray(sample_weight)
    if weights.shape != (n_samples,):
        raise ValueError(f"`sample_weight` must be of shape ({n_samples},), got {weights.shape}.")
    if weights.dtype.kind == "c":
        raise ValueError("`sample_weight` is complex; real weights are needed.")
    weights = np.array(weights, dtype=np.int64 if weights.dtype.kind in "iub" else np.float64, order="C")
    if not np.isfinite(weights).all():
        raise ValueError("`sample_weight` contains NaN or infinity; finite weights are needed.")
    if not weights.any():
        raise ValueError("`sample_weight` is all zero; at least one weight must not be.")
    return weights


def _histogram(true: npt.NDArray[Any], pred: npt.NDArray[Any]) -> tuple[npt.NDArray[np.int64], int] | None:
    """The matrix of all labels of a range, and the first label; None where no short range holds them."""
    if not (true.dtype in _COUNTED and pred.dtype in _COUNTED):
        return None
    for lowest, highest in _ranges(true, pred):
        if lowest >= 0 and highest < 1 << _MOST_BITS:
            lowest = 0  # where labels mostly start
        n_bits = max((highest - lowest).bit_length(), _LEAST_BITS)
        if n_bits > _MOST_BITS or abs(lowest) > 1 << 62:  # no difference of two labels may look small by overflow
            break
        counts = _bet(true, pred, lowest, n_bits)
        if counts is not None:
            return counts, lowest
    return None


def _ranges(true: npt.NDArray[Any], pred: npt.NDArray[Any]) -> Iterator[tuple[int, int]]:
    """Yield the lowest and the highest of the first few labels, as a guess, then those of all labels."""
    first = true[:_LOOKED_AT].tolist() + pred[:_LOOKED_AT].tolist()
    yield min(first), max(first)
    yield int(min(true.min(), pred.min())), int(max(true.max(), pred.max()))


def _bet(true: npt.NDArray[Any], pred: npt.NDArray[Any], lowest: int, n_bits: int) -> npt.NDArray[np.int64] | None:
    """:func:`count_label_pairs` over a few threads: the matrix, whatever their number; None if the bet is lost."""
    n_parts = 1 + len(true) // _SAMPLES_PER_THREAD
    n_threads = min(n_parts, _MOST_THREADS, count_threads()) if n_parts > 1 else 1
    counts = np.zeros((n_threads, HISTOGRAMS, 1 << 2 * n_bits), dtype=np.int64)
    seen = [0] * n_threads

    def count(part: int) -> None:
        mine = slice(len(true) * part // n_threads, len(true) * (part + 1) // n_threads)
        seen[part] = count_label_pairs(true[mine], pred[mine], lowest, n_bits, counts[part])

    run_chunks(count, n_threads, n_threads)
    if not all(0 <= bits < 1 << n_bits for bits in seen):
        return None
    matrix: npt.NDArray[np.int64] = counts.sum(axis=(0, 1)).reshape(1 << n_bits, 1 << n_bits)
    return matrix


def _encode(
    true: npt.NDArray[Any], pred: npt.NDArray[Any]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], list[Any]]:
    """Codes of the true labels, codes of the predicted labels, the label of each code in ascending order."""
    if true.dtype == pred.dtype == np.int64:
        distinct = np.union1d(np.unique(true), np.unique(pred))
        return np.searchsorted(distinct, true), np.searchsorted(distinct, pred), distinct.tolist()
    # As Python objects: strings are hashed sooner than compared, and integers of any size compare exactly.
    both = true.tolist(), pred.tolist()
    label_of = sorted(set(both[0]) | set(both[1]))
    code_of = {label: code for code, label in enumerate(label_of)}
    true_codes, pred_codes = (np.fromiter(map(code_of.__getitem__, y), np.int64, len(y)) for y in both)
    return true_codes, pred_codes, label_of


def _sum_pairs(
    true: npt.NDArray[Any],
    pred: npt.NDArray[Any],
    weights: npt.NDArray[Any],
    lowest: int,
    row_of_label: npt.NDArray[np.int64],
    n_rows: int,
) -> npt.NDArray[Any]:
    """:func:`sum_label_pairs` into a new matrix of n_rows + 1 rows and columns."""
    sums = np.zeros((n_rows + 1, n_rows + 1), dtype=weights.dtype)
    sum_label_pairs(read_only(true), read_only(pred), lowest, row_of_label, weights, sums)
    return sums
