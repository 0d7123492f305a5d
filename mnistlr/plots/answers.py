"""Images beside what a classifier thinks of them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from mnistlr.exceptions import ArgumentError
from mnistlr.plots.style import BLUE, SMALL, VERMILION, as_images, axes_or_new, dress, ink_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_TITLE = 0.3  # room for a line of text above an image, in heights of an image
_BARS = 1.5  # room for the bars beside an image, and after them, in widths of an image
_AFTER = 0.75


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
        True classes, which stand above the images.
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
    width, height = 1 + _BARS + _AFTER, 1 + _TITLE
    ax = axes_or_new(ax, 0.72 * width * n_columns, 0.72 * height * n_rows + 0.3)
    ink = ink_of(images)
    step = 1 / (n_answers + 0.5)
    for k, image in enumerate(images):
        row, column = divmod(k, n_columns)
        x, y = column * width, row * height + _TITLE
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
