"""The confusion matrix, legible with ten classes and with fifty."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mnistlr.exceptions import ArgumentError
from mnistlr.metrics.summary import write_count
from mnistlr.plots.display import Display
from mnistlr.plots.style import POINTS_A_CHARACTER, SMALL, axes_or_new, colour_bar, dress, text_colour

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Normalize = Literal["true", "pred", "errors"]
Cells = Literal["both", "counts", "shares"]

_WHOLE = {
    None: "all images",
    "true": "the images of the true class",
    "pred": "the images predicted as the class",
    "errors": "the errors of the true class",
}
_LINE = 1.3 * SMALL  # points from one line of text to the next
_MANY = 20  # classes from which cells hold counts only


def confusion_shares(matrix: ArrayLike, normalize: Normalize | None = None) -> NDArray[np.float64]:
    """Divide a confusion matrix.

    Parameters
    ----------
    matrix : array-like, shape (n_classes, n_classes)
        Counts or weights; true classes down, predicted classes across.
    normalize : {"true", "pred", "errors"} or None
        By the sum of all, of rows ("true"), of columns ("pred"), or of rows without the diagonal, which then is
        zero ("errors": where do the errors go?). 0 / 0 counts as 0.

    Returns
    -------
    ndarray of float64, shape (n_classes, n_classes)

    Raises
    ------
    ArgumentError
        For another ``normalize``, or a matrix that is not square or has no classes.
    """
    if normalize not in _WHOLE:
        raise ArgumentError(f"expected normalize to be None, 'true', 'pred' or 'errors', got {normalize!r}.")
    counts = np.array(matrix, dtype=np.float64)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1] or not len(counts):
        raise ArgumentError(f"expected a square confusion matrix, got shape {counts.shape}.")
    if normalize == "errors":
        np.fill_diagonal(counts, 0)
    axis = {None: None, "true": 1, "errors": 1, "pred": 0}[normalize]
    whole = counts.sum(axis=axis, keepdims=True)
    shares: NDArray[np.float64] = np.divide(counts, whole, out=np.zeros_like(counts), where=whole > 0)
    return shares


def plot_confusion_matrix(
    matrix: ArrayLike, labels: Sequence[Any] | None = None, *, normalize: Normalize | None = None,
    cells: Cells = "both", ax: "Axes | None" = None,
) -> "Axes":  # fmt: skip
    """Draw a confusion matrix: counts and percentages in the cells, with many classes the counts.

    A new figure grows with the number of classes, so that the text in every cell is of 8 points. On given axes that
    are too small for that, the colours speak alone.

    Parameters
    ----------
    matrix : array-like, shape (n_classes, n_classes)
        Counts or weights; true classes down, predicted classes across.
    labels : sequence of length n_classes, optional
        Names of the classes, by default 0, 1, 2, ...
    normalize : {"true", "pred", "errors"} or None
        What the colours and percentages are parts of, see :func:`confusion_shares`.
    cells : {"both", "counts", "shares"}
        What to write into the cells.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on; by default those of a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ArgumentError
        As :func:`confusion_shares`; and for other ``cells``, or not a label for each class.
    """
    if cells not in ("both", "counts", "shares"):
        raise ArgumentError(f"expected cells to be 'both', 'counts' or 'shares', got {cells!r}.")
    shares, counts = confusion_shares(matrix, normalize), np.asarray(matrix)
    n = len(counts)
    names = [str(label) for label in (range(n) if labels is None else labels)]
    if len(names) != n:
        raise ArgumentError(f"expected a label for each of {n} classes, got {len(names)}.")
    written = "counts" if n > _MANY and cells == "both" else cells
    texts = [[_cell(counts[i, j], shares[i, j], normalize, i == j, written) for j in range(n)] for i in range(n)]
    widest = max((len(line) for row in texts for text in row for line in text.split("\n")), default=1)
    n_lines = max(text.count("\n") + 1 for row in texts for text in row)
    needed = max(widest * POINTS_A_CHARACTER + 3, n_lines * _LINE + 3)  # points a cell
    beside = 0.5 + max(map(len, names)) * POINTS_A_CHARACTER / 72
    side = max(n * needed / 72, 3.0)  # the title needs some room as well
    room = side * 72 / n if ax is None else _points_a_cell(ax, n)
    ax = axes_or_new(ax, side + beside + 1.3, side + beside + 0.5)
    shown = np.ma.masked_where(np.eye(n, dtype=bool) & (normalize == "errors"), 100 * shares)
    drawn = ax.imshow(shown, cmap=_blues(), vmin=0, vmax=float(shown.max()) or 1.0, interpolation="nearest")
    _set_ticks(ax, names, room)
    ax.set_xticks(np.arange(n + 1) - 0.5, minor=True)
    ax.set_yticks(np.arange(n + 1) - 0.5, minor=True)
    ax.grid(which="minor", color="0.8", linewidth=0.5)
    ax.tick_params(which="minor", length=0)
    colour_bar(drawn, ax, f"share of {_WHOLE[normalize]} (%)", fraction=0.046, pad=0.02)
    dress(ax, title=_accuracy(counts, names), x="predicted class", y="true class")
    if room >= needed:
        rgba = drawn.to_rgba(shown)
        for i, j in np.ndindex(n, n):
            if texts[i][j]:
                colour = text_colour(rgba[i, j])
                ax.text(j, i, texts[i][j], fontsize=SMALL, ha="center", va="center", color=colour, linespacing=1.1)
    return ax


class ConfusionMatrixDisplay(Display):
    """A confusion matrix, drawn by :func:`plot_confusion_matrix`.

    Parameters
    ----------
    matrix : array-like, shape (n_classes, n_classes)
    labels : sequence, optional

    Examples
    --------
    >>> from mnistlr.plots import ConfusionMatrixDisplay
    >>> ConfusionMatrixDisplay.from_predictions([0, 0, 1, 1], [0, 1, 1, 1]).matrix
    array([[1, 1],
           [0, 2]])
    """

    def __init__(self, matrix: ArrayLike, labels: Sequence[Any] | None = None) -> None:
        self.matrix = np.asarray(matrix)
        self.labels = labels

    @classmethod
    def from_predictions(
        cls, y_true: ArrayLike, y_pred: ArrayLike, *, labels: ArrayLike | None = None,
        normalize: Normalize | None = None, ax: "Axes | None" = None,
    ) -> Self:  # fmt: skip
        """Count with :func:`mnistlr.confusion_matrix`, and draw."""
        from mnistlr.metrics.summary import ClassificationSummary

        summary = ClassificationSummary.from_predictions(y_true, y_pred, labels)
        return cls(summary.matrix, summary.labels).plot(normalize=normalize, ax=ax)

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: Any, y: ArrayLike, *, labels: ArrayLike | None = None,
        normalize: Normalize | None = None, ax: "Axes | None" = None,
    ) -> Self:  # fmt: skip
        """Draw how ``estimator``, any fitted classifier, predicts ``X``, whose labels are ``y``."""
        return cls.from_predictions(y, estimator.predict(X), labels=labels, normalize=normalize, ax=ax)

    def plot(self, *, normalize: Normalize | None = None, ax: "Axes | None" = None) -> Self:
        """Draw on ``ax``, by default on a new figure."""
        self.ax_ = plot_confusion_matrix(self.matrix, self.labels, normalize=normalize, ax=ax)
        return self


def _cell(count: Any, share: float, normalize: Normalize | None, is_right: bool, cells: Cells) -> str:
    if not count or (is_right and normalize == "errors"):
        return ""
    number = write_count(count)
    part = f"{100 * share:.{1 if share >= 1e-3 else 2}f}"
    return {"counts": number, "shares": part, "both": f"{number}\n{part} %"}[cells]


def _accuracy(counts: NDArray[Any], names: list[str]) -> str:
    """Return accuracy and trivial baseline as a title."""
    per_class = confusion_shares(counts).sum(axis=1)
    often = int(per_class.argmax())
    right = 100 * confusion_shares(counts).trace()
    return f"accuracy {right:.2f} % (always “{names[often]}”: {100 * per_class[often]:.2f} %)"


def _set_ticks(ax: "Axes", names: list[str], room: float) -> None:
    """Name the classes; where a cell of ``room`` points is too small for that, every second, third, ... of them."""
    every = max(1, int(np.ceil(_LINE / room)))
    shown = np.arange(0, len(names), every)
    ax.set_yticks(shown, [names[k] for k in shown])
    upright = max(map(len, names)) * POINTS_A_CHARACTER > every * room
    ax.set_xticks(shown, [names[k] for k in shown], rotation=90 if upright else 0)


def _points_a_cell(ax: "Axes", n: int) -> float:
    """Return the size of a cell in points, as far as it is known before the figure is laid out."""
    window = ax.get_window_extent()
    return min(window.width, window.height) * 72 / ax.figure.dpi / n


def _blues() -> Any:
    import matplotlib

    return matplotlib.colormaps["Blues"].with_extremes(bad="0.9")
