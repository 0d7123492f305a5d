"""Memory: how much fit needs beyond its input.

Every reading is a process of its own, which has fitted a few samples before, so that code and thread pools are in
place. The operating system then reports the largest resident memory during the call and the resident memory before it,
so that all allocations count. Linux only.
"""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import sklearn.linear_model as sk

from benchmarks.measuring.clocks import quartiles, ratio
from benchmarks.measuring.memory import in_new_process, peak
from benchmarks.measuring.report import Report, Row, show_ratio, yes_no
from mnistlr import LogisticRegression, SoftmaxRegression
from mnistlr.datasets.named import load_named

GOAL = 20.0  # MB

# name -> model, whether its labels are "2 or not". The peak does not depend on the number of iterations.
FITS: dict[str, tuple[Callable[[], Any], bool]] = {
    "SoftmaxRegression()": (SoftmaxRegression, False),
    "SoftmaxRegression(solver='lbfgs')": (lambda: SoftmaxRegression(solver="lbfgs", max_iter=15), False),
    "SoftmaxRegression(solver='newton')": (lambda: SoftmaxRegression(solver="newton", max_iter=3), False),
    "LogisticRegression()": (LogisticRegression, True),
    "scikit-learn LogisticRegression, ten": (lambda: sk.LogisticRegression(max_iter=2), False),
    "scikit-learn LogisticRegression, binary": (lambda: sk.LogisticRegression(max_iter=2), True),
    "scikit-learn SGDClassifier, binary": (lambda: sk.SGDClassifier(loss="log_loss", max_iter=1), True),
}
RIVAL = {True: "scikit-learn LogisticRegression, binary", False: "scikit-learn LogisticRegression, ten"}


def peak_of_fit(name: str, dataset: str) -> float:
    """Return the peak of one of ``FITS``."""
    warnings.simplefilter("ignore")  # not converged, of course
    data = load_named(dataset)
    make, binary = FITS[name]
    X, y = data.X_train, data.y_train == 2 if binary else data.y_train
    make().fit(X[:2000].copy(), y[:2000])
    return peak(lambda: make().fit(X, y))


def peak_of_load(dataset: str) -> float:
    """Return the peak of loading a data set."""
    load_named("digits")
    return peak(lambda: load_named(dataset))


def row(what: str, values: list[float], theirs: list[float] | None = None, goal: float | None = None) -> Row:
    """Make the row of a peak."""
    q1, median, q3 = quartiles(values)
    made = Row(what, f"{median:.1f} MB", f"{q1:.1f} - {q3:.1f}", readings=values)
    if theirs:
        made.against, made.ratio = "scikit-learn", show_ratio(ratio([max(value, 0.1) for value in values], theirs))
    if goal:
        made.goal, made.met = f"{goal:.0f} MB", yes_no(median <= goal)
    return made


def main() -> None:
    """Measure, print."""
    report = Report("Memory: the peak of fit beyond its input", repeats=3)
    if not Path("/proc/self/clear_refs").exists():
        print("skipped: this needs Linux, where a process can read its own peak")
        return
    data = report.data()
    print(f"input: {data.X_train.nbytes / 1e6:.1f} MB of uint8")
    # A quick run tries one of ours and its rival.
    names = ["SoftmaxRegression()", RIVAL[False]] if report.quick else list(FITS)
    peaks: dict[str, list[float]] = {name: [] for name in names}
    loads = []
    for _ in range(report.repeats):
        for name in names:
            peaks[name].append(in_new_process(peak_of_fit, name, data.name))
        loads.append(in_new_process(peak_of_load, data.name))
    rows = []
    for name, values in peaks.items():
        ours = not name.startswith("scikit-learn")
        theirs = peaks[RIVAL[FITS[name][1]]] if ours else None
        rows.append(row(name, values, theirs, GOAL if ours else None))
    report.table("fit", rows)
    arrays = (data.X_train.nbytes + data.X_test.nbytes + data.y_train.nbytes + data.y_test.nbytes) / 1e6
    report.table("load", [row(f"{data.title}, arrays of {arrays:.1f} MB", loads)])
    report.close()


if __name__ == "__main__":
    main()
