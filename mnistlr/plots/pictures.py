"""Pictures of different shapes in rows, such as the stages that a photo goes through."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from mnistlr.exceptions import ArgumentError
from mnistlr.plots.style import NORMAL, axes_or_new, split

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_INCHES, _TITLE = 2.2, 0.3  # height of a picture and of its title
_GAP = 0.08  # between pictures, in heights of a picture
_NARROWEST, _WIDEST = 0.6, 4.0  # room for a picture, in its heights: a narrow one has a title, too
_PAGE = 11.0  # inches; what is wider goes on in the next row


def plot_pictures(pictures: Sequence[ArrayLike], titles: Sequence[str], *, ax: "Axes | None" = None) -> "Axes":
    """Draw pictures of any shapes, equally high, as light as they are; in rows, about as wide together as high.

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
    widths = [min(max(_NARROWEST, array.shape[1] / array.shape[0]), _WIDEST) for array in arrays]
    n_inches = _INCHES * (sum(widths) + _GAP * len(widths))  # in a single row
    widest = max(_PAGE, math.sqrt(n_inches * (_INCHES + _TITLE))) / _INCHES
    n_rows = len(_rows(widths, widest))
    # No wider than so many rows need, so that the last is not nearly empty.
    fitting = (width for width in np.linspace(max(widths), widest) if len(_rows(widths, width)) <= n_rows)
    rows = _rows(widths, min(fitting))
    wide = max(sum(widths[k] + _GAP for k in row) - _GAP for row in rows)
    ax = axes_or_new(ax, _INCHES * wide, (_INCHES + _TITLE) * len(rows))
    ax.set_axis_off()
    below = _INCHES / (_INCHES + _TITLE)  # the part of a row under its titles
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


def _rows(widths: Sequence[float], widest: float) -> list[list[int]]:
    """Return which pictures stand in which row: as many in each as it holds, and at least one."""
    rows: list[list[int]] = [[]]
    room = widest
    for k, width in enumerate(widths):
        if rows[-1] and width > room:
            rows.append([])
            room = widest
        rows[-1].append(k)
        room -= width + _GAP
    return rows
