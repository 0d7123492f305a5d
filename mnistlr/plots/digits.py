"""Pictures of digits: in a grid, as means, beside a model's answers, and photos in rows."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mnistlr.exceptions import ArgumentError
from mnistlr.plots.style import BLUE, NORMAL, SMALL, VERMILION, as_images, axes_or_new, dress, ink_of, split

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage

_GAP = 0.08  # between images, in widths of an image; between pictures, in their heights
_LINE = 0.24  # room for a line of text above an image, in inches
_NAME = 0.3  # room for a line of text above an image, in heights of an image
_BARS = 1.5  # room for the bars beside an image, and after them, in widths of an image
_AFTER = 0.75
_HIGH, _HEADING = 2.2, 0.3  # height of a picture and of its title
_NARROWEST, _WIDEST = 0.6, 4.0  # room for a picture, in its heights: a narrow one has a title, too
_PAGE = 11.0  # inches; pictures beyond it continue in the next row


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
        How many images to draw side by side.
    image_shape : tuple of int, optional
        Rows and columns of an image, where they are not equal and not to be seen from ``images``.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on; by default those of a new figure.

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
    """Draw the mean image of each class, the templates of a classifier that compares with templates.

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


class Grid(NamedTuple):
    """A grid of images; sizes are measured in images, except that of an image, which is in inches."""

    n_rows: int
    n_columns: int
    inches: float
    above: float
    width: float
    height: float


