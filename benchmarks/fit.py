"""Ten classes: what users of fit wait for.

The default fit against scikit-learn's SGDClassifier; L-BFGS against scikit-learn's; and how soon 92.0 % of the test
images are told right, against JAX's and PyTorch's mini-batches. Time to an accuracy is the training's alone: weights
are judged often (every ``PIECE`` images), outside the clock.
"""

import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import sklearn.linear_model as sk
from sklearn.exceptions import ConvergenceWarning

from benchmarks import peers
from benchmarks.measure import clock, quartiles, take_turns
from benchmarks.report import Report, Row, timed, yes_no
from benchmarks.scoring import Judge, first_setting, seconds_until, weights_of
from mnistlr import SoftmaxRegression

SEEDS = range(5)
LEVEL = 0.92
PIECE = 1920  # images between two looks at the accuracy
PATIENCE = 5.0  # seconds

# Found by trying batches of 16 to 256 with steps from 0.05 to 0.5.
PEERS: dict[str, Callable[[Any, Any], peers.Start]] = {
    "JAX": lambda X, y: peers.jax_batches(X, y, 10, batch=16, step=0.1, steps_a_piece=PIECE // 16),
    "PyTorch": lambda X, y: peers.torch_batches(X, y, 10, batch=64, step=0.2, steps_a_piece=PIECE // 64),
}


def defaults(report: Report, data: Any, judge: Judge) -> None:
    """Compare SoftmaxRegression() with SGDClassifier, on scaled and on raw pixels."""
    X, y = data.X_train, data.y_train
    models = [SoftmaxRegression(random_state=seed).fit(X, y) for seed in SEEDS]
    accuracies = [judge.accuracy(weights_of(model, raw_pixels=True)) for model in models]
    mean, low = float(np.mean(accuracies)), min(accuracies)
    clocks = {f"seed {seed}": clock(lambda seed=seed: SoftmaxRegression(random_state=seed).fit(X, y)) for seed in SEEDS}
    times = [reading for readings in take_turns(clocks, report.repeats).values() for reading in readings]
    epochs = sorted(model.n_iter_ for model in models)

    rows, passes = [], None if report.full else 1 if report.quick else 2
    for name, X_theirs, goal in (("scaled", X / 255, 1 / 100), ("raw", X.astype(np.float64), 1 / 500)):
        settings = {} if passes is None else {"max_iter": passes, "tol": None}
        theirs = sk.SGDClassifier(loss="log_loss", random_state=42, **settings)  # the tutorial's
        began = time.perf_counter()
        theirs.fit(X_theirs, y)
        seconds = [time.perf_counter() - began]
        accuracy = judge.accuracy(weights_of(theirs, raw_pixels=name == "raw"))
        what = "to its end" if passes is None else f"{passes} passes only: see --full"
        rows.append(timed("SoftmaxRegression()", times, f"SGDClassifier, {name}", seconds, goal))
        if passes is not None:  # its whole run takes longer, so that the ratio is at most this
            rows[-1].ratio, rows[-1].met = f"<= {rows[-1].ratio}", ""
        rows.append(timed(f"  SGDClassifier, {name}, {what}", seconds))
        rows.append(Row("    its accuracy", f"{accuracy:.2%}"))
    rows += [
        Row("SoftmaxRegression(), mean accuracy", f"{mean:.2%}", f"{low:.2%} - {max(accuracies):.2%}",
            goal="92.3 %", met=yes_no(mean >= 0.923), readings=accuracies),
        Row("  the worst of five seeds", f"{low:.2%}", goal="92.0 %", met=yes_no(low >= 0.92)),
    ]  # fmt: skip
    report.table(f"fit with defaults, {epochs[0]} to {epochs[-1]} epochs", rows)


def to_accuracy(report: Report, data: Any, judge: Judge) -> None:
    """Compare how soon the test accuracy first reaches ``LEVEL``."""
    level = 0.85 if report.quick else LEVEL  # what a few images can teach

    def until(start: peers.Start) -> float:
        return seconds_until(start, lambda weights: judge.accuracy(weights) >= level, PATIENCE)

    starts = {}
    for name, prepare in PEERS.items():
        try:
            starts[name] = prepare(data.X_train, data.y_train)
        except ImportError as error:
            print(f"{name} is skipped: {error}")

    def ours(seed: int) -> peers.Start:
        return peers.our_batches(data.X_train, data.y_train, 10, model=SoftmaxRegression(), seed=seed, piece=PIECE)

    clocks = {name: (lambda start=start: until(start)) for name, start in starts.items()}
    for seed in SEEDS:
        clocks[f"seed {seed}"] = lambda seed=seed: until(ours(seed))
    times = take_turns(clocks, report.repeats)
    readings = [reading for seed in SEEDS for reading in times[f"seed {seed}"]]
    reached = [name for name in starts if np.isfinite(times[name]).all()]
    quickest = min(reached, key=lambda name: quartiles(times[name])[1], default=None)
    rows = [timed("SoftmaxRegression's SGD, five seeds", readings)]
    for name in starts:
        other = timed("", readings, name, times[name], 0.1 if name == quickest else None)
        rows.append(timed(name, times[name], f"ours / {name}"))
        rows[-1].ratio, rows[-1].goal, rows[-1].met = other.ratio, other.goal, other.met
    report.table(f"Time until {level:.1%} of the test images are told right", rows, f"judged every {PIECE} images")


def to_objective(report: Report, data: Any, judge: Judge) -> None:
    """Compare L-BFGS: the time to the objective of scikit-learn's after 100 iterations, alpha = 1 / n."""
    X, y, alpha = data.X_train, data.y_train, 1 / len(data.y_train)
    iterations = 20 if report.quick else 100
    X32 = X / np.float32(255)
    theirs = sk.LogisticRegression(tol=1e-14, max_iter=iterations)
    target = judge.objective(weights_of(theirs.fit(X32, y)), alpha)

    def ours(max_iter: int) -> SoftmaxRegression:
        return SoftmaxRegression(solver="lbfgs", alpha=alpha, tol=0, max_iter=max_iter).fit(X, y)

    enough = first_setting(
        lambda k: judge.objective(weights_of(ours(k), raw_pixels=True), alpha) <= target, 4 * iterations
    )
    if enough is None:
        report.table("L-BFGS", [Row("SoftmaxRegression(solver='lbfgs')", "not reached")])
        return
    clocks = {"ours": clock(lambda: ours(enough)), "theirs": lambda: _seconds(lambda: theirs.fit(X32, y))}
    times = take_turns(clocks, 1 if report.quick else min(report.repeats, 3))
    rows = [
        timed(f"SoftmaxRegression, {enough} iterations", times["ours"], "scikit-learn", times["theirs"], 1 / 6),
        timed(f"scikit-learn, float32, {iterations} iterations", times["theirs"]),
    ]
    report.table(f"L-BFGS to the objective {target:.5f} of scikit-learn's, alpha = 1/n", rows)


def _seconds(task: Callable[[], Any]) -> float:
    began = time.perf_counter()
    task()
    return time.perf_counter() - began


def main() -> None:
    """Measure, print."""
    warnings.simplefilter("ignore", ConvergenceWarning)  # limits on iterations are meant
    report = Report(
        "Fitting ten classes", repeats=5, full="run SGDClassifier to its end, which takes minutes, instead of 2 passes"
    )
    data = report.data()
    judge = Judge(data)
    defaults(report, data, judge)
    to_accuracy(report, data, judge)
    to_objective(report, data, judge)
    report.close()


if __name__ == "__main__":
    main()
