"""Many images on one axes."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mnistlr.plots.style import SMALL

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage

_GAP = 0.08  # between images, in widths of an image
_TITLE = 0.24  # room for a line of text above an image, in inches


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
    above = _TITLE / inches if titled else _GAP
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
