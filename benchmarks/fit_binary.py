"""Two classes, "2 or not": what users of fit wait for.

The tutorial's stopping rule against scikit-learn's; the time to given distances from the optimum against the quickest
peers, each with just as many iterations as it needs; and how soon 98.0 % of the test images are told right.
"""

import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import sklearn.linear_model as sk
from sklearn.exceptions import ConvergenceWarning

from benchmarks import peers
from benchmarks.measure import clock, quartiles, take_turns
from benchmarks.report import Report, Row, timed, yes_no
from benchmarks.scoring import Judge, first_setting, seconds_until, weights_of
from mnistlr import LogisticRegression

DIGIT = 2
LEVEL = 0.98
PIECE = 960  # images between two looks at the accuracy
PATIENCE = 5.0  # seconds
SUBOPTIMALITY = (1e-2, 1e-4, 1e-6)

# Found by trying batches of 16 to all with steps from 0.1 to 2.
ACCURACY_PEERS: dict[str, Callable[[Any, Any], peers.Start]] = {
    "JAX, batches": lambda X, y: peers.jax_batches(X, y, 1, batch=64, step=0.5, steps_a_piece=PIECE // 64),
    "PyTorch, batches": lambda X, y: peers.torch_batches(X, y, 1, batch=64, step=0.5, steps_a_piece=PIECE // 64),
}


def tutorial(report: Report, data: Any, y: Any, judge: Judge) -> None:
    """Compare with the tutorial's LogisticRegression(tol=0.1, solver="lbfgs", max_iter=70000) on raw pixels.

    Its penalty and its tolerance are about weights of raw pixels; for weights of pixels / 255, which ours are about
    for uint8, they are 1 / (n 255^2) and 0.1 / 255. Far from the optimum that rule stops different solvers at different
    heights, so that the time to scikit-learn's objective is measured as well.
    """
    X, X64 = data.X_train, data.X_train.astype(np.float64)
    alpha = 1 / (len(y) * 255**2)
    ours = LogisticRegression(alpha=alpha, tol=0.1 / 255)
    theirs = sk.LogisticRegression(tol=0.1, solver="lbfgs", max_iter=50 if report.quick else 70_000)
    target = judge.objective(weights_of(theirs.fit(X64, y), raw_pixels=True), alpha)

    def with_iterations(k: int) -> LogisticRegression:
        return LogisticRegression(alpha=alpha, tol=0, max_iter=k).fit(X, y)

    def objective(model: LogisticRegression) -> float:
        return judge.objective(weights_of(model, raw_pixels=True), alpha)

    enough = first_setting(lambda k: objective(with_iterations(k)) <= target, 500)
    clocks = {
        "ours": clock(lambda: ours.fit(X, y)),
        "theirs": clock(lambda: theirs.fit(X64, y), warm_up=False),
        "ours, same objective": clock(lambda: with_iterations(enough or 500)),
    }
    times = take_turns(clocks, report.repeats)
    reached = objective(ours)
    rows = [
        timed(f"ours, by its rule, {ours.n_iter_} iterations", times["ours"], "scikit-learn", times["theirs"], 1 / 12),
        Row("  objective", f"{reached:.6f}", goal="no worse", met=yes_no(reached <= target), readings=[reached]),
        Row("  test accuracy", f"{judge.accuracy(weights_of(ours, raw_pixels=True)):.2%}"),
        timed(f"ours, to theirs, {enough} iterations", times["ours, same objective"], "scikit-learn", times["theirs"]),
        timed(f"scikit-learn, float64, {theirs.n_iter_[0]} iterations", times["theirs"]),
        Row("  objective", f"{target:.6f}", readings=[target]),
        Row("  test accuracy", f"{judge.accuracy(weights_of(theirs, raw_pixels=True)):.2%}"),
    ]
    report.table("The tutorial's stopping rule, raw pixels", rows)


def optimum(data: Any, y: Any, judge: Judge) -> float:
    """Return the smallest objective for alpha = 1 / n; kept in the folder for temporary files."""
    file = Path(tempfile.gettempdir(), f"mnistlr-benchmarks-{data.checksums['train-images'][:16]}-{DIGIT}.txt")
    if not file.exists():
        best = LogisticRegression(solver="newton", alpha=1 / len(y), tol=1e-10).fit(data.X_train / 255, y)
        file.write_text(repr(judge.objective(weights_of(best), 1 / len(y))))
    return float(file.read_text())


def to_optimum(report: Report, data: Any, y: Any, judge: Judge) -> None:
    """Compare the times to a relative suboptimality, alpha = 1 / n."""
    X, alpha, best = data.X_train, 1 / len(y), optimum(data, y, judge)
    levels = (0.3,) if report.quick else SUBOPTIMALITY
    fits: dict[str, tuple[Callable[[int], Any], int, bool]] = {
        solver: (
            lambda k, solver=solver: LogisticRegression(solver=solver, alpha=alpha, tol=0, max_iter=k).fit(X, y),
            200,
            True,
        )
        for solver in ("lbfgs", "newton")
    }
    for name, (prepare, most) in peers.BINARY.items():
        try:
            fits[name] = (prepare(X, y), most, False)
        except ImportError as error:
            print(f"{name} is skipped: {error}")

    clocks, settings = {}, {}
    for name, (fit, most, raw_pixels) in fits.items():
        seen: dict[int, float] = {}

        def distance(k: int, fit: Any = fit, raw_pixels: bool = raw_pixels, seen: dict[int, float] = seen) -> float:
            if k not in seen:
                seen[k] = judge.objective(weights_of(fit(k), raw_pixels), alpha) / best - 1
            return seen[k]

        k: int | None = 1
        for level in levels:
            # A nearer level takes at least as many iterations, and is out of reach if this one is.
            k = k and first_setting(lambda k, level=level, distance=distance: distance(k) <= level, most, k)
            settings[name, level] = k
            if k is not None:
                clocks[f"{name} {level}"] = clock(lambda fit=fit, k=k: fit(k), warm_up=False)
    times = take_turns(clocks, (report.repeats + 1) // 2)
    for level in levels:
        ours = times.get(f"lbfgs {level}", [])
        others = {name: times.get(f"{name} {level}", []) for name in fits if name in peers.BINARY}
        quickest = min((name for name in others if others[name]), key=lambda name: quartiles(others[name])[1])
        rows = []
        for name in fits:
            k, seconds = settings[name, level], times.get(f"{name} {level}", [])
            what = f"{name}, {k} iterations" if k else name
            if name not in others:
                rows.append(timed(f"ours: {what}", seconds))
                continue
            rows.append(timed(what, seconds))
            if seconds and ours:
                compared = timed("", ours, "", seconds, 0.1 if name == quickest else None)
                rows[-1].against, rows[-1].ratio = "ours, lbfgs / this", compared.ratio
                rows[-1].goal, rows[-1].met = compared.goal, compared.met
        report.table(f"To a relative suboptimality of {level:g}, alpha = 1/n; half the rounds", rows)


def to_accuracy(report: Report, data: Any, y: Any, judge: Judge) -> None:
    """Compare how soon the test accuracy first reaches ``LEVEL``."""
    level = 0.95 if report.quick else LEVEL
    X, alpha = data.X_train, 1 / len(y)

    def until(start: peers.Start) -> float:
        return seconds_until(start, lambda weights: judge.accuracy(weights) >= level, PATIENCE)

    def lbfgs(k: int) -> LogisticRegression:
        return LogisticRegression(alpha=alpha, tol=0, max_iter=k).fit(X, y)

    enough = first_setting(lambda k: judge.accuracy(weights_of(lbfgs(k), raw_pixels=True)) >= level, 200)
    sgd = peers.our_batches(X, y, 1, model=LogisticRegression(), seed=0, piece=PIECE)
    clocks = {"ours, lbfgs": clock(lambda: lbfgs(enough or 200)), "ours, sgd": lambda: until(sgd)}
    for name, prepare in ACCURACY_PEERS.items():
        try:
            start = prepare(X, y)
        except ImportError as error:
            print(f"{name} is skipped: {error}")
            continue
        clocks[name] = lambda start=start: until(start)
    times = take_turns(clocks, report.repeats)
    rows = []
    for name, seconds in times.items():
        rows.append(timed(name, seconds))
        if not name.startswith("ours"):
            compared = timed("", times["ours, sgd"], "", seconds, 1.0)
            rows[-1].against, rows[-1].ratio = "ours, sgd / this", compared.ratio
            rows[-1].goal, rows[-1].met = compared.goal, compared.met
    report.table(f"Time until {level:.1%} of the test images are told right", rows, f"lbfgs: {enough} iterations")


def main() -> None:
    """Measure, print."""
    warnings.simplefilter("ignore", ConvergenceWarning)  # limits on iterations are meant
    warnings.simplefilter("ignore", FutureWarning)
    report = Report("Fitting two classes", repeats=5)
    data = report.data()
    y, judge = (data.y_train == DIGIT).astype(int), Judge(data, DIGIT)
    tutorial(report, data, y, judge)
    to_optimum(report, data, y, judge)
    to_accuracy(report, data, y, judge)
    report.close()


if __name__ == "__main__":
    main()
