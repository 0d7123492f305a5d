"""Figures to files."""

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING

from mnistlr._support.files import atomic_write, check_writable

if TYPE_CHECKING:
    from matplotlib.figure import Figure, SubFigure


def save_figure(figure: "Figure | SubFigure", path: str | os.PathLike[str]) -> Path:
    """Write a figure, all of it, to a file, of the kind that the ending of its name says; whole or not at all.

    Parameters
    ----------
    figure : Figure or SubFigure
        Such as ``ax.figure`` or a Display's ``figure_``.
    path : path-like
        Its ending says the kind; without one it is PNG.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    ValueError
        If the ending of the name is none of a kind of file that matplotlib writes.
    OSError
        If the file cannot be written.
    """
    path, canvas = Path(path), figure.figure.canvas
    kind, kinds = path.suffix[1:].lower() or "png", canvas.get_supported_filetypes()
    if kind not in kinds:
        raise ValueError(f"expected a file name that ends in one of .{', .'.join(sorted(kinds))}, got {path}.")
    check_writable(path)
    drawn = io.BytesIO()
    figure.figure.savefig(drawn, format=kind, dpi=150)
    with atomic_write(path) as file:
        file.write(drawn.getvalue())
    return path
