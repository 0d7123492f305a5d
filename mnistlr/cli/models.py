"""The commands that make and judge a model: train, evaluate and warmup."""

import time
from pathlib import Path
from typing import Any

import numpy as np

from mnistlr._support.files import check_writable
from mnistlr.cli.console import open_console, print_json, progress, watched
from mnistlr.cli.data import load_any
from mnistlr.cli.errors import tell
from mnistlr.cli.saved import label_names, labels_for, load_model_and_data, names_of, origin_of
from mnistlr.cli.terminal import draw_matrix, draw_table
from mnistlr.datasets import shuffle
from mnistlr.datasets.named import NamedData
from mnistlr.metrics import ClassificationSummary


def train(
    name: str,
    folder: Path | None,
    digit: int | None,
    of_edges: bool,
    copies: int,
    output: Path | None,
    parameters: dict[str, Any],
) -> None:
    """Train a model, print its accuracy, save it.

    With ``copies``, it learns from so many distorted copies of each image and a redrawn one as well.
    """
    from mnistlr.estimators import LogisticRegression, SoftmaxRegression
    from mnistlr.features import DigitReader, add_copies
    from mnistlr.saving.model_file import save_model
    from mnistlr.warmup import warm_up_fit

    kind = "edges" if of_edges else "softmax"
    output = output or Path(f"mnistlr-{kind}.npz" if digit is None else f"mnistlr-is-it-a-{digit}.npz")
    check_writable(output)
    data = load_any(name, folder)
    if digit is not None and digit not in data.y_train:
        raise ValueError(f"there is no {digit} among the labels of {data.title}; choose another --digit.")
    # As the tour does, so that the same seed makes the same model.
    X, y = shuffle(data.X_train, data.y_train, random_state=parameters["random_state"])
    y, y_test = (labels if digit is None else labels == digit for labels in (y, data.y_test))
    of_pixels = SoftmaxRegression if digit is None else LogisticRegression
    model: Any = (DigitReader if of_edges else of_pixels)(**parameters)
    redrawn = min(copies, 1)
    with progress(f"training on {(1 + copies + redrawn) * len(y):,} images"):
        warm_up_fit(model, X, y)
        if copies:
            add_copies(X[:1], y[:1], 1, 1)  # compiles them
        started = time.perf_counter()
        if copies:
            seed, n_jobs = parameters["random_state"], parameters["n_jobs"]
            X, y = add_copies(X, y, copies, redrawn, random_state=seed, n_jobs=n_jobs)
        with watched(model):
            model.fit(X, y)
        seconds = time.perf_counter() - started
    summary = ClassificationSummary.from_predictions(y_test, model.predict(data.X_test), labels=model.classes_)
    provenance = {
        "data": {"name": data.name, "sha256": data.checksums},
        "digit": digit,
        "copies": copies,
        "redrawn": redrawn,
        "accuracy": summary.accuracy,
        "baseline": summary.baseline,
    }
    path = save_model(model, output, provenance=provenance)
    console = open_console()
    unit = "iteration" if model.n_iter_ == 1 else "iterations"
    on = f"{data.title}, {copies} distorted copies and a redrawn one" if copies else data.title
    console.print(f"{type(model).__name__} on {on}: {model.n_iter_} {unit} in {seconds:.2f} s", soft_wrap=True)
    console.print(f"stopped because {model.stop_reason_}", soft_wrap=True)
    _print_accuracy(_in_words(summary, label_names(model.classes_, digit)), data)
    console.print(f"saved {path}", soft_wrap=True)
    if not of_edges:
        console.print("Photos and drawings are read better from edges: mnistlr train --features edges", soft_wrap=True)


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
    if data.name == "mnist_5k" and origin_of(saved).get("name") == "mnist":
        tell("the model was trained on these images, which are part of MNIST's training set; it does worse on others")
    if as_json:
        about = {"model": str(path), "class": type(saved.model).__name__, "dataset": data.name}
        print_json(about | {"digit": saved.provenance.get("digit")} | summary.to_dict())
        return
    summary = _in_words(summary, names_of(saved))
    console = open_console()
    console.print(f"{type(saved.model).__name__} on {data.title}", style="bold", soft_wrap=True)
    _print_accuracy(summary, data)
    console.print()
    console.print(str(summary), soft_wrap=True)
    console.print()
    console.print(draw_matrix(summary, console))
    pairs = summary.most_confused(5)
    if pairs:
        heads = [f"{pair.true_label} as {pair.predicted_label}" for pair in pairs]
        console.print()
        console.print(draw_table(("most confused", *heads), [("images", *(str(p.n_samples) for p in pairs))]))


def warmup() -> None:
    """Compile all kernels; print the seconds for every kind of data."""
    from mnistlr.warmup import warm_up

    console = open_console()
    started = time.perf_counter()
    with progress("compiling"):
        for kind in warm_up():
            seconds, started = time.perf_counter() - started, time.perf_counter()
            console.print(f"{kind:<16} {seconds:5.1f} s")


def _in_words(summary: ClassificationSummary, names: dict[Any, str]) -> ClassificationSummary:
    return ClassificationSummary(summary.matrix, [names.get(label, str(label)) for label in summary.labels])


def _print_accuracy(summary: ClassificationSummary, data: NamedData) -> None:
    answer = summary.labels[int(np.argmax(summary.support))]
    open_console().print(
        f"accuracy {100 * summary.accuracy:.2f} % on {len(data.y_test):,} test images "
        f'(always "{answer}": {100 * summary.baseline:.2f} %)',
        soft_wrap=True,
    )
