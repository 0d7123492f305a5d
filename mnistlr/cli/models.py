"""What the commands do, all but those about pictures. Results are printed to stdout, progress to stderr."""

import platform
import sys
import time
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistlr._support.files import check_writable
from mnistlr._support.threads import count_threads, default_n_jobs
from mnistlr._version import __version__
from mnistlr.cli.console import open_console, print_json, progress
from mnistlr.cli.terminal import draw_exhibit, draw_grid, draw_image, draw_matrix, draw_summary, draw_table
from mnistlr.datasets import FileCheck, cache_folder, fetch_mnist, mnist_location, verify_mnist
from mnistlr.datasets.named import NAMES, NamedData, load_mnist_or_digits, load_named
from mnistlr.estimators import LogisticRegression, SoftmaxRegression
from mnistlr.exceptions import DataUnavailableError, MnistlrError
from mnistlr.metrics.summary import ClassificationSummary
from mnistlr.saving.model_file import ModelFile, read_model_file, save_model
from mnistlr.walkthrough.exhibit import Table
from mnistlr.warmup import warm_up_fit


def tour(
    name: str | None, folder: Path | None, seed: int, n_jobs: int | None, report: Path | None, notebook: Path | None
) -> None:
    """Print the walk-through step by step; write it as a report and as a notebook."""
    from joblib import parallel_config

    from mnistlr.walkthrough import About, Walk, import_nbformat, write_notebook, write_page

    if notebook is not None:
        import_nbformat()
    for path in filter(None, (report, notebook)):  # before the walk, which takes a while
        check_writable(path)
    if report is not None and find_spec("matplotlib") is None:
        print(
            "mnistlr: no report will be written, because matplotlib is not installed; install it with: "
            "pip install 'mnistlr[plots]'",
            file=sys.stderr,
        )
        report = None
    console = open_console()
    with progress("loading the data"):
        data = load_mnist_or_digits() if name is None else load_named(name, folder)
    notices = _which_data(data)
    for line in (*notices, *data.substitutes.splitlines()):
        console.print(line, style="bold yellow" if line in notices else "", soft_wrap=True)
    console.print()
    about = About.of(data, folder=None if folder is None else str(folder.absolute()), seed=seed)
    walk, number, seconds = Walk(about, draw=report is not None), 0, 0.0
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
        with progress("writing the report"):
            path = write_page(report, walk, notices if data.name != "mnist" else [])
        console.print(f"saved {path}", soft_wrap=True)
    if notebook is not None:
        console.print(f"saved {write_notebook(notebook, about)}", soft_wrap=True)


def _which_data(data: NamedData) -> list[str]:
    """Return what must be known about the data, a line each."""
    lines = [f"Data: {data.title}, {len(data):,} images of {data.image_shape[0]} x {data.image_shape[1]} pixels."]
    if data.substitutes:
        lines.insert(0, "This is not MNIST, which could not be had.")
    if data.name != "mnist":
        lines.append("To get MNIST: run `mnistlr fetch` where there is a network,")
        lines.append("or `mnistlr tour --data FOLDER` with a folder that holds its four files.")
    return lines


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
    rows = [*versions.items(), ("threads", str(facts["threads"]))]
    for fact, value in [*rows, ("MNIST comes from", facts["data"]), ("cache", facts["cache"])]:
        console.print(f"{fact:<17} {value}", soft_wrap=True)
    if problem:
        console.print(f"{'PROBLEM':<17} {problem}", soft_wrap=True)
    _print_checks(checks)
    return status


def show(name: str, folder: Path | None, index: int, shape: tuple[int, int] | None, output: Path | None) -> None:
    """Draw one image or a grid of them."""
    data = _load_any(name, folder)
    n_rows, n_columns = shape or (1, 1)
    indices = range(index, index + n_rows * n_columns)
    pairs = [data.image(i) for i in indices]
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
        part = "training" if data.is_for_training(index) else "test"
        console.print(draw_image(images[0], console))
        console.print(f"Image {index} of {data.title} ({part} set), label {labels[0]}")


def train(name: str, folder: Path | None, digit: int | None, output: Path | None, parameters: dict[str, Any]) -> None:
    """Train a model, print its accuracy, save it."""
    output = output or Path("mnistlr-softmax.npz" if digit is None else f"mnistlr-is-it-a-{digit}.npz")
    check_writable(output)
    data = _load_any(name, folder)
    y, y_test = (labels if digit is None else labels == digit for labels in (data.y_train, data.y_test))
    model = SoftmaxRegression(**parameters) if digit is None else LogisticRegression(**parameters)
    with progress(f"training on {len(y):,} images"):
        warm_up_fit(model, data.X_train, y)
        started = time.perf_counter()
        model.fit(data.X_train, y)
        seconds = time.perf_counter() - started
    summary = ClassificationSummary.from_predictions(y_test, model.predict(data.X_test), labels=model.classes_)
    provenance = {
        "data": {"name": data.name, "sha256": data.checksums},
        "digit": digit,
        "accuracy": summary.accuracy,
        "baseline": summary.baseline,
    }
    path = save_model(model, output, provenance=provenance)
    console = open_console()
    unit = "iteration" if model.n_iter_ == 1 else "iterations"
    console.print(f"{type(model).__name__} on {data.title}: {model.n_iter_} {unit} in {seconds:.2f} s")
    console.print(f"stopped because {model.stop_reason_}", soft_wrap=True)
    _print_accuracy(summary, data)
    console.print(f"saved {path}", soft_wrap=True)


