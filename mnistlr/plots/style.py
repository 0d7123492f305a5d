"""How all figures look: colours that everybody can tell apart, text of 8 points and more, labelled axes; saving them.

Nothing here or in the figures touches pyplot, so a figure is freed when its last reference is gone.
"""

import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mnistlr._support.extras import needed
from mnistlr._support.files import atomic_write, check_writable
from mnistlr.exceptions import ArgumentError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap, Normalize
    from matplotlib.figure import Figure, SubFigure


SMALL, NORMAL, LARGE = 8, 9, 10  # sizes of text, in points; none is smaller
POINTS_A_CHARACTER = 0.65 * SMALL  # width of a digit in matplotlib's own font, DejaVu Sans

# M. Okabe and K. Ito, "Color universal design" (2008): eight colours that all kinds of colour vision tell apart.
BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"
GREY = "#767676"  # 4.5 : 1 against white
LINES = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, "#000000")
DASHES = ("-", "--", "-.", (0, (5, 1, 1, 1, 1, 1)))  # so that nobody needs the colours

# ColorBrewer's blues and oranges, dark at both ends and nearly white at zero.
_AGAINST_FOR = (
    "#7f3b08", "#b35806", "#e08214", "#fdb863", "#fee0b6", "#f7f7f7", "#d1e5f0", "#92c5de", "#4393c3", "#2166ac",
    "#053061",
)  # fmt: skip


def axes_or_new(ax: "Axes | None", width: float, height: float) -> "Axes":
    """Return ``ax``, or the axes of a new figure of so many inches, outside pyplot.

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    """
    if ax is not None:
        return ax
    with needed("matplotlib", "plots", "drawing"):
        from matplotlib.figure import Figure
    axes: Axes = Figure(figsize=(width, height), layout="constrained").subplots()
    return axes


def split(ax: "Axes", widths: Sequence[float], gaps: Sequence[float]) -> list["Axes"]:
    """Put axes side by side into ``ax``, which shows nothing itself; widths, and gaps between them, in one unit."""
    ax.set_axis_off()
    scale = 1 / (sum(widths) + sum(gaps))
    lefts = np.cumsum([0, *(width + gap for width, gap in zip(widths, gaps, strict=False))]) * scale
    return [ax.inset_axes((left, 0, width * scale, 1)) for left, width in zip(lefts.tolist(), widths, strict=True)]


def dress(ax: "Axes", *, title: str = "", x: str = "", y: str = "") -> None:
    """Set title, axis labels and sizes of text."""
    if title:
        ax.set_title(title, fontsize=LARGE)
    ax.set_xlabel(x, fontsize=NORMAL)
    ax.set_ylabel(y, fontsize=NORMAL)
    ax.tick_params(labelsize=SMALL, which="both")
    for axis in (ax.xaxis, ax.yaxis):
        axis.get_offset_text().set_fontsize(SMALL)


def open_frame(ax: "Axes") -> None:
    """Leave only the axes themselves of the frame, and a light grid."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(color="0.9", linewidth=0.8)
    ax.set_axisbelow(True)


def legend(ax: "Axes", **where: Any) -> None:
    """Add a legend if there is anything to explain."""
    if ax.get_legend_handles_labels()[0]:
        ax.legend(fontsize=SMALL, frameon=False, **where)


def legend_above(ax: "Axes", n_columns: int) -> None:
    """Add a legend above the axes, where it hides nothing."""
    legend(ax, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=n_columns, borderaxespad=0.2)


def colour_bar(mappable: Any, ax: "Axes", label: str, **where: Any) -> None:
    """Add a colour bar with a label."""
    figure = ax.figure
    bar = figure.colorbar(mappable, ax=ax, **where)
    bar.set_label(label, fontsize=NORMAL)
    bar.ax.tick_params(labelsize=SMALL)
    bar.ax.yaxis.get_offset_text().set_fontsize(SMALL)


def line_style(k: int) -> dict[str, Any]:
    """Return colour and dashes of the ``k``-th line."""
    return {"color": LINES[k % len(LINES)], "linestyle": DASHES[k % len(DASHES)], "linewidth": 1.5}


def against_for() -> "Colormap":
    """Return the one diverging colour scale: orange speaks against, blue for; for every kind of colour vision."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("against_for", _AGAINST_FOR).with_extremes(bad="white")


