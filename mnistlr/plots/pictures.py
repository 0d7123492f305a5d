"""Pictures of different shapes side by side, such as the stages that a photo goes through."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from mnistlr.exceptions import ArgumentError
from mnistlr.plots.style import NORMAL, axes_or_new, split

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_INCHES = 2.2  # height of a picture


def plot_pictures(pictures: Sequence[ArrayLike], titles: Sequence[str], *, ax: "Axes | None" = None) -> "Axes":
    """Draw pictures of any shapes side by side, equally high, as light as they are.

    Parameters
    ----------
    pictures : sequence of array-like, shape (rows, columns)
        0 is black, 1 is white.
    titles : sequence of str
        What to write above each.
    ax : matplotlib.axes.Axes, optional
        Where to draw; it is split. By default in a new figure.

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
    # A narrow picture still needs room for its title.
    widths = [max(0.5, array.shape[1] / array.shape[0]) for array in arrays]
    gaps = [0.08] * (len(widths) - 1)
    ax = axes_or_new(ax, _INCHES * (sum(widths) + sum(gaps)), _INCHES + 0.3)
    for part, array, title in zip(split(ax, widths, gaps), arrays, titles, strict=True):
        part.imshow(array, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        part.set_title(title, fontsize=NORMAL)
        part.set_axis_off()
    return ax