def evaluate(path: Path, name: str | None, folder: Path | None, as_json: bool) -> None:
    """Print how a model does on the test images."""
    saved, data = load_model_and_data(path, name, folder)
    y_test = labels_for(saved, data.y_test)
    with progress("predicting"):
        predicted = saved.model.predict(data.X_test)
    labels = saved.model.classes_
    if np.isin(y_test, labels).all():
        summary = ClassificationSummary.from_predictions(y_test, predicted, labels=labels)
    else:  # a model of some of the digits: count the others as well
        summary = ClassificationSummary.from_predictions(y_test, predicted)
    if as_json:
        about = {"model": str(path), "class": type(saved.model).__name__, "dataset": data.name}
        print_json(about | summary.to_dict())
        return
    console = open_console()
    console.print(f"{type(saved.model).__name__} on {data.title}", style="bold")
    _print_accuracy(summary, data)
    console.print()
    console.print(str(summary), soft_wrap=True)
    console.print()
    console.print(draw_matrix(summary, console))
    pairs = summary.most_confused(5)
    if pairs:
        heads = [f"{pair.true_label} as {pair.predicted_label}" for pair in pairs]
        console.print()
        console.print(draw_table(Table(("most confused", *heads), [("images", *(str(p.n_samples) for p in pairs))])))


def predict(path: Path, indices: list[int], name: str | None, folder: Path | None, as_json: bool) -> None:
    """Print a model's answers to images of a data set."""
    saved, data = load_model_and_data(path, name, folder)
    X = np.array([data.image(index)[0] for index in indices])
    truth = labels_for(saved, np.array([data.image(index)[1] for index in indices]))
    predicted, probabilities = saved.model.predict(X), saved.model.predict_proba(X)
    classes = saved.model.classes_.tolist()
    if as_json:
        rows = zip(indices, predicted.tolist(), truth.tolist(), probabilities.tolist(), strict=True)
        keys = ("index", "predicted", "label", "probabilities")
        answers = [dict(zip(keys, row, strict=True)) for row in rows]
        print_json({"model": str(path), "dataset": data.name, "classes": classes, "answers": answers})
        return
    console = open_console()
    for index, answer, label, row in zip(indices, predicted, truth, probabilities, strict=True):
        console.print(f"Image {index} of {data.title}: predicted {answer}, label {label}")
        shown = sorted(np.argsort(-row, kind="stable")[:10])  # more would not fit
        numbers = ("P", *(f"{row[k]:.3f}" for k in shown))
        console.print(draw_table(Table(("", *(str(classes[k]) for k in shown)), [numbers])))


def warmup() -> None:
    """Compile all kernels; print the seconds for every kind of data."""
    from mnistlr.warmup import warm_up

    console = open_console()
    started = time.perf_counter()
    with progress("compiling"):
        for kind in warm_up():
            seconds, started = time.perf_counter() - started, time.perf_counter()
            console.print(f"{kind:<16} {seconds:5.1f} s")


def _load(name: str, folder: Path | None) -> NamedData:
    with progress("loading the data"):
        return load_named(name, folder)


def _load_any(name: str, folder: Path | None) -> NamedData:
    """Load data for a command to which other data than MNIST are as good."""
    try:
        return _load(name, folder)
    except DataUnavailableError as error:
        hint = "\nOr do without MNIST: --dataset digits" if name == "mnist" else ""
        raise DataUnavailableError(f"{error}{hint}") from error


def load_model_and_data(path: Path, name: str | None, folder: Path | None) -> tuple[ModelFile, NamedData]:
    """Load a model and a data set of images of its size, by default the one that it was trained on."""
    saved = read_model_file(path)
    if name is None:
        origin = saved.provenance.get("data")
        name = origin.get("name") if isinstance(origin, dict) else None
        if name not in NAMES:
            name = "mnist"
            print(f"mnistlr: {path} does not say what it was trained on; taking mnist", file=sys.stderr)
    data = _load(name, folder)
    n_features, n_pixels = saved.model.n_features_in_, data.X_test.shape[1]
    if n_features != n_pixels:
        raise ValueError(
            f"the model {path} takes {n_features} features, but images of {name} have {n_pixels} pixels; choose the "
            "data set that it was trained on with --dataset."
        )
    return saved, data


def labels_for(saved: ModelFile, digits: NDArray[np.int64]) -> NDArray[Any]:
    """Return the labels that the model should have given to images of these digits."""
    classes, digit = saved.model.classes_, saved.provenance.get("digit")
    if classes.dtype.kind in "iu":
        return digits
    if classes.dtype == bool and isinstance(digit, int):
        is_digit: NDArray[np.bool_] = digits == digit
        return is_digit
    raise ValueError(
        f"the labels of this model, {', '.join(map(str, classes.tolist()))}, are not digits, and its file does not say "
        "which digit it detects."
    )


def _print_accuracy(summary: ClassificationSummary, data: NamedData) -> None:
    answer = summary.labels[int(np.argmax(summary.support))]
    open_console().print(
        f"accuracy {100 * summary.accuracy:.2f} % on {len(data.y_test):,} test images "
        f'(always "{answer}": {100 * summary.baseline:.2f} %)'
    )


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
