"""Scaling: how the time of a full pass, of an epoch and of a prediction grows with rows, features, classes, threads.

On random pixels, four fifths of them black as in pictures of digits. Energy is not measured: it takes a meter at the
socket, or counters that virtual machines do not show.
"""

import copy
import os
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.measuring.clocks import clock, take_turns
from benchmarks.measuring.report import Report, Row, timed
from mnistlr._support.threads import count_threads
from mnistlr.objective import Objective
from mnistlr.samples import Samples
from mnistlr.solvers import SGD

ROWS = (10**3, 10**4, 10**5, 10**6, 10**7)
USUAL_ROWS = 10**6  # more with --full: 10^7 rows take 8 GB
FEATURES = (16, 64, 256, 784, 3072)
CLASSES = (2, 10, 100, 1000, 2000)
N, D, K = 20_000, 784, 10  # what is held while another one varies


def pixels(n: int, d: int) -> Any:
    """Return random pixels; a block repeated, since making them takes longer than using them."""
    random = np.random.default_rng(0)
    block = random.integers(1, 256, (min(n, 1000), d), np.uint8)
    block *= random.random(block.shape) < 0.2
    return np.resize(block, (n, d))


def tasks(X: Any, n_classes: int, threads: int) -> dict[str, Callable[[], Any]]:
    """Return what is timed: loss and gradient, an epoch of SGD."""
    n_raw = 1 if n_classes == 2 else n_classes
    y = (np.arange(len(X)) % n_classes).astype(np.int32)
    objective = Objective(Samples.of(X), y, n_raw, alpha=1e-4, n_threads=threads)
    theta, random = np.zeros(objective.n_parameters), np.random.RandomState(0)
    state = SGD(objective, theta)
    return {
        "loss and gradient": lambda: objective.value_and_gradient(theta),
        "epoch of SGD": lambda: copy.copy(state).epoch(objective, None, random),
    }


def table(report: Report, title: str, cases: dict[str, tuple[int, int, int, int]]) -> None:
    """Time the cases, (rows, features, classes, threads), and show the time by pixel and raw prediction."""
    rows = []
    for name, (n, d, n_classes, threads) in cases.items():
        todo = tasks(pixels(n, d), n_classes, threads)
        times = take_turns({what: clock(task) for what, task in todo.items()}, report.repeats)
        work = n * d * (1 if n_classes == 2 else n_classes)
        for what, seconds in times.items():
            row = timed(f"{name}, {what}", seconds)
            row.against = f"{np.median(seconds) / work * 1e12:.3g} ps by pixel and raw prediction"
            rows.append(row)
    report.table(title, rows)


def memory_for(n_bytes: int) -> bool:
    """Return whether the machine has so many bytes free, and some to spare."""
    return 1.3 * n_bytes < os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES")


def main() -> None:
    """Measure, print."""
    report = Report("Scaling of training", repeats=3, full="go up to 10^7 rows and 2,000 classes")
    threads = count_threads()
    most = 10**3 if report.quick else ROWS[-1] if report.full else USUAL_ROWS
    rows = [n for n in ROWS if n <= most and memory_for(n * D)]
    if len(rows) < sum(n <= most for n in ROWS):
        print(f"more than {rows[-1]:,} rows are left out: there is not the memory")
    n = 500 if report.quick else N
    classes = CLASSES[:2] if report.quick else CLASSES if report.full else CLASSES[:4]
    counts = sorted({1, *(t for t in (2, 4, 8, 16, 32, 64) if t < threads), threads})
    table(report, f"Rows; {D} features, {K} classes", {f"{m:,} rows": (m, D, K, threads) for m in rows})
    table(report, f"Features; {n:,} rows, {K} classes", {f"{d:,} features": (n, d, K, threads) for d in FEATURES})
    few = n // 10
    table(report, f"Classes; {few:,} rows, {D} features", {f"{k:,} classes": (few, D, k, threads) for k in classes})
    table(report, f"Threads; {n:,} rows, {D} features, {K} classes", {f"{t} threads": (n, D, K, t) for t in counts})
    report.table("Energy", [Row("not measured", "no meter")])
    report.close()


if __name__ == "__main__":
    main()
