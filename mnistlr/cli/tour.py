"""`mnistlr tour`: the walk-through in the terminal, as a page and as a notebook."""

import sys
from importlib.util import find_spec
from pathlib import Path

from mnistlr._support.extras import how_to_install, import_nbformat
from mnistlr._support.files import check_writable
from mnistlr._support.threads import count_threads, default_n_jobs
from mnistlr.cli.console import open_console, open_in_browser, progress
from mnistlr.cli.exhibits import draw_exhibit, draw_summary
from mnistlr.datasets.named import NamedData, load_mnist_or_digits, load_named


def tour(
    name: str | None,
    folder: Path | None,
    seed: int,
    n_jobs: int | None,
    report: Path | None,
    notebook: Path | None,
    is_opened: bool,
) -> None:
    """Print the walk-through step by step; write it as a report and as a notebook; open the report."""
    from joblib import parallel_config

    from mnistlr.walkthrough import About, Walk, write_notebook, write_page
    from mnistlr.walkthrough.origin import fingerprint, is_up_to_date

    if notebook is not None:
        import_nbformat("writing a notebook")
    for path in filter(None, (report, notebook)):  # before the walk, which takes a while
        check_writable(path)
    if report is not None and find_spec("matplotlib") is None:
        print(f"mnistlr: {how_to_install('matplotlib', 'plots', 'the report')}", file=sys.stderr)
        report = None
    console = open_console()
    with progress("loading the data"):
        data = load_mnist_or_digits() if name is None else load_named(name, folder)
    notices = _which_data(data)
    for line in (*notices, *data.substitutes.splitlines()):
        console.print(line, style="bold yellow" if line in notices else "", soft_wrap=True)
    console.print()
    about = About.of(data, folder=None if folder is None else str(folder.absolute()), seed=seed)
    page_notices = notices if data.name != "mnist" else []
    origin = "" if report is None else fingerprint(about, data, page_notices, count_threads(n_jobs))
    is_drawn = report is not None and is_up_to_date(report, origin)
    walk, number, seconds = Walk(about, draw=report is not None and not is_drawn), 0, 0.0
    with (
        progress("walking through") as tell,
        default_n_jobs(n_jobs),
        parallel_config(n_jobs=count_threads(n_jobs)),  # scikit-learn's
    ):
        for chapter, shown in walk.run(tell):
            seconds += shown.seconds
            if shown.blocks:
                number += 1
                is_first = not any(earlier.blocks for earlier in walk.chapters[-1][1][:-1])
                title = chapter.title if is_first else shown.exhibit.title
                console.print(draw_exhibit(shown, number, title, console))
    console.print(draw_summary(walk.in_short(), number + 1, console))
    for line in notices:
        console.print(line, style="bold yellow", soft_wrap=True)
    console.print(f"Total: {seconds:.1f} s.")
    if report is not None:
        if is_drawn:
            console.print(
                f"{report} is up to date: drawn from the same data, seed and code. Delete it to draw it anew.",
                soft_wrap=True,
            )
        else:
            with progress("writing the report"):
                write_page(report, walk, page_notices, origin)
            console.print(f"saved {report}", soft_wrap=True)
        if is_opened:
            open_in_browser(report)
    if notebook is not None:
        console.print(f"saved {write_notebook(notebook, about)}", soft_wrap=True)
    console.print("Next: mnistlr learn (lessons to build it yourself), mnistlr draw (a page)", soft_wrap=True)


def _which_data(data: NamedData) -> list[str]:
    """Return what must be known about the data, a line each."""
    lines = [f"Data: {data.title}, {len(data):,} images of {data.image_shape[0]} x {data.image_shape[1]} pixels."]
    if data.substitutes:
        lines.insert(0, "This is not MNIST, which could not be had.")
    if data.name != "mnist":
        lines.append("To get MNIST: run `mnistlr fetch` where there is a network,")
        lines.append("or `mnistlr tour --data FOLDER` with a folder that holds its four files.")
    return lines
