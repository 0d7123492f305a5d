"""Counting pairs of labels, for the confusion matrix."""

import numpy as np

from mnistlr.kernels.compiling import jit

# Consecutive samples are counted in different histograms, because adding twice in a row to one cell has to
# wait for the first addition to reach memory. A constant, so that the choice of the histogram costs nothing.
HISTOGRAMS = 4


@jit
def count_label_pairs(y_true, y_pred, lowest, n_bits, counts):
    """Count how often each pair of integer labels occurs, on the bet that they all lie in a small range.

    Only the ``n_bits`` low bits of ``label - lowest`` address the histogram, so that no label, however wild,
    writes outside it. Whether the bet was won is known afterwards, at the price of one ``or`` per label.

    Parameters
    ----------
    y_true, y_pred : integer arrays of shape (n_samples,)
    lowest : int
        The label that is counted in row (or column) 0.
    n_bits : int
        The matrix has ``2**n_bits`` rows and columns.
    counts : int64 array of shape (HISTOGRAMS, 2**n_bits * 2**n_bits)
        Added to; the sum over the histograms is the matrix, row by row.

    Returns
    -------
    int64
        The bitwise ``or`` of all ``label - lowest``. The counts are right if it lies in ``[0, 2**n_bits)``,
        and to be thrown away otherwise.
    """
    label_mask = (1 << n_bits) - 1
    seen = np.int64(0)
    for i in range(y_true.shape[0]):
        true = np.int64(y_true[i]) - lowest
        pred = np.int64(y_pred[i]) - lowest
        cell = ((true & label_mask) << n_bits) | (pred & label_mask)
        counts[np.uint64(i % HISTOGRAMS), np.uint64(cell)] += 1  # unsigned: no wrap-around of negative indices
        seen |= true | pred
    return seen


@jit
def sum_label_pairs(y_true, y_pred, lowest, row_of_label, weights, sums):
    """Add the weight of each sample to the cell of its pair of integer labels, in the order of the samples.

    ``sums[row_of_label[y_true[i] - lowest], row_of_label[y_pred[i] - lowest]] += weights[i]``. One running
    sum a cell, never split among threads: floating-point weights give the same bits everywhere.

    Parameters
    ----------
    y_true, y_pred : integer arrays of shape (n_samples,)
        Values in ``[lowest, lowest + n_labels)``.
    lowest : int
    row_of_label : int64 array of shape (n_labels,)
        The row (and column) of the matrix that each label belongs to, in ``[0, n_rows)``.
    weights : int64 or float64 array of shape (n_samples,)
    sums : array of shape (n_rows, n_rows), of the type of the weights
        Added to.
    """
    for i in range(y_true.shape[0]):
        row = row_of_label[np.int64(y_true[i]) - lowest]
        column = row_of_label[np.int64(y_pred[i]) - lowest]
        sums[row, column] += weights[i]
