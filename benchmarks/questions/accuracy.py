"""How many of MNIST's test images are read, and how soon: ``python -m benchmarks.accuracy``.

LeCun's table of linear classifiers (1998) beside ours, DigitReader with defaults by five seeds, and a race to 98.5,
99.0 and 99.2 % against models that users would pick. A peer trains in growing steps (epochs, trees, samples), and its
clock runs while it trains, not while it is judged. DigitReader runs anew with each of a few settings. With
``--folder``, any four files in MNIST's format take the place of MNIST, for pixels and edges.
"""

import argparse
import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.accuracy_peers import PEERS
from sklearn.exceptions import ConvergenceWarning

from benchmarks.measuring.clocks import clock, quartiles, take_turns
from benchmarks.measuring.report import Report, Row, show_time, timed, yes_no
from mnistlr import LogisticRegression, SoftmaxRegression, load_idx_folder
from mnistlr.features import Deskew, DigitReader, add_copies

SEEDS = range(5)
LEVELS = (0.985, 0.99, 0.992)
BEST = {"directions": 12, "grids": (9, 6, 4)}
"""The most accurate settings in six-fold cross-validation on the training images."""
COPIES = 3
"""Distorted ones of each image: with twice as many, no fewer held back training images are misread."""


def accuracies(make: Callable[[int], Any], data: Any, copies: int = 0) -> list[float]:
    """Return the test accuracy of a model for every seed."""
    X, y, X_test, y_test = data
    return [
        float(make(seed).fit(*add_copies(X, y, copies, min(copies, 1), random_state=seed)).score(X_test, y_test))
        for seed in SEEDS
    ]


def row_of(what: str, values: list[float], goal: float | None = None) -> Row:
    """Make the row of an accuracy."""
    mean = float(np.mean(values))
    row = Row(what, f"{mean:.2%}", f"{min(values):.2%} - {max(values):.2%}", readings=values)
    if goal is not None:
        row.goal, row.met = f">= {goal:.2%}", yes_no(mean >= goal)
    return row


def accuracy_table(report: Report, data: Any) -> None:
    """Report accuracies with defaults and with the best settings, and the time of a whole fit."""
    X, y, X_test, _ = data
    reads = (
        ("SoftmaxRegression(), pixels", lambda seed: SoftmaxRegression(random_state=seed), 0, None),
        ("DigitReader()", lambda seed: DigitReader(random_state=seed), 0, 0.992),
        (f"  {COPIES} distorted copies, one redrawn", lambda seed: DigitReader(random_state=seed), COPIES, None),
        (f"DigitReader({_show(BEST)})", lambda seed: DigitReader(random_state=seed, **BEST), 0, None),
        (
            f"  {COPIES} distorted copies, one redrawn",
            lambda seed: DigitReader(random_state=seed, **BEST),
            COPIES,
            0.9935,
        ),
    )
    rows = [row_of(what, accuracies(make, data, copies), goal) for what, make, copies, goal in reads]
    report.table("Test accuracy, mean of five seeds", rows)
    reader = DigitReader(random_state=0).fit(X, y)
    few = reader.features(X_test[:1])
    times = take_turns(
        {
            "fit": clock(lambda: DigitReader(random_state=0).fit(X, y)),
            "features": clock(lambda: reader.features(X)),
            "one": clock(lambda: reader.predict(X_test[:1]), at_least=0.05),
            "predict": clock(lambda: reader.classifier_.predict(few), at_least=0.05),
        },
        report.repeats,
    )
    beyond = [one - predict for one, predict in zip(times["one"], times["predict"], strict=True)]
    rows = [
        _limited(timed(f"features of {len(X):,} images and fit", times["fit"]), times["fit"], 2.0),
        _limited(timed(f"features of {len(X):,} images", times["features"]), times["features"], 1.3),
        timed("one image, features and predict", times["one"]),
        _limited(timed("  beyond predict", beyond), beyond, 60e-6),
    ]
    report.table("DigitReader() in time", rows)


def linear_table(report: Report, data: Any) -> None:
    """Reproduce LeCun's table of linear classifiers on MNIST, with ours beside it."""
    X, y, X_test, y_test = data
    deskew = Deskew().fit(X)
    upright = (deskew.transform(X), y, deskew.transform(X_test), y_test)
    lecun = (
        ("pixels", partial(_softmax_error, data), "12.0%"),
        ("deskewed pixels", partial(_softmax_error, upright), "8.4%"),
        ("deskewed, each pair of digits", partial(_pairwise_error, upright), "7.6%"),
        ("edges, DigitReader()", lambda: 1 - DigitReader(random_state=0).fit(X, y).score(X_test, y_test), ""),
    )
    rows = []
    for what, error, theirs in lecun:
        value = float(error())
        rows.append(Row(what, f"{value:.2%}", against=theirs and f"LeCun 1998: {theirs}", readings=[value]))
    report.table("Test errors of linear classifiers", rows)


