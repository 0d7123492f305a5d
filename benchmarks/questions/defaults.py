"""Defaults on small and middling data: how far behind the optimum of their own objective, and how long they take.

Each set is split four times; three tenths of the samples are test data. The optimum comes from "lbfgs" to a gradient
of 1e-7. scikit-learn's LogisticRegression minimises the same objective to its own default tolerance.
"""

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine, make_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression as SklearnLogisticRegression
from sklearn.model_selection import StratifiedShuffleSplit
from sklearn.preprocessing import StandardScaler

from benchmarks.measuring.clocks import clock, quartiles, take_turns
from benchmarks.measuring.report import Report, Row, show_ratio, show_time, yes_no
from mnistlr import LogisticRegression, SoftmaxRegression

SPLITS = 4
GENERATED = {  # n, d, classes, informative features, distance of the classes
    "252 x 90, 15 classes": (252, 90, 15, 40, 1.0),
    "1,617 x 19, 7 classes": (1617, 19, 7, 12, 1.0),
    "4,504 x 36, 6 classes": (4504, 36, 6, 20, 0.7),
    "7,694 x 16, 10 classes": (7694, 16, 10, 12, 1.0),
    "300 x 2,000, 3 classes": (300, 2000, 3, 20, 1.0),
    "300 x 10,000, 10 classes": (300, 10_000, 10, 60, 3.0),
    "500 x 20,000, 10 classes": (500, 20_000, 10, 60, 3.0),
    "20,000 x 50, 12 classes": (20_000, 50, 12, 30, 1.0),
    "60,000 x 40, 8 classes": (60_000, 40, 8, 20, 0.7),
    "30,000 x 300, 10 classes": (30_000, 300, 10, 60, 0.7),
    "5,000 x 100, 2 classes": (5000, 100, 2, 30, 0.5),
}


def problems() -> Iterator[tuple[str, Any, Any]]:
    """Yield name, X and y of each set: bundled ones, raw and standardised, and generated ones."""
    for load in (load_iris, load_wine, load_breast_cancer, load_digits):
        X, y = load(return_X_y=True)
        name = load.__name__.removeprefix("load_").replace("_", " ")
        yield name, X, y
        yield f"{name}, standardised", StandardScaler().fit_transform(X), y
    for name, (n, d, n_classes, informative, distance) in GENERATED.items():
        X, y = make_classification(
            n, d, n_informative=informative, n_redundant=min(d - informative, informative // 2), n_classes=n_classes,
            n_clusters_per_class=1, class_sep=distance, flip_y=0.02, random_state=0,
        )  # fmt: skip
        yield name, X, y
        if name.startswith("1,617"):
            yield "  its features in other units", X * np.exp(np.random.default_rng(0).normal(0, 2, d)), y
    random = np.random.default_rng(0)
    y = np.arange(2000) % 20
    yield "2,000 x 3,000 counts, 20 classes", random.poisson(random.gamma(0.1, 1, (20, 3000))[y]).astype(float), y


def accuracies(X: Any, y: Any, *models: Any) -> list[float]:
    """Return the mean accuracy of each model over the splits."""
    splits = list(StratifiedShuffleSplit(SPLITS, test_size=0.3, random_state=0).split(X, y))
    return [
        float(np.mean([model.fit(X[train], y[train]).score(X[test], y[test]) for train, test in splits]))
        for model in models
    ]


def main() -> None:
    """Fit, print."""
    report, rows = Report("Defaults on small and middling data", repeats=3), []
    warnings.simplefilter("ignore", ConvergenceWarning)  # scikit-learn's, on raw data
    for number, (name, X, y) in enumerate(problems()):
        if report.quick and number > 2:
            break
        default = (LogisticRegression if len(np.unique(y)) == 2 else SoftmaxRegression)(random_state=0)
        optimum = type(default)(solver="lbfgs", tol=1e-7, max_iter=5000)
        ours, best = accuracies(X, y, default, optimum)
        theirs = SklearnLogisticRegression(C=1 / (default.alpha * len(y)))
        tasks = {"ours": lambda: default.fit(X, y), "theirs": lambda: theirs.fit(X, y)}  # noqa: B023  run at once
        times = take_turns({key: clock(task) for key, task in tasks.items()}, report.repeats)
        (_, seconds, _), (_, seconds_theirs, _) = (quartiles(times[key]) for key in tasks)
        rows.append(
            Row(name, f"{ours:.2%}", f"{100 * (ours - best):+z.2f} points", f"scikit-learn {show_time(seconds_theirs)}",
                show_ratio(seconds / seconds_theirs), "-0.5, 1 s",
                yes_no(ours >= best - 0.005 and (seconds <= 1 or seconds <= seconds_theirs)), [ours, best, seconds])
        )  # fmt: skip
    report.table(
        f"Accuracy of defaults, mean of {SPLITS} splits",
        rows,
        "spread: points beyond the optimum; ratio: time of a fit over scikit-learn's",
    )
    report.close()


if __name__ == "__main__":
    main()