def grid(n_images: int, n_columns: int, *, titled: bool, least: float, whole: float) -> Grid:
    """Lay out ``n_images``, at most ``n_columns`` of them side by side.

    An image takes ``least`` inches, or more if the longer side of the grid would be shorter than ``whole``.
    """
    n_columns = max(1, min(n_columns, n_images))
    n_rows = max(1, -(-n_images // n_columns))
    inches = max(least, whole / max(n_rows, n_columns))
    above = _LINE / inches if titled else _GAP
    return Grid(n_rows, n_columns, inches, above, n_columns * (1 + _GAP), n_rows * (1 + above))


def draw_mosaic(
    ax: "Axes", images: NDArray[Any], titles: Sequence[str], layout: Grid, *, corner: tuple[float, float] = (0, 0),
    **colours: Any,
) -> "AxesImage":  # fmt: skip
    """Draw images as one picture, row by row, in units of one image.

    Parameters
    ----------
    ax : Axes
        Gets no axes of its own: neither ticks nor frame.
    images : ndarray, shape (n, rows, columns)
    titles : sequence of str, length n or 0
        What to write above each.
    layout : Grid
    corner : tuple of float
        Where the left upper corner lies; x grows to the right and y downwards.
    **colours
        Arguments of ``imshow``: colour map and limits.

    Returns
    -------
    AxesImage
    """
    rows, columns = images.shape[1:]
    above = max(1, round(layout.above * rows))
    beside = max(1, round(_GAP * columns))
    n_rows = -(-len(images) // layout.n_columns)
    canvas = np.full((n_rows * (rows + above), layout.n_columns * (columns + beside)), np.nan)
    left, top = corner
    for k, image in enumerate(images):
        i, j = divmod(k, layout.n_columns)
        y, x = i * (rows + above) + above, j * (columns + beside)
        canvas[y : y + rows, x : x + columns] = image
        if titles:
            ax.text(
                left + (x + columns / 2) / columns, top + (y - 0.06 * rows) / rows, titles[k],
                fontsize=SMALL, ha="center", va="baseline",
            )  # fmt: skip
    height, width = canvas.shape
    drawn = ax.imshow(
        canvas, extent=(left, left + width / columns, top + height / rows, top), interpolation="nearest", **colours
    )
    ax.set_xticks([])
    ax.set_yticks([])
    ax.spines[:].set_visible(False)
    return drawn


def plot_answers(
    images: ArrayLike, y_true: ArrayLike, probabilities: ArrayLike, labels: Sequence[Any] | None = None, *,
    n_columns: int = 2, n_answers: int = 3, image_shape: tuple[int, int] | None = None, ax: "Axes | None" = None,
) -> "Axes":  # fmt: skip
    """Draw images, each with the most probable classes as bars; the true class is blue, the others are orange.

    Parameters
    ----------
    images : array-like, shape (n, rows, columns) or (n, n_pixels)
        Intensities: 0 is paper, the largest ink; ``uint8`` goes to 255, whatever occurs.
    y_true : array-like, shape (n,)
        True classes, written above the images.
    probabilities : array-like, shape (n, n_classes)
    labels : sequence of length n_classes, optional
        Names of the classes, by default 0, 1, 2, ...
    n_columns, n_answers : int
        Images side by side, and bars an image.
    image_shape, ax
        As for :func:`plot_digits`.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ArgumentError
        If the pixels make no images, there are none, or not as many labels and rows of probabilities.
    """
    images, true, p = as_images(images, image_shape), np.asarray(y_true), np.asarray(probabilities, dtype=np.float64)
    if not len(images) == len(true) == len(p) or not len(images):
        raise ArgumentError(
            f"expected as many labels and rows of probabilities as images, and at least one, got {len(images)} images, "
            f"{len(true)} labels and probabilities of shape {p.shape}."
        )
    names = np.asarray(range(p.shape[1]) if labels is None else labels)
    n_rows = -(-len(images) // n_columns)
    width, height = 1 + _BARS + _AFTER, 1 + _NAME
    ax = axes_or_new(ax, 0.72 * width * n_columns, 0.72 * height * n_rows + 0.3)
    ink = ink_of(images)
    step = 1 / (n_answers + 0.5)
    for k, image in enumerate(images):
        row, column = divmod(k, n_columns)
        x, y = column * width, row * height + _NAME
        ax.imshow(image, extent=(x, x + 1, y + 1, y), cmap="gray_r", vmin=0, vmax=ink, interpolation="nearest")
        ax.text(x, y - 0.07, f"true class: {true[k]}", fontsize=SMALL, va="baseline")
        for place, c in enumerate(np.argsort(-p[k], kind="stable")[:n_answers]):
            middle, left = y + (place + 0.75) * step, x + 1.3
            colour, hatch = (BLUE, "") if names[c] == true[k] else (VERMILION, "////")
            ax.barh(
                middle, p[k, c] * (_BARS - 0.3), 0.6 * step, left=left, color=colour, hatch=hatch, edgecolor="white",
                linewidth=0,
            )  # fmt: skip
            ax.text(left - 0.08, middle, str(names[c]), fontsize=SMALL, ha="right", va="center_baseline")
            after = left + p[k, c] * (_BARS - 0.3) + 0.05
            ax.text(after, middle, f"{100 * p[k, c]:.1f} %", fontsize=SMALL, va="center_baseline")
    ax.set_xlim(0, width * n_columns)
    ax.set_ylim(height * n_rows + 0.05, 0)
    ax.set_xticks([])
    ax.set_yticks([])
    ax.spines[:].set_visible(False)
    dress(ax, x="probability of each class; blue is the true one, hatched are the others")
    return ax


def plot_pictures(pictures: Sequence[ArrayLike], titles: Sequence[str], *, ax: "Axes | None" = None) -> "Axes":
    """Draw pictures at equal height, in rows that make the figure about square.

    Parameters
    ----------
    pictures : sequence of array-like, shape (rows, columns) or, with colours, (rows, columns, 3)
        0 is black, 1 is white.
    titles : sequence of str
        What to write above each.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on, which are split; by default those of a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        Its figure is ``ax.figure``.

    Raises
    ------
    ArgumentError
        If there are no pictures, or more or fewer titles.
    MissingExtraError
        If matplotlib is not installed.
    """
    arrays = [np.asarray(picture) for picture in pictures]
    if not arrays or len(arrays) != len(titles):
        raise ArgumentError(f"expected pictures and as many titles, got {len(arrays)} and {len(titles)}.")
    widths = [min(max(_NARROWEST, array.shape[1] / array.shape[0]), _WIDEST) for array in arrays]
    n_inches = _HIGH * (sum(widths) + _GAP * len(widths))  # in a single row
    widest = max(_PAGE, math.sqrt(n_inches * (_HIGH + _HEADING))) / _HIGH
    n_rows = len(_fill_rows(widths, widest))
    # No wider than so many rows need, so that the last is not nearly empty.
    fitting = (width for width in np.linspace(max(widths), widest) if len(_fill_rows(widths, width)) <= n_rows)
    rows = _fill_rows(widths, min(fitting))
    wide = max(sum(widths[k] + _GAP for k in row) - _GAP for row in rows)
    ax = axes_or_new(ax, _HIGH * wide, (_HIGH + _HEADING) * len(rows))
    ax.set_axis_off()
    below = _HIGH / (_HIGH + _HEADING)  # the part of a row under its titles
    for i, row in enumerate(rows):
        strip = ax.inset_axes((0, 1 - (i + 1) / len(rows), 1, below / len(rows)))
        room = [widths[k] for k in row]
        rest = wide - sum(room) - _GAP * len(room)  # is left empty
        parts = split(strip, [*room, rest] if rest > 0 else room, [_GAP] * (len(room) - (rest <= 0)))
        for k, part in zip(row, parts, strict=False):
            part.imshow(arrays[k], cmap="gray", vmin=0, vmax=1, interpolation="nearest")
            part.set_title(titles[k], fontsize=NORMAL)
            part.set(xticks=[], yticks=[])
            part.spines[:].set_color("0.7")  # white paper on a white page has an edge, too
        for part in parts[len(row) :]:
            part.set_axis_off()
    return ax


def _fill_rows(widths: Sequence[float], widest: float) -> list[list[int]]:
    """Return the numbers of the pictures in each row: as many as it holds, and at least one."""
    rows: list[list[int]] = [[]]
    room = widest
    for k, width in enumerate(widths):
        if rows[-1] and width > room:
            rows.append([])
            room = widest
        rows[-1].append(k)
        room -= width + _GAP
    return rows