def centred(values: NDArray[Any]) -> "Normalize":
    """Return colour limits of equal size on both sides of zero that hold all ``values``."""
    from matplotlib.colors import Normalize

    most = float(np.max(np.abs(values), initial=0.0)) or 1.0
    return Normalize(-most, most)


def text_colour(rgba: ArrayLike) -> str:
    """Return black or white, whichever has the higher contrast on ``rgba`` (relative luminance, WCAG 2.2)."""
    channels = np.asarray(rgba, dtype=np.float64)[:3]
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    luminance = float(linear @ [0.2126, 0.7152, 0.0722])
    return "black" if (luminance + 0.05) / 0.05 > 1.05 / (luminance + 0.05) else "white"


def ink_of(images: NDArray[Any]) -> float:
    """Return the intensity that is drawn as full ink: 255 for uint8, else the largest, and never 0."""
    return 255.0 if images.dtype == np.uint8 else max(float(images.max(initial=0)), float(np.finfo(float).tiny))


def as_images(pixels: Any, image_shape: tuple[int, int] | None = None) -> NDArray[Any]:
    """Return ``pixels`` as images, shape (n, rows, columns).

    Parameters
    ----------
    pixels : array-like or sparse matrix, shape (n, rows, columns) or (n, n_pixels)
    image_shape : tuple of int, optional
        Rows and columns; by default as many of the one as of the other.

    Raises
    ------
    ArgumentError
        If the pixels make no such images.
    """
    images: NDArray[Any] = np.asarray(pixels.toarray() if hasattr(pixels, "toarray") else pixels)
    if images.ndim == 3:
        return images
    if images.ndim != 2:
        raise ArgumentError(
            f"expected images of shape (n, rows, columns) or (n, n_pixels), got shape {images.shape}; put a single "
            "image into brackets."
        )
    n_pixels = images.shape[1]
    rows, columns = image_shape or (int(np.sqrt(n_pixels)),) * 2
    if rows * columns != n_pixels:
        wanted = f"{rows} x {columns} pixels" if image_shape else "as many rows as columns"
        raise ArgumentError(
            f"expected images of {wanted}, got {n_pixels} pixels each; say image_shape=(rows, columns)."
        )
    return images.reshape(-1, rows, columns)


def save_figure(figure: "Figure | SubFigure", path: str | os.PathLike[str]) -> Path:
    """Write a figure to a file; whole or not at all. The ending of the name chooses the format.

    Parameters
    ----------
    figure : Figure or SubFigure
        Such as ``ax.figure`` or a Display's ``figure_``.
    path : path-like
        Its ending chooses the format; without one it is PNG.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    ValueError
        If matplotlib writes no format of that ending.
    OSError
        If the file cannot be written.
    """
    path = Path(path)
    check_figure_file(path)
    drawn = io.BytesIO()
    figure.figure.savefig(drawn, format=path.suffix[1:].lower() or "png", dpi=150)
    with atomic_write(path) as file:
        file.write(drawn.getvalue())
    return path


def check_figure_file(path: str | os.PathLike[str]) -> None:
    """Check in advance, before expensive work, whether a figure can be drawn and `save_figure` can write it.

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    ValueError
        If matplotlib writes no format of that ending.
    OSError
        If the file cannot be written.
    """
    with needed("matplotlib", "plots", "drawing"):
        from matplotlib.figure import Figure
    path, kinds = Path(path), Figure().canvas.get_supported_filetypes()
    if (path.suffix[1:].lower() or "png") not in kinds:
        raise ValueError(f"expected a file name that ends in one of .{', .'.join(sorted(kinds))}, got {path}.")
    check_writable(path)
