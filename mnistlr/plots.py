"""Figures. They take arrays and return matplotlib objects; matplotlib is imported only when one is drawn."""

import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from mnistlr.atomic import atomic_write

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot_digits(images: NDArray[Any], titles: Sequence[str], n_columns: int) -> "Figure":
    """Draw images in a grid, dark ink on white.

    Parameters
    ----------
    images : ndarray, shape (n, rows, columns)
        Intensities 0 (paper) to 255 (ink).
    titles : sequence of str, length n
        What to write above each image.
    n_columns : int
        How many stand side by side.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ModuleNotFoundError
        If matplotlib is not installed.
    """
    figure_class = _import_figure()
    n_rows = -(-len(images) // n_columns)
    size = 3.0 if len(images) == 1 else 0.8  # inches an image
    figure: Figure = figure_class(figsize=(size * n_columns, (size + 0.2) * n_rows), layout="constrained")
    axes = figure.subplots(n_rows, n_columns, squeeze=False)
    for ax in axes.flat:
        ax.set_axis_off()
    for ax, image, title in zip(axes.flat, images, titles, strict=False):
        ax.imshow(image, cmap="gray_r", vmin=0, vmax=255, interpolation="nearest")
        ax.set_title(title, fontsize=9, pad=2)
    return figure


def save_figure(figure: "Figure", path: str | os.PathLike[str]) -> Path:
    """Write a figure to a file, of the kind that the ending of its name says; whole or not at all.

    Raises
    ------
    ValueError
        If matplotlib knows no such kind of file.
    OSError
        If the file cannot be written.
    """
    path = Path(path)
    drawn = io.BytesIO()
    figure.savefig(drawn, format=path.suffix[1:] or "png", dpi=150)
    with atomic_write(path) as file:
        file.write(drawn.getvalue())
    return path


def _import_figure() -> Any:
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ModuleNotFoundError(
            "figures need matplotlib, which is not installed; install it with: pip install 'mnistlr[plots]'"
        ) from error
    return Figure
