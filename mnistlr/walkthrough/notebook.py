"""The same chapters as a Jupyter notebook, where a reader can change a line and see what happens."""

import os
from pathlib import Path

from mnistlr._support.extras import import_nbformat
from mnistlr._support.files import atomic_write
from mnistlr.walkthrough.build import build_chapters
from mnistlr.walkthrough.chapters.the_data import imports
from mnistlr.walkthrough.exhibit import About

_TITLE = """\
# Teaching a machine to read digits

A walk through logistic regression, to run from top to bottom and to change. First come the imports."""


def write_notebook(path: str | os.PathLike[str], about: About) -> Path:
    """Write the walk-through as a notebook, not yet run; whole or not at all.

    Parameters
    ----------
    path : path-like
    about : About
        The data that it is to load.

    Raises
    ------
    MissingExtraError
        If nbformat is not installed.
    OSError
        If the file cannot be written.
    """
    nbformat = import_nbformat("writing a notebook")
    new = nbformat.v4
    cells = [
        new.new_markdown_cell(_TITLE, id="title"),
        new.new_code_cell(f"%matplotlib inline\n{imports(about)}", id="imports"),
    ]
    for number, chapter in enumerate(build_chapters(about), 1):
        text = f"## {number}. {chapter.title}\n\n{chapter.introduction}"
        text += "".join(f"\n\n{formula}\n\n{words}" for formula, words in chapter.equations)
        cells.append(new.new_markdown_cell(text, id=f"chapter-{chapter.name}"))
        for exhibit in chapter.exhibits:
            text = f"### {exhibit.title}\n\n{exhibit.how_to_read}"
            cells.append(new.new_markdown_cell(text, id=f"about-{exhibit.name}"))
            cells.append(new.new_code_cell(exhibit.cell, id=exhibit.name))
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook = new.new_notebook(cells=cells, metadata={"kernelspec": kernel, "language_info": {"name": "python"}})
    nbformat.validate(notebook)
    path = Path(path)
    with atomic_write(path) as file:
        file.write(nbformat.writes(notebook).encode())
    return path
