"""The weights of a linear model as images: where ink speaks for a class, and where against it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike

from mnistlr.exceptions import ArgumentError
from mnistlr.plots.digits import draw_mosaic, grid
from mnistlr.plots.display import Display
from mnistlr.plots.style import against_for, as_images, axes_or_new, centred, colour_bar, dress

if TYPE_CHECKING:
    from matplotlib.axes import Axes

STRONGEST = 0.998
"""Weights that are stronger than this share of all get the full colour: a few would else leave the others pale."""


def plot_weights(
    coef: ArrayLike, labels: Sequence[Any] | None = None, n_columns: int = 5, *,
    image_shape: tuple[int, int] | None = None, unit: str = "weight (nats per unit of intensity)",
    ax: "Axes | None" = None,
) -> "Axes":  # fmt: skip
    """Draw the weights of each class as an image, all on one colour scale with zero in its middle.

    The colour scale ends where only one weight in 500 is stronger.

    Parameters
    ----------
    coef : array-like, shape (n_classes, n_pixels) or (n_classes, rows, columns)
        Weights; blue where ink raises the score of the class, orange where it lowers it.
    labels : sequence of length n_classes, optional
        What to write above each.
    n_columns, image_shape, ax
        As for :func:`plot_digits`.
    unit : str
        Label of the colour bar.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ArgumentError
        If the weights make no images, or there is not a label for each.
    """
    images = as_images(coef, image_shape).astype(np.float64)
    titles = [] if labels is None else [str(label) for label in labels]
    if titles and len(titles) != len(images):
        raise ArgumentError(f"expected a label for each of {len(images)} rows of weights, got {len(titles)}.")
    layout = grid(len(images), n_columns, titled=bool(titles), least=1.0, whole=3.0)
    ax = axes_or_new(ax, layout.inches * layout.width + 1.2, max(3.0, layout.inches * layout.height + 0.6))
    strongest = np.quantile(np.abs(images), STRONGEST, method="higher")
    drawn = draw_mosaic(
        ax, images, titles, layout, cmap=against_for(), norm=centred(np.minimum(np.abs(images), strongest))
    )
    colour_bar(drawn, ax, unit, shrink=0.9, extend="both" if np.abs(images).max() > strongest else "neither")
    rows, columns = images.shape[1:]
    dress(ax, x=f"{rows} × {columns} pixels each\nblue: ink speaks for, orange: against")
    return ax


class WeightsDisplay(Display):
    """The weights of a linear model, drawn by :func:`plot_weights`.

    Parameters
    ----------
    coef : array-like, shape (n_classes, n_pixels)
    labels : sequence, optional
        The classes. With two classes and one row of weights, the row is that of the second.
    image_shape : tuple of int, optional

    Examples
    --------
    >>> from mnistlr import SoftmaxRegression, load_digits
    >>> from mnistlr.plots import WeightsDisplay
    >>> X, y = load_digits()
    >>> WeightsDisplay.from_estimator(SoftmaxRegression(random_state=0).fit(X, y)).coef.shape
    (10, 64)
    """

    def __init__(
        self, coef: ArrayLike, labels: Sequence[Any] | None = None, image_shape: tuple[int, int] | None = None
    ) -> None:
        self.coef = np.asarray(coef)
        self.labels = labels
        self.image_shape = image_shape

    @classmethod
    def from_estimator(
        cls, estimator: Any, *, image_shape: tuple[int, int] | None = None, ax: "Axes | None" = None
    ) -> Self:
        """Draw ``coef_`` of any fitted linear classifier with ``coef_`` and ``classes_``."""
        coef, labels = np.asarray(estimator.coef_), list(np.asarray(estimator.classes_).tolist())
        return cls(coef, labels[1:] if len(coef) == 1 else labels, image_shape).plot(ax=ax)

    def plot(self, *, n_columns: int = 5, ax: "Axes | None" = None) -> Self:
        """Draw on ``ax``, by default on a new figure."""
        self.ax_ = plot_weights(self.coef, self.labels, n_columns, image_shape=self.image_shape, ax=ax)
        return self
