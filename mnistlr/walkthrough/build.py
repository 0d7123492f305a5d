"""Run the chapters in order and write the page."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from mnistlr._support.files import atomic_write
from mnistlr._support.threads import count_threads, default_n_jobs
from mnistlr.walkthrough.chapters import confusion, detector, mistakes, solvers, ten_digits, the_data
from mnistlr.walkthrough.exhibit import About, Chapter, Names
from mnistlr.walkthrough.page import render_page
from mnistlr.walkthrough.run import run_code, run_exhibit
from mnistlr.walkthrough.steps import Table


def build_chapters(about: About) -> list[Chapter]:
    """Return the chapters in the order of the walk-through."""
    parts = (the_data, detector, ten_digits, confusion, mistakes, solvers)
    return [part.chapter(about) for part in parts]


def build_preamble(about: About) -> str:
    """Return the code that comes before all other: imports, then the data."""
    return f"{the_data.imports(about)}\n\n{the_data.load(about)}"


def write_report(
    path: str | os.PathLike[str],
    about: About,
    in_short: Table,
    notices: Sequence[str] = (),
    *,
    n_jobs: int | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> Path:
    """Run the code of all chapters and write the page that shows it; whole or not at all.

    Parameters
    ----------
    path : path-like
    about : About
        The data; the code loads them anew, so that what the page shows is what its lines do.
    in_short : Table
        The results, at the top of the page.
    notices : sequence of str
        What must not be overlooked.
    n_jobs : int or None
        Threads, as in the estimators.
    tell : callable
        Is told what is being done.

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    OSError
        If the file cannot be written.
    """
    from joblib import parallel_config

    path, names, shown = Path(path), Names(), []
    with default_n_jobs(n_jobs), parallel_config(n_jobs=count_threads(n_jobs)):  # ours, and scikit-learn's
        run_code(build_preamble(about), names)
        for chapter in build_chapters(about):
            exhibits = []
            for exhibit in chapter.exhibits:
                tell(f"{chapter.title}: {exhibit.title}")
                exhibits.append(run_exhibit(exhibit, names))
            shown.append((chapter, exhibits))
    tell("writing")
    page = render_page(about, build_preamble(about), shown, in_short, list(notices))
    with atomic_write(path) as file:
        file.write(page.encode())
    return path
