"""Bars with a name each: accuracies of several models, kinds of mistakes."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from mnistlr.exceptions import ArgumentError
from mnistlr.plots.style import BLUE, SMALL, VERMILION, axes_or_new, dress, legend, open_frame

if TYPE_CHECKING:
    from matplotlib.axes import Axes


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
        Where to draw; by default in a new figure.

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
        Where to draw; by default in a new figure.

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
