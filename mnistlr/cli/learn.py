"""`mnistlr learn`: the lessons, as notebooks."""

from importlib.util import find_spec
from pathlib import Path

from mnistlr._support.extras import how_to_install
from mnistlr.cli.console import open_console
from mnistlr.datasets import mnist_location


def learn(folder: Path, replace: bool) -> None:
    """Write the lessons into a folder and print how to start."""
    from mnistlr.lessons import read_lessons, write_lessons

    paths = write_lessons(folder, replace=replace)
    console = open_console()
    for path, lesson in zip(paths, read_lessons(), strict=True):
        console.print(f"saved {path}: {lesson.title}", soft_wrap=True)
    console.print()
    if find_spec("matplotlib") is None:
        console.print(f"Note: {how_to_install('matplotlib', 'plots', 'the lessons')}", soft_wrap=True)
    if mnist_location(offline=True).kind == "none":
        console.print("Note: MNIST is not here, so the lessons take small digits. `mnistlr fetch` downloads it.")
    if find_spec("jupyterlab") is None:
        console.print("Note: JupyterLab opens them; install it with: pip install jupyterlab", soft_wrap=True)
    console.print(f"Next: jupyter lab {folder}", soft_wrap=True)
