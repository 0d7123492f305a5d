"""What the scores of a binary classifier are worth: thresholds, precision-recall, ROC, distributions, reliability."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from mnistlr.exceptions import ArgumentError
from mnistlr.metrics.curves import auc, average_precision, precision_recall_curve, reliability, roc_curve
from mnistlr.plots.style import BLUE, GREY, VERMILION, axes_or_new, dress, legend, legend_above, line_style, open_frame

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Scores = ArrayLike | Mapping[str, ArrayLike]


def plot_thresholds(
    y_true: ArrayLike, scores: ArrayLike, *, threshold: float | None = 0.0, ax: "Axes | None" = None
) -> "Axes":
    """Draw precision and recall against the threshold.

    Parameters
    ----------
    y_true : array-like of bool, shape (n_samples,)
    scores : array-like, shape (n_samples,)
        Decision function, or probabilities.
    threshold : float, optional
        The threshold in use, drawn as an upright line.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on; by default those of a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ArgumentError
        As :func:`mnistlr.metrics.curves.precision_recall_curve`.
    """
    precision, recall, thresholds = precision_recall_curve(y_true, scores)
    ax = axes_or_new(ax, 5.6, 3.6)
    ax.plot(thresholds, 100 * precision[:-1], label="precision", **line_style(0))
    ax.plot(thresholds, 100 * recall[:-1], label="recall", **line_style(1))
    share = 100 * float(np.mean(np.asarray(y_true, dtype=bool)))
    ax.axhline(share, color=GREY, linestyle=":", label=f"precision of always “yes”: {share:.1f} %")
    _mark_threshold(ax, threshold)
    open_frame(ax)
    dress(ax, x="threshold (score, nats)", y="precision, recall (%)")
    legend_above(ax, 2)
    return ax


def plot_precision_recall(y_true: ArrayLike, scores: Scores, *, ax: "Axes | None" = None) -> "Axes":
    """Draw precision against recall.

    Parameters
    ----------
    y_true : array-like of bool, shape (n_samples,)
    scores : array-like, shape (n_samples,), or mapping of str to such
        Of one classifier, or of several by their names.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on; by default those of a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ArgumentError
        As :func:`mnistlr.metrics.curves.precision_recall_curve`.
    """
    ax = axes_or_new(ax, 4.4, 4.0)
    for k, (name, values) in enumerate(_by_name(scores).items()):
        precision, recall, _ = precision_recall_curve(y_true, values)
        label = f"{name}average precision {100 * average_precision(y_true, values):.2f} %"
        ax.plot(100 * recall, 100 * precision, drawstyle="steps-post", label=label, **line_style(k))
    share = 100 * float(np.mean(np.asarray(y_true, dtype=bool)))
    ax.axhline(share, color=GREY, linestyle=":", label=f"always “yes”: {share:.1f} %")
    _square(ax)
    dress(ax, x="recall (%)", y="precision (%)")
    legend(ax, loc="center left" if share < 25 else "lower left")
    return ax


def plot_roc(y_true: ArrayLike, scores: Scores, *, ax: "Axes | None" = None) -> "Axes":
    """Draw the receiver operating characteristic, with the area under it.

    Parameters
    ----------
    y_true, scores, ax
        As for :func:`plot_precision_recall`.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ArgumentError
        As :func:`mnistlr.metrics.curves.roc_curve`.
    """
    ax = axes_or_new(ax, 4.4, 4.0)
    for k, (name, values) in enumerate(_by_name(scores).items()):
        fpr, tpr, _ = roc_curve(y_true, values)
        ax.plot(100 * fpr, 100 * tpr, label=f"{name}area under the curve {auc(fpr, tpr):.4f}", **line_style(k))
    ax.plot([0, 100], [0, 100], color=GREY, linestyle=":", label="chance 0.5")
    _square(ax)
    dress(ax, x="false positive rate (%)", y="true positive rate = recall (%)")
    legend(ax, loc="lower right")
    return ax


def plot_score_distributions(
    y_true: ArrayLike, scores: ArrayLike, *, names: tuple[str, str] = ("no", "yes"), threshold: float | None = 0.0,
    n_bins: int = 60, ax: "Axes | None" = None,
) -> "Axes":  # fmt: skip
    """Draw how the scores of the negative and of the positive samples are distributed.

    Parameters
    ----------
    y_true : array-like of bool, shape (n_samples,)
    scores : array-like, shape (n_samples,)
    names : tuple of str
        What to call the negative and the positive samples.
    threshold : float, optional
        The threshold in use, drawn as an upright line.
    n_bins : int
    ax : matplotlib.axes.Axes, optional
        Axes to draw on; by default those of a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ArgumentError
        If there are no samples, or not a label for each score.
    """
    true, values = np.asarray(y_true, dtype=bool), np.asarray(scores, dtype=np.float64)
    if true.shape != values.shape or not len(true):
        raise ArgumentError(f"expected a label for each score, got shapes {true.shape} and {values.shape}.")
    ax = axes_or_new(ax, 5.6, 3.2)
    edges = np.histogram_bin_edges(values, n_bins)
    for k, (part, name) in enumerate(zip((values[~true], values[true]), names, strict=True)):
        share = 100 * np.histogram(part, edges)[0] / max(len(part), 1)
        ax.stairs(
            share, edges, fill=True, facecolor=(VERMILION, BLUE)[k], alpha=0.45, label=f"{name}: {len(part):,} images"
        )
        ax.stairs(share, edges, color=(VERMILION, BLUE)[k], linestyle=("--", "-")[k], linewidth=1.2)
    _mark_threshold(ax, threshold)
    open_frame(ax)
    dress(ax, x="score (nats)", y="images (% of the class, a bin)")
    legend_above(ax, 3)
    return ax


def plot_reliability(
    y_true: ArrayLike, probabilities: ArrayLike, *, n_bins: int = 10, ax: "Axes | None" = None
) -> "Axes":
    """Draw how often an event came true against the probability that was predicted for it.

    Parameters
    ----------
    y_true : array-like of bool, shape (n_samples,)
        What came true; for several classes, whether the predicted class was the right one.
    probabilities : array-like, shape (n_samples,)
        How probable that was said to be, 0 to 1.
    n_bins : int
    ax : matplotlib.axes.Axes, optional
        Axes to draw on; by default those of a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ArgumentError
        As :func:`mnistlr.metrics.curves.reliability`.
    """
    found = reliability(y_true, probabilities, n_bins)
    ax = axes_or_new(ax, 4.4, 4.0)
    ax.plot([0, 100], [0, 100], color=GREY, linestyle=":", label="perfectly reliable")
    label = f"model: expected calibration error {100 * found.calibration_error:.2f} %"
    ax.plot(100 * found.probability, 100 * found.share, label=label, **line_style(0))
    sizes = 15 + 250 * found.n_samples / found.n_samples.sum()
    ax.scatter(100 * found.probability, 100 * found.share, s=sizes, color=BLUE)
    _square(ax)
    dress(ax, x="predicted probability (%); area of a dot: images", y="came true (%)")
    legend_above(ax, 1)
    return ax


def _mark_threshold(ax: "Axes", threshold: float | None) -> None:
    if threshold is not None:
        ax.axvline(threshold, color="black", linewidth=0.8, label=f"threshold in use: {threshold:.3g}")


def _square(ax: "Axes") -> None:
    """Give two shares from 0 to 1 axes of equal length."""
    open_frame(ax)
    ax.set_aspect("equal")


def _by_name(scores: Scores) -> dict[str, ArrayLike]:
    return {f"{name}: ": values for name, values in scores.items()} if isinstance(scores, Mapping) else {"": scores}
