"""What a binary classifier's scores are worth, counted from sorted scores: precision, recall, ROC, reliability.

Sort the samples by falling score; answering "yes" down to the k-th of them finds TP_k positives and FP_k negatives,
which are running sums. All curves below are those two sums, divided.

T. Fawcett, "An introduction to ROC analysis", Pattern Recognition Letters 27 (2006), algorithms 1 and 2.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mnistlr._support.arrays import Floats
from mnistlr.exceptions import ArgumentError


class PrecisionRecall(NamedTuple):
    """Precision and recall by threshold, thresholds rising."""

    precision: Floats
    """Shape (n_thresholds + 1,); the last is 1."""
    recall: Floats
    """Shape (n_thresholds + 1,); the last is 0."""
    thresholds: Floats
    """Shape (n_thresholds,): the different scores; a sample is a "yes" from its threshold on."""


class Roc(NamedTuple):
    """The receiver operating characteristic, thresholds falling."""

    false_positive_rate: Floats
    """Shape (n_thresholds + 1,), from 0 to 1."""
    true_positive_rate: Floats
    """Shape (n_thresholds + 1,), from 0 to 1."""
    thresholds: Floats
    """Shape (n_thresholds + 1,): infinity, where nothing is a "yes", and the different scores."""


class Reliability(NamedTuple):
    """How often events came true, by bins of the probability that was predicted for them."""

    probability: Floats
    """Mean predicted probability in each bin that is not empty."""
    share: Floats
    """Share of them that came true."""
    n_samples: NDArray[np.int64]
    """How many samples the bin has."""

    @property
    def calibration_error(self) -> float:
        """Expected calibration error: the mean of ``|share - probability|``, weighted with ``n_samples``.

        Naeini et al., "Obtaining well calibrated probabilities using Bayesian binning", AAAI (2015).
        """
        return float(np.average(np.abs(self.share - self.probability), weights=self.n_samples))


def precision_recall_curve(y_true: ArrayLike, scores: ArrayLike) -> PrecisionRecall:
    r"""Compute precision and recall for every threshold that makes a difference.

    .. math:: \text{precision}_k = \frac{TP_k}{TP_k + FP_k}, \quad \text{recall}_k = \frac{TP_k}{P}

    The values are those of :func:`sklearn.metrics.precision_recall_curve`.

    Parameters
    ----------
    y_true : array-like of bool (or 0 and 1), shape (n_samples,)
    scores : array-like, shape (n_samples,)
        The higher, the more does the classifier believe in "yes".

    Returns
    -------
    PrecisionRecall

    Raises
    ------
    ArgumentError
        For labels that are not binary, scores that are not finite, lengths that differ, no samples, no positives.
    """
    true, score = _checked(y_true, scores)
    _need(true.any(), "at least one positive sample, or there is no recall")
    true_positives, false_positives, thresholds = _running_counts(true, score)
    precision = true_positives / (true_positives + false_positives)
    recall = true_positives / true_positives[-1]
    return PrecisionRecall(np.append(precision[::-1], 1.0), np.append(recall[::-1], 0.0), thresholds[::-1])


def average_precision(y_true: ArrayLike, scores: ArrayLike) -> float:
    r"""Compute the area under the precision-recall curve as a sum of steps.

    .. math:: AP = \sum_k (\text{recall}_k - \text{recall}_{k-1})\, \text{precision}_k

    Parameters
    ----------
    y_true, scores
        As for :func:`precision_recall_curve`.

    Returns
    -------
    float
        From 0 to 1.

    Raises
    ------
    ArgumentError
        As :func:`precision_recall_curve`.
    """
    precision, recall, _ = precision_recall_curve(y_true, scores)
    return float(-np.diff(recall) @ precision[:-1])


def roc_curve(y_true: ArrayLike, scores: ArrayLike) -> Roc:
    r"""Compute the receiver operating characteristic, a point for every threshold that makes a difference.

    .. math:: \text{fpr}_k = \frac{FP_k}{N}, \quad \text{tpr}_k = \frac{TP_k}{P}

    The values are those of :func:`sklearn.metrics.roc_curve` with ``drop_intermediate=False``.

    Parameters
    ----------
    y_true, scores
        As for :func:`precision_recall_curve`.

    Returns
    -------
    Roc

    Raises
    ------
    ArgumentError
        As :func:`precision_recall_curve`; and if there are no negatives.
    """
    true, score = _checked(y_true, scores)
    _need(true.any() and not true.all(), "positive and negative samples, or there are no rates of both")
    true_positives, false_positives, thresholds = _running_counts(true, score)
    return Roc(
        np.append(0.0, false_positives / false_positives[-1]),
        np.append(0.0, true_positives / true_positives[-1]),
        np.append(np.inf, thresholds),
    )


def auc(x: ArrayLike, y: ArrayLike) -> float:
    """Compute the area under a curve by the trapezoidal rule.

    For the ROC curve it is the probability that a positive sample has a higher score than a negative one, ties
    counted half.

    Parameters
    ----------
    x, y : array-like, shape (n,)
        Points from left to right (or from right to left), at least two.

    Returns
    -------
    float

    Raises
    ------
    ArgumentError
        If ``x`` and ``y`` differ in length, are shorter than two, or ``x`` goes both ways.
    """
    across, up = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if across.shape != up.shape or across.ndim != 1 or len(across) < 2:
        raise ArgumentError(f"expected x and y of one length, at least 2, got shapes {across.shape} and {up.shape}.")
    steps = np.diff(across)
    if not ((steps >= 0).all() or (steps <= 0).all()):
        raise ArgumentError("expected x to rise or to fall all along, got one that does both.")
    return float(abs(steps @ (up[1:] + up[:-1])) / 2)


def reliability(y_true: ArrayLike, probabilities: ArrayLike, n_bins: int = 10) -> Reliability:
    """Compare predicted probabilities with what came true, in bins of equal width.

    For several classes, take the probability of the predicted class and whether it was the right one.
    The values are those of :func:`sklearn.calibration.calibration_curve`, which has no counts.

    Parameters
    ----------
    y_true : array-like of bool (or 0 and 1), shape (n_samples,)
        What came true.
    probabilities : array-like, shape (n_samples,)
        How probable that was said to be, 0 to 1.
    n_bins : int
        Bins between 0 and 1; those without samples are left out.

    Returns
    -------
    Reliability

    Raises
    ------
    ArgumentError
        As :func:`precision_recall_curve`; and for probabilities outside 0 to 1 and no bins.
    """
    true, said = _checked(y_true, probabilities)
    _need(said.min() >= 0 and said.max() <= 1, "probabilities between 0 and 1")
    _need(n_bins >= 1, "at least one bin")
    # A value on an edge belongs to the bin below it.
    number = np.searchsorted(np.linspace(0, 1, n_bins + 1)[1:-1], said)
    count = np.bincount(number, minlength=n_bins)
    some = count > 0
    sums = (np.bincount(number, weights, minlength=n_bins)[some] for weights in (said, true))
    probability, share = (total / count[some] for total in sums)
    return Reliability(probability, share, count[some])


def _running_counts(true: NDArray[np.bool_], score: Floats) -> tuple[Floats, Floats, Floats]:
    """Return true and false positives for each different score as threshold, the scores falling."""
    order = np.argsort(-score, kind="stable")
    true, score = true[order], score[order]
    last_of_ties = np.append(np.flatnonzero(np.diff(score)), len(score) - 1)
    true_positives = np.cumsum(true, dtype=np.float64)[last_of_ties]
    return true_positives, last_of_ties + 1 - true_positives, score[last_of_ties]


def _checked(y_true: ArrayLike, scores: ArrayLike) -> tuple[NDArray[np.bool_], Floats]:
    true: NDArray[Any] = np.asarray(y_true)
    score = np.asarray(scores, dtype=np.float64)
    if true.shape != score.shape or true.ndim != 1 or not len(true):
        raise ArgumentError(
            f"expected a label and a score for each of some samples, got shapes {true.shape} and {score.shape}."
        )
    if true.dtype != bool and not np.isin(true, (0, 1)).all():
        raise ArgumentError(
            f"expected labels that are booleans, or 0 and 1, got {np.unique(true)[:5].tolist()}; "
            "compare them with the class in question first: y == 2."
        )
    _need(np.isfinite(score).all(), "finite scores")
    return true.astype(bool), score


def _need(condition: bool | np.bool_, what: str) -> None:
    if not condition:
        raise ArgumentError(f"expected {what}; the data given have none such.")
