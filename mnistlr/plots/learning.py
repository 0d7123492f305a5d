"""How training went: objective, suboptimality, test error, against passes or seconds."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike

from mnistlr.exceptions import ArgumentError
from mnistlr.plots.display import Display
from mnistlr.plots.style import GREY, axes_or_new, dress, legend, line_style, open_frame, split

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Across = Literal["passes", "seconds", "iterations"]
History = Mapping[str, ArrayLike]

_X_LABELS = {"passes": "passes over the training data", "seconds": "training time (s)", "iterations": "iterations"}
_Y_LABELS = {
    "objective": "objective (nats: mean loss + penalty)",
    "suboptimality": "relative suboptimality, (f − f*) / f*",
    "test_error": "test error (%)",
    "validation_loss": "validation loss (nats)",
    "gradient_norm": "largest entry of the gradient (nats)",
}
_LOGARITHMIC = ("suboptimality", "gradient_norm")


def plot_learning_curves(
    histories: Mapping[str, History], *, x: Across = "passes", y: str = "objective", optimum: float | None = None,
    baseline: float | None = None, logarithmic: bool | None = None, ax: "Axes | None" = None,
) -> "Axes":  # fmt: skip
    """Draw what solvers reached, one line each.

    Parameters
    ----------
    histories : mapping of str to mapping of str to array-like, shape (n_iterations,)
        Name of the solver -> its ``history_``: ``objective``, ``passes``, ``seconds``, ... by iteration.
    x : {"passes", "seconds", "iterations"}
    y : {"objective", "suboptimality", "test_error", "validation_loss", "gradient_norm"}
        ``test_error`` is a share, 0 to 1, drawn in per cent.
    optimum : float, optional
        The least value of the objective, for ``y="suboptimality"``; by default the least that any of them reached.
    baseline : float, optional
        Test error of always giving the most frequent label, for comparison.
    logarithmic : bool, optional
        Whether the upright axis is; by default that of suboptimality and gradient norm.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on; by default those of a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ArgumentError
        If there is nothing to draw, or a history lacks ``x`` or ``y``.
    """
    if x not in _X_LABELS or y not in _Y_LABELS:
        raise ArgumentError(
            f"expected x to be one of {', '.join(_X_LABELS)} and y one of {', '.join(_Y_LABELS)}, got {x!r} and {y!r}."
        )
    if not histories:
        raise ArgumentError("expected at least one history to draw, got none.")
    lines = {name: _line(name, history, x, y) for name, history in histories.items()}
    if y == "suboptimality":
        least = min(float(values.min()) for _, values in lines.values()) if optimum is None else optimum
        # The optimum itself has no place on a logarithmic axis.
        lines = {name: (at, np.where(v > least, (v - least) / abs(least), np.nan)) for name, (at, v) in lines.items()}
    ax = axes_or_new(ax, 5.6, 3.6)
    from matplotlib.ticker import MaxNLocator

    for k, (name, (at, values)) in enumerate(lines.items()):
        ax.plot(at, values, label=name, marker="o" if len(at) < 30 else "", markersize=3.5, **line_style(k))
    if baseline is not None:
        ax.axhline(100 * baseline, color=GREY, linestyle=":", label=f"most frequent label: {100 * baseline:.2f} %")
    if y in _LOGARITHMIC if logarithmic is None else logarithmic:
        ax.set_yscale("log")
    if logarithmic:
        _write_plainly(ax)
    elif y == "test_error":
        ax.set_ylim(bottom=0)
    if x != "seconds":
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    open_frame(ax)
    dress(ax, x=_X_LABELS[x], y=_Y_LABELS[y])
    legend(ax)
    return ax


class LearningCurveDisplay(Display):
    """Objective and test error of one or several solvers, drawn by :func:`plot_learning_curves`.

    With several solvers the objective becomes the suboptimality, on a logarithmic axis, so that they can be told
    apart where all are nearly done.

    Parameters
    ----------
    histories : mapping of str to mapping of str to array-like
        Name -> ``history_``; with a key ``test_error``, a share by iteration, where that is known.
    optimum : float, optional
        The least value of the objective; by default the least that any of them reached.
    baseline : float, optional
        Test error of always giving the most frequent label.

    Examples
    --------
    >>> from mnistlr import SoftmaxRegression, load_digits
    >>> from mnistlr.plots import LearningCurveDisplay
    >>> model = SoftmaxRegression(random_state=0).fit(*load_digits())
    >>> LearningCurveDisplay.from_estimator(model).plot(x="seconds").ax_.get_xlabel()
    'training time (s)'
    """

    def __init__(
        self, histories: Mapping[str, History], *, optimum: float | None = None, baseline: float | None = None
    ) -> None:
        self.histories = histories
        self.optimum = optimum
        self.baseline = baseline

    @classmethod
    def from_estimator(
        cls, estimator: Any, *, x: Across = "passes", optimum: float | None = None, ax: "Axes | None" = None
    ) -> Self:
        """Draw ``history_`` of a fitted estimator, or of each of a mapping of names to fitted estimators.

        Raises
        ------
        ArgumentError
            If one has no ``history_``, because ``fit`` has not been called.
        """
        estimators = estimator if isinstance(estimator, Mapping) else {type(estimator).__name__: estimator}
        for name, one in estimators.items():
            if not hasattr(one, "history_"):
                raise ArgumentError(f"expected estimators that fit() has given a history_, {name} has none.")
        histories = {name: one.history_ for name, one in estimators.items()}
        return cls(histories, optimum=optimum).plot(x=x, ax=ax)

    def plot(self, *, x: Across = "passes", ax: "Axes | None" = None) -> Self:
        """Draw on ``ax``, by default on a new figure; the test error, if known, to the right of the objective.

        ``ax_`` is then the axes of the objective, and ``test_ax_`` those of the test error.
        """
        with_errors = {name: history for name, history in self.histories.items() if "test_error" in history}
        if with_errors:
            self.ax_, self.test_ax_ = split(axes_or_new(ax, 10, 3.6), [1, 1], [0.2])
            plot_learning_curves(with_errors, x=x, y="test_error", baseline=self.baseline, ax=self.test_ax_)
        else:
            self.ax_ = axes_or_new(ax, 5.6, 3.6)
        y = "suboptimality" if len(self.histories) > 1 or self.optimum is not None else "objective"
        plot_learning_curves(self.histories, x=x, y=y, optimum=self.optimum, ax=self.ax_)
        return self


def _write_plainly(ax: "Axes") -> None:
    """Label a logarithmic axis that spans less than a few powers of ten: 0.2, 0.5, 1, 2, 5, ..."""
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    ax.yaxis.set_minor_formatter(NullFormatter())


def _line(name: str, history: History, x: Across, y: str) -> tuple[Any, Any]:
    """Return the values across and up of a history."""
    key = "objective" if y == "suboptimality" else y
    missing = {key, x} - {*history, "iterations"}
    if missing:
        raise ArgumentError(
            f"the history of {name} has no {' and no '.join(sorted(missing))}, only {', '.join(history)}."
        )
    values = np.asarray(history[key], dtype=np.float64) * (100 if y == "test_error" else 1)
    return np.arange(1, len(values) + 1) if x == "iterations" else np.asarray(history[x]), values
