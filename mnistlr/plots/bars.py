"""Bars: images of each class, folds, accuracies of several models, kinds of mistakes."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from mnistlr.exceptions import ArgumentError
from mnistlr.plots.style import (
    BLUE,
    GREY,
    ORANGE,
    SMALL,
    VERMILION,
    axes_or_new,
    dress,
    legend,
    legend_above,
    open_frame,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_class_balance(
    y_train: ArrayLike, y_test: ArrayLike | None = None, *, labels: Sequence[Any] | None = None,
    ax: "Axes | None" = None,
) -> "Axes":  # fmt: skip
    """Draw which share of the images each class has, beside equal shares.

    Parameters
    ----------
    y_train, y_test : array-like, shapes (n_train,) and (n_test,)
        Labels; those of the test images may be left out.
    labels : sequence, optional
        The classes, by default those that occur.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on; by default those of a new figure.

    Returns
    -------
    matplotlib.axes.Axes
    """
    parts = {"training": np.asarray(y_train)}
    if y_test is not None:
        parts["test"] = np.asarray(y_test)
    names = np.unique(np.concatenate(list(parts.values()))) if labels is None else np.asarray(labels)
    ax = axes_or_new(ax, max(5.6, 0.22 * len(names) + 1), 3.0)
    width = 0.8 / len(parts)
    for k, (part, y) in enumerate(parts.items()):
        shares = [100 * float(np.mean(y == name)) for name in names]
        at = np.arange(len(names)) + (k - (len(parts) - 1) / 2) * width
        ax.bar(
            at, shares, width, color=(BLUE, ORANGE)[k], edgecolor="black", linewidth=0.5, hatch=("", "///")[k],
            label=f"{part}: {len(y):,} images",
        )  # fmt: skip
    ax.axhline(100 / len(names), color=GREY, linestyle="--", label=f"equal shares: {100 / len(names):.1f} %")
    open_frame(ax)
    ax.grid(visible=False, axis="x")
    ax.margins(x=0.02)
    dress(ax, x="class", y="share of the images (%)")
    long = max(len(str(name)) for name in names) * len(names) > 80
    ax.set_xticks(range(len(names)), [str(name) for name in names], rotation=90 if long else 0)
    legend_above(ax, 3)
    return ax


def plot_folds(
    scores: ArrayLike, baselines: ArrayLike, *, title: str = "", unit: str = "accuracy (%)", ax: "Axes | None" = None
) -> "Axes":
    """Draw the accuracy in each fold of a cross-validation, and of the trivial baseline beside it.

    Parameters
    ----------
    scores, baselines : array-like, shape (n_folds,)
        Shares, 0 to 1, drawn in per cent.
    title, unit : str
        Above the axes, and beside the upright one.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on; by default those of a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ArgumentError
        If there are no folds, or not as many baselines as scores.
    """
    ours, theirs = 100 * np.asarray(scores, dtype=np.float64), 100 * np.asarray(baselines, dtype=np.float64)
    if ours.shape != theirs.shape or ours.ndim != 1 or not len(ours):
        raise ArgumentError(f"expected a score and a baseline for each fold, got shapes {ours.shape}, {theirs.shape}.")
    ax = axes_or_new(ax, max(5.0, 1 + 0.9 * len(ours)), 3.2)
    at = np.arange(1, len(ours) + 1)
    for k, (values, name) in enumerate([(ours, "model"), (theirs, "always the most frequent label")]):
        bars = ax.bar(
            at + (k - 0.5) * 0.42, values, 0.42, color=(BLUE, "0.8")[k], edgecolor="black", linewidth=0.5,
            label=f"{name}: mean {values.mean():.2f} %",
        )  # fmt: skip
        ax.bar_label(bars, fmt="%.1f", fontsize=SMALL, padding=1)
    open_frame(ax)
    ax.grid(visible=False, axis="x")
    ax.margins(y=0.12)  # room for the numbers
    dress(ax, title=title, x="fold", y=unit)
    ax.set_xticks(at)
    legend_above(ax, 2)
    return ax


def plot_accuracies(
    accuracies: Mapping[str, float], *, baseline: float | None = None, ax: "Axes | None" = None
) -> "Axes":  # fmt: skip
    """Draw the accuracy of several models as bars from zero, the trivial baseline across them.

    Parameters
    ----------
    accuracies : mapping of str to float
        Name -> share of the answers that are right, 0 to 1, drawn in per cent.
    baseline : float, optional
        Accuracy of always giving the most frequent label.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on; by default those of a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ArgumentError
        If there are no accuracies.
    """
    if not accuracies:
        raise ArgumentError("expected at least one accuracy to draw, got none.")
    values = 100 * np.array(list(accuracies.values()), dtype=np.float64)
    ax = _bars(list(accuracies), values, "%.2f %%", ax)
    if baseline is not None:
        ax.axvline(
            100 * baseline, color=VERMILION, linestyle="--", label=f"most frequent label: {100 * baseline:.2f} %"
        )
    ax.set_xlim(0, 115)  # room for the numbers
    ax.set_xticks(range(0, 101, 20))
    dress(ax, x="accuracy (%)")
    legend(ax, loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.2)
    return ax


def plot_most_confused(pairs: Iterable[Any], *, ax: "Axes | None" = None) -> "Axes":
    """Draw how often each kind of mistake was made.

    Parameters
    ----------
    pairs : iterable of (true_label, predicted_label, n_samples)
        Such as :meth:`mnistlr.ClassificationSummary.most_confused` returns.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on; by default those of a new figure.

    Returns
    -------
    matplotlib.axes.Axes
    """
    listed = list(pairs)
    ax = _bars([f"{true} read as {pred}" for true, pred, _ in listed], [n for _, _, n in listed], "%g", ax)
    ax.margins(x=0.1)
    ax.locator_params(axis="x", integer=True)
    dress(ax, x="images")
    return ax


def _bars(names: list[str], values: Any, number: str, ax: "Axes | None") -> "Axes":
    """Draw a bar for each name, the first at the top, with its number at its end."""
    ax = axes_or_new(ax, 4.8, 0.9 + 0.28 * max(len(names), 1))
    bars = ax.barh(range(len(names)), values, 0.7, color=BLUE, edgecolor="black", linewidth=0.5)
    ax.bar_label(bars, fmt=number, fontsize=SMALL, padding=2)
    open_frame(ax)
    ax.grid(visible=False, axis="y")
    ax.set_yticks(range(len(names)), names)
    ax.invert_yaxis()
    return ax
