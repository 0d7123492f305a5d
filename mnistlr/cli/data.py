"""The commands about data: fetch, info and show. Results are printed to stdout, progress to stderr."""

import platform
from importlib.metadata import version
from pathlib import Path

import numpy as np

from mnistlr._support.threads import count_threads
from mnistlr._version import __version__
from mnistlr.cli.console import open_console, print_json, progress
from mnistlr.cli.errors import tell
from mnistlr.cli.terminal import draw_grid, draw_image
from mnistlr.datasets import FileCheck, cache_folder, fetch_mnist, mnist_location, verify_mnist
from mnistlr.datasets.named import NamedData, load_folder, load_named
from mnistlr.exceptions import DataUnavailableError, MnistlrError
from mnistlr.trained import trained_reader


def fetch(source: Path | None, force: bool) -> int:
    """Fill the cache; return the exit status."""
    with progress("fetching MNIST"):
        cache = fetch_mnist(source_folder=source, force=force)
    return _print_checks(verify_mnist(cache))


def check(folder: Path | None) -> int:
    """Check the files that are there; return the exit status."""
    with progress("computing checksums"):
        checks = verify_mnist(folder)
    return _print_checks(checks)


def info(as_json: bool) -> int:
    """Print versions, places and checksums; return the exit status, 1 if what is there is not MNIST."""
    location = mnist_location()
    try:
        checks, problem = verify_mnist(), ""
    except MnistlrError as error:
        checks, problem = [], str(error)
    packages = ("numpy", "numba", "scikit-learn", "scipy")
    versions = {"mnistlr": __version__, "python": platform.python_version()}
    versions |= {package: version(package) for package in packages}
    facts = {
        "versions": versions,
        "threads": count_threads(),
        "reader": trained_reader().provenance,
        "data": location.detail,
        "cache": str(cache_folder()),
        "files": [
            {"name": c.name, "path": c.path and str(c.path), "sha256": c.found, "ok": c.ok, "problem": c.problem}
            for c in checks
        ],
        "problem": problem,
    }
    status = 1 if problem or any(map(_is_damaged, checks)) else 0  # not yet downloaded is no fault
    if as_json:
        print_json(facts)
        return status
    console = open_console()
    made = trained_reader().provenance
    reader = (
        f"{100 * made['accuracy']:.2f} % on MNIST's test images, trained with mnistlr {made['versions']['mnistlr']}"
    )
    rows = [*versions.items(), ("threads", str(facts["threads"])), ("trained reader", reader)]
    for fact, value in [*rows, ("MNIST comes from", facts["data"]), ("cache", facts["cache"])]:
        console.print(f"{fact:<17} {value}", soft_wrap=True)
    if problem:
        console.print(f"{'PROBLEM':<17} {problem}", soft_wrap=True)
    _print_checks(checks)
    return status


def show(
    name: str, folder: Path | None, first: tuple[str, int], shape: tuple[int, int] | None, output: Path | None
) -> None:
    """Draw one image, given as a part of the data set and a number in it, or a grid of them from that one on."""
    if output is not None:
        from mnistlr.plots.style import check_figure_file

        check_figure_file(output)
    data = load_any(name, folder)
    part, number = first
    index = data.index_of(part, number)
    n_rows, n_columns = shape or (1, 1)
    n_left = data.size_of(part) - number
    if n_rows * n_columns > n_left:
        raise ValueError(
            f"expected --grid for at most {n_left} {'image' if n_left == 1 else 'images'}, as many as there are from "
            f"{number} on, got {n_rows}x{n_columns}, which is {n_rows * n_columns}."
        )
    pairs = [data.image(data.index_of(part, k)) for k in range(number, number + n_rows * n_columns)]
    images = np.array([pixels.reshape(data.image_shape) for pixels, _ in pairs])
    labels = [label for _, label in pairs]
    console = open_console()
    if output is not None:
        from mnistlr.plots import plot_digits, save_figure

        titles = [str(label) for label in labels] if shape else [f"image {index}: {labels[0]}"]
        save_figure(plot_digits(images, titles, n_columns).figure, output)
        console.print(f"saved {output}", soft_wrap=True)
    elif shape:
        console.print(draw_grid(images, n_columns, console))
    else:
        console.print(draw_image(images[0], console))
        console.print(f"{name_image(data, index)}, label {labels[0]}", soft_wrap=True)


def name_image(data: NamedData, index: int) -> str:
    """Return what to call an image: its number in all of the data set, and that in its part."""
    part, number = data.place_of(index)
    return f"Image {index} of {data.title} ({part} {number})"


def load(name: str, folder: Path | None) -> NamedData:
    """Load data while a spinner turns."""
    with progress("loading the data"):
        data = load_named(name) if folder is None else load_folder(folder)
    if folder is not None and data.name != "mnist":
        rows, columns = data.image_shape
        labels = np.unique(data.y_train)
        turned = "; its images are stored transposed, and were turned upright" * data.name.lower().startswith("emnist")
        tell(
            f"{folder} holds not MNIST but {data.name}: {len(data.y_train):,} training images of {rows}x{columns} "
            f"pixels, {len(data.y_test):,} test images, {len(labels)} labels from {labels[0]} to {labels[-1]}{turned}"
        )
    return data


def load_any(name: str, folder: Path | None) -> NamedData:
    """Load data for a command that also works without MNIST; say so if MNIST is missing."""
    try:
        return load(name, folder)
    except DataUnavailableError as error:
        hint = " Or do without MNIST: --dataset digits" if name == "mnist" else ""
        raise DataUnavailableError(f"{error}{hint}") from error


def _is_damaged(found: FileCheck) -> bool:
    return found.path is not None and not found.ok


def _print_checks(checks: list[FileCheck]) -> int:
    """Print a line a file, or one line if none is there yet; return 0 if all four are there and right."""
    console = open_console()
    if checks and all(found.path is None for found in checks):
        console.print("MNIST is not downloaded yet; `mnistlr fetch` gets it.")
        return 1
    for found in checks:
        if found.ok:
            line = f"ok       {found.path}  SHA-256 {(found.found or '')[:8]}..."
        elif _is_damaged(found):
            line = f"PROBLEM  {found.problem}"
        else:
            line = f"missing  {found.name}; `mnistlr fetch` gets it."
        console.print(line, soft_wrap=True)
    return 0 if all(found.ok for found in checks) else 1
