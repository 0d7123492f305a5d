"""Figures to files."""

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING

from mnistlr.atomic import atomic_write

if TYPE_CHECKING:
    from matplotlib.figure import Figure, SubFigure


def save_figure(figure: "Figure | SubFigure", path: str | os.PathLike[str]) -> Path:
    """Write a figure, all of it, to a file, of the kind that the ending of its name says; whole or not at all.

    Raises
    ------
    ValueError
        If matplotlib knows no such kind of file.
    OSError
        If the file cannot be written.
    """
    path = Path(path)
    drawn = io.BytesIO()
    figure.figure.savefig(drawn, format=path.suffix[1:] or "png", dpi=150)
    with atomic_write(path) as file:
        file.write(drawn.getvalue())
    return path
