"""Images as they are: a grid of digits, the mean image of each class."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from mnistlr.exceptions import ArgumentError
from mnistlr.plots.mosaic import draw_mosaic, grid
from mnistlr.plots.style import as_images, axes_or_new, dress, ink_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_digits(
    images: ArrayLike, titles: Sequence[Any] | None = None, n_columns: int = 10, *,
    image_shape: tuple[int, int] | None = None, ax: "Axes | None" = None,
) -> "Axes":  # fmt: skip
    """Draw images in a grid, dark ink on white.

    Parameters
    ----------
    images : array-like, shape (n, rows, columns) or (n, n_pixels)
        Intensities: 0 is paper, the largest ink; ``uint8`` goes to 255, whatever occurs.
    titles : sequence of length n, optional
        What to write above each image, such as its label.
    n_columns : int
        How many stand side by side.
    image_shape : tuple of int, optional
        Rows and columns of an image, where they are not equal and not to be seen from ``images``.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        Its figure is ``ax.figure``.

    Raises
    ------
    ArgumentError
        If there are no images, or more or fewer titles.
    MissingExtraError
        If matplotlib is not installed.
    """
    images = as_images(images, image_shape)
    if not len(images):
        raise ArgumentError("expected at least one image to draw, got none.")
    titles = [] if titles is None else [str(title) for title in titles]
    if titles and len(titles) != len(images):
        raise ArgumentError(f"expected a title for each of {len(images)} images, got {len(titles)}.")
    # Smaller where no title needs the room: a page that scales the figure down leaves the caption legible.
    layout = grid(len(images), n_columns, titled=bool(titles), least=0.8 if titles else 0.5, whole=3.0)
    ax = axes_or_new(ax, layout.inches * layout.width + 0.3, layout.inches * layout.height + 0.3)
    draw_mosaic(ax, images, titles, layout, cmap="gray_r", vmin=0, vmax=ink_of(images))
    rows, columns = images.shape[1:]
    dress(ax, x=f"{rows} × {columns} pixels each" if len(images) > 1 else f"{rows} × {columns} pixels")
    return ax


def plot_mean_images(
    X: ArrayLike, y: ArrayLike, *, n_columns: int = 10, image_shape: tuple[int, int] | None = None,
    ax: "Axes | None" = None,
) -> "Axes":  # fmt: skip
    """Draw the mean image of each class: what a classifier that compares with templates would look for.

    Parameters
    ----------
    X : array-like, shape (n_samples, n_pixels) or (n_samples, rows, columns)
    y : array-like, shape (n_samples,)
        Labels, which become the titles.
    n_columns, image_shape, ax
        As for :func:`plot_digits`.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ArgumentError
        If the pixels make no images, there are none, or not as many labels.
    """
    images, y = as_images(X, image_shape), np.asarray(y)
    if len(images) != len(y) or not len(y):
        raise ArgumentError(f"expected images and a label for each, got {len(images)} images and {len(y)} labels.")
    labels = np.unique(y)
    means = np.stack([images[y == label].mean(axis=0) for label in labels])
    ax = plot_digits(means, labels.tolist(), n_columns, ax=ax)
    ax.set_xlabel(f"mean of each class, {images.shape[1]} × {images.shape[2]} pixels")
    return ax
