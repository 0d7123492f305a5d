"""From a lesson's source, a Python file with marked cells, to a notebook."""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mnistlr._support.extras import import_nbformat
from mnistlr._support.files import atomic_write, check_writable
from mnistlr.exceptions import ArgumentError

KINDS = ("code", "markdown", "exercise", "solution")
MARK = re.compile(r"# %%(?: \[(\w+)\])?")
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


@dataclass(frozen=True)
class Cell:
    """A cell of a lesson: its kind (one of ``KINDS``), its text, and the number of the first line in the file."""

    kind: str
    text: str
    line: int


@dataclass(frozen=True)
class Lesson:
    """A lesson.

    Attributes
    ----------
    path : Path
        Of the source.
    number : int
    title : str
    cells : list of Cell
    """

    path: Path
    number: int
    title: str
    cells: list[Cell]

    @property
    def file_name(self) -> str:
        """The name of the notebook."""
        return f"{self.path.stem.removeprefix('lesson_').replace('_', '-')}.ipynb"


def read_lessons() -> list[Lesson]:
    """Read all lessons, in their order."""
    return [_read(path) for path in sorted(Path(__file__).parent.glob("lesson_*.py"))]


def write_lessons(folder: str | os.PathLike[str], *, replace: bool = False) -> list[Path]:
    """Write the lessons as notebooks, not yet run.

    Parameters
    ----------
    folder : path-like
        Is created where it is missing.
    replace : bool
        Whether to write over notebooks of the same names.

    Returns
    -------
    list of Path
        One a lesson.

    Raises
    ------
    ArgumentError
        If notebooks are there and are not to be replaced: they may hold a reader's answers.
    MissingExtraError
        If nbformat is not installed.
    OSError
        If a file cannot be written.
    """
    nbformat = import_nbformat("writing the lessons")
    folder, lessons = Path(folder), read_lessons()
    paths = [folder / lesson.file_name for lesson in lessons]
    there = [path for path in paths if path.exists()]
    if there and not replace:
        raise ArgumentError(
            f"expected a folder without lessons, but {there[0]} is there and may hold your answers; name another "
            "folder, or replace it with --force."
        )
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(f"expected a folder to write the lessons to, but {folder} is a file.")
    folder.mkdir(parents=True, exist_ok=True)
    for path in paths:
        check_writable(path)
    for number, (path, lesson) in enumerate(zip(paths, lessons, strict=True)):
        text: str = nbformat.writes(_notebook(nbformat, lesson, lessons[number + 1 : number + 2]))
        with atomic_write(path) as file:
            file.write(text.encode())
    return paths


def _notebook(nbformat: Any, lesson: Lesson, following: list[Lesson]) -> Any:
    new = nbformat.v4
    texts = [(cell.kind, cell.text) for cell in lesson.cells]
    first = next(place for place, (kind, _) in enumerate(texts) if kind == "code")
    texts[first] = ("code", f"%matplotlib inline\n{texts[first][1]}")
    if following:
        texts.append(
            ("markdown", f"Next: [lesson {following[0].number}, {following[0].title}]({following[0].file_name})")
        )
    cells = []
    for number, (kind, text) in enumerate(texts, 1):
        name = f"cell-{number}"
        if kind == "solution":
            text = f"<details>\n<summary>Show a solution</summary>\n\n```python\n{text}\n```\n\n</details>"
        if kind in ("markdown", "solution"):
            cells.append(new.new_markdown_cell(text, id=name))
        else:
            cells.append(new.new_code_cell(text, id=name))
    notebook = new.new_notebook(cells=cells, metadata={"kernelspec": KERNEL, "language_info": {"name": "python"}})
    nbformat.validate(notebook)
    return notebook


def _read(path: Path) -> Lesson:
    cells: list[Cell] = []
    kind, lines, first = "", list[str](), 0
    for number, line in enumerate([*path.read_text(encoding="utf-8").splitlines(), "# %%"], 1):
        mark = MARK.fullmatch(line)
        if mark is None:
            lines.append(line)
            continue
        if kind == "markdown":
            lines = [line.removeprefix("#").removeprefix(" ") for line in lines]
        while lines and not lines[0]:
            first += 1
            del lines[0]
        if kind:
            cells.append(Cell(kind, "\n".join(lines).rstrip(), first))
        kind, lines, first = mark[1] or "code", [], number + 1
    title = cells[0].text.splitlines()[0].partition(": ")[2]
    return Lesson(path, int(path.stem.split("_")[1]), title, cells)