def _softmax_error(data: Any) -> float:
    X, y, X_test, y_test = data
    return 1 - float(SoftmaxRegression(random_state=0).fit(X, y).score(X_test, y_test))


def _pairwise_error(data: Any) -> float:
    """Return the error of a classifier for each pair of classes, which vote with their probabilities."""
    X, y, X_test, y_test = data
    classes = np.unique(y)
    votes = np.zeros((len(y_test), len(classes)))
    for a, b in combinations(range(len(classes)), 2):
        chosen = (y == classes[a]) | (y == classes[b])
        model = LogisticRegression(solver="sgd", random_state=0).fit(X[chosen], y[chosen])
        votes[:, [a, b]] += model.predict_proba(X_test)
    return float(np.mean(classes[votes.argmax(axis=1)] != y_test))


def race(report: Report, data: Any, patience: float) -> None:
    """Report when every peer reaches each level; a peer is given up after ``patience`` seconds of training."""
    X, y, X_test, y_test = data
    first: dict[float, float] = {}
    rows = []
    for name, train in (("DigitReader", _reader), *PEERS):
        try:
            reached, best, spent = _times_to_levels(train(X, y, X_test, y_test), patience)
        except ImportError as error:
            rows.append(Row(f"{name}: not installed ({error.name})", ""))
            continue
        for level in LEVELS:
            seconds = reached.get(level)
            if name == "DigitReader" and seconds:
                first[level] = seconds
            value = show_time(seconds) if seconds else f"not within {spent:.0f} s, at most {best:.2%}"
            row = Row(f"{name} to {level:.1%}", value, readings=[seconds] if seconds else [])
            if name != "DigitReader" and seconds and level in first:
                row.against, row.ratio = "DigitReader", f"{seconds / first[level]:.1f}"
                row.goal, row.met = "3.0", yes_no(seconds >= 3 * first[level])
            rows.append(row)
        print(f"  {name}: {best:.2%} after {spent:.1f} s")
    report.table("Time to a test accuracy", rows, f"Training only, up to {patience:g} s each; features included.")


def _reader(X: Any, y: Any, X_test: Any, y_test: Any) -> Iterator[tuple[float, float]]:
    """Yield seconds and accuracy of DigitReader, from the fewest epochs to its default end."""
    for settings in ({"directions": 8, "grids": (7,), "tol": 0.1}, {"tol": 0.1}, {}):
        began = time.perf_counter()
        model = DigitReader(random_state=0, **settings).fit(X, y)
        yield time.perf_counter() - began, model.score(X_test, y_test)


def _times_to_levels(
    progress: Iterator[tuple[float, float]], patience: float
) -> tuple[dict[float, float], float, float]:
    """Return level -> seconds, the best accuracy, and the seconds spent."""
    reached: dict[float, float] = {}
    best = seconds = 0.0
    for seconds, accuracy in progress:
        best = max(best, accuracy)
        for level in LEVELS:
            if accuracy >= level:
                reached.setdefault(level, seconds)
        if len(reached) == len(LEVELS) or seconds > patience:
            break
    return reached, best, seconds


def _limited(row: Row, seconds: list[float], limit: float) -> Row:
    median = quartiles(seconds)[1]
    row.goal, row.met = f"<= {show_time(limit)}", yes_no(median <= limit)
    return row


def _show(settings: dict[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in settings.items())


def main() -> None:
    """Measure, print."""
    warnings.simplefilter("ignore", ConvergenceWarning)  # peers train an epoch at a time
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--patience", type=float, default=60.0)
    options, others = parser.parse_known_args()
    report = Report("How many test images are read, and how soon", repeats=5, arguments=others)
    if options.folder:
        X, X_test, y, y_test = load_idx_folder(options.folder)
        print(f"data: {options.folder}, {len(y):,} to train on, {len(y_test):,} to test on")
    else:
        named = report.data()
        X, X_test, y, y_test = named.X_train, named.X_test, named.y_train, named.y_test
    data = (X, y, X_test, y_test)
    accuracy_table(report, data)
    if options.folder is None:
        linear_table(report, data)
        race(report, data, 1.0 if report.quick else options.patience)
    report.close()


if __name__ == "__main__":
    main()
