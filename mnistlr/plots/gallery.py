"""Two classes that are confused: which images went right and which went wrong, in four blocks."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike

from mnistlr.exceptions import ArgumentError
from mnistlr.plots.digits import draw_mosaic, grid
from mnistlr.plots.display import Display
from mnistlr.plots.style import LARGE, NORMAL, SMALL, as_images, axes_or_new, dress, ink_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_INCHES = 0.36  # an image
_BETWEEN = 0.9  # blocks, in widths of an image: room for a line above each


def plot_error_gallery(
    images: ArrayLike, y_true: ArrayLike, y_pred: ArrayLike, pair: Sequence[Any], *, side: int = 5,
    image_shape: tuple[int, int] | None = None, ax: "Axes | None" = None,
) -> "Axes":  # fmt: skip
    """Draw images of two classes that were predicted as one of the two, in four blocks.

    Above a, below b; left predicted as a, right as b: what is off the diagonal went wrong. The layout is that of
    A. Géron, "Hands-On Machine Learning", 3rd edition, figure 3-11.

    Parameters
    ----------
    images : array-like, shape (n, rows, columns) or (n, n_pixels)
        All images that were predicted.
    y_true, y_pred : array-like, shape (n,)
    pair : sequence of two labels (a, b)
    side : int
        Each block shows at most side x side images, the first ones.
    image_shape, ax
        As for :func:`plot_digits`.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ArgumentError
        If the pixels make no images, not as many labels, or if ``pair`` is no two different labels.
    """
    images, true, pred = as_images(images, image_shape), np.asarray(y_true), np.asarray(y_pred)
    if not len(images) == len(true) == len(pred):
        raise ArgumentError(f"expected as many labels as images, got {len(images)}, {len(true)} and {len(pred)}.")
    if len(pair) != 2 or pair[0] == pair[1]:
        raise ArgumentError(f"expected a pair of two different labels, got {pair!r}.")
    layout = grid(side * side, side, titled=False, least=_INCHES, whole=0)
    block = layout.width
    step = block + _BETWEEN
    ax = axes_or_new(ax, _INCHES * 2 * step + 0.5, _INCHES * 2 * step + 0.5)
    ink = ink_of(images)
    for i, a in enumerate(pair):
        for j, b in enumerate(pair):
            found = np.flatnonzero((true == a) & (pred == b))
            x, y = j * step, i * step
            some = f"the first {side * side} of " if len(found) > side * side else ""
            number = f"{some}{len(found):,} image" + "s" * (len(found) != 1)
            ax.text(x, y - 0.15, number, fontsize=SMALL, ha="left", va="bottom")
            if len(found):
                draw_mosaic(
                    ax, images[found[: side * side]], [], layout, corner=(x, y), cmap="gray_r", vmin=0, vmax=ink
                )
    ax.set_xlim(-0.1, 2 * step - _BETWEEN + 0.1)
    ax.set_ylim(2 * step - _BETWEEN + 0.1, -_BETWEEN)
    middles = [block / 2, step + block / 2]
    dress(ax, x=f"predicted class (each image {images.shape[1]} × {images.shape[2]} pixels)", y="true class")
    ax.set_xticks(middles, [str(label) for label in pair], fontsize=LARGE)
    ax.set_yticks(middles, [str(label) for label in pair], fontsize=LARGE)
    ax.tick_params(length=0)
    ax.set_title(f"{pair[0]} and {pair[1]}: right on the diagonal, confused beside it", fontsize=NORMAL)
    return ax


class ErrorGalleryDisplay(Display):
    """Images of two classes that are confused, drawn by :func:`plot_error_gallery`.

    Parameters
    ----------
    images : array-like, shape (n, rows, columns) or (n, n_pixels)
    y_true, y_pred : array-like, shape (n,)
    image_shape : tuple of int, optional

    Examples
    --------
    >>> from mnistlr import SoftmaxRegression, load_digits
    >>> from mnistlr.plots import ErrorGalleryDisplay
    >>> X, y = load_digits()
    >>> model = SoftmaxRegression(random_state=0).fit(X, y)
    >>> ErrorGalleryDisplay.from_estimator(model, X, y, pair=(3, 9)).pair_
    (3, 9)
    """

    def __init__(
        self, images: ArrayLike, y_true: ArrayLike, y_pred: ArrayLike, image_shape: tuple[int, int] | None = None
    ) -> None:
        self.images = as_images(images, image_shape)
        self.y_true = np.asarray(y_true)
        self.y_pred = np.asarray(y_pred)

    @classmethod
    def from_predictions(
        cls, images: ArrayLike, y_true: ArrayLike, y_pred: ArrayLike, *, pair: Sequence[Any] | None = None,
        image_shape: tuple[int, int] | None = None, ax: "Axes | None" = None,
    ) -> Self:  # fmt: skip
        """Draw the images of ``pair``, by default of the two classes that are confused most."""
        return cls(images, y_true, y_pred, image_shape).plot(pair=pair, ax=ax)

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: Any, y: ArrayLike, *, pair: Sequence[Any] | None = None,
        image_shape: tuple[int, int] | None = None, ax: "Axes | None" = None,
    ) -> Self:  # fmt: skip
        """Draw how ``estimator``, any fitted classifier, predicts the images ``X``, whose labels are ``y``."""
        return cls.from_predictions(X, y, estimator.predict(X), pair=pair, image_shape=image_shape, ax=ax)

    def plot(self, *, pair: Sequence[Any] | None = None, side: int = 5, ax: "Axes | None" = None) -> Self:
        """Draw on ``ax``, by default on a new figure. ``pair_`` holds the two classes that are shown.

        Raises
        ------
        ArgumentError
            As :func:`plot_error_gallery`; and if no ``pair`` is given and no prediction is wrong.
        """
        self.pair_ = tuple(self._most_confused() if pair is None else pair)
        self.ax_ = plot_error_gallery(self.images, self.y_true, self.y_pred, self.pair_, side=side, ax=ax)
        return self

    def _most_confused(self) -> tuple[Any, Any]:
        """Return the two classes with the most confusions, both ways together."""
        from mnistlr.metrics.summary import ClassificationSummary

        summary = ClassificationSummary.from_predictions(self.y_true, self.y_pred)
        both_ways = np.triu(summary.matrix + summary.matrix.T, 1)
        if not both_ways.any():
            raise ArgumentError("expected predictions with errors, got none wrong; say which pair of classes to show.")
        i, j = np.unravel_index(both_ways.argmax(), both_ways.shape)
        return summary.labels[i], summary.labels[j]
