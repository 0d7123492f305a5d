"""Kernels: how near they are to the limits of the machine.

A pass over the data cannot be quicker than reading it, nor than its arithmetic: 4 n d K operations for raw
predictions and gradient, 2 n d K for raw predictions alone, at the rate of the BLAS's matrix product (gemm). These
limits are measured in the same run, in turn with the kernels.
"""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn._loss import HalfMultinomialLoss
from sklearn.linear_model import LogisticRegression as SklearnLogisticRegression
from sklearn.linear_model import SGDClassifier
from sklearn.linear_model._linear_loss import LinearModelLoss
from threadpoolctl import threadpool_limits

from benchmarks.measuring.clocks import clock, quartiles, take_turns
from benchmarks.measuring.report import Report, Row, show_time, timed, yes_no
from mnistlr import SoftmaxRegression
from mnistlr._support.threads import count_threads
from mnistlr.kernels.passes import raw_predictions
from mnistlr.kernels.records import pack
from mnistlr.objective import Objective
from mnistlr.samples import Samples
from mnistlr.solvers import SGD

SIDE = 1536  # of the matrices of gemm
ALPHA = 1e-4
AT_LEAST = 0.02  # seconds that a reading takes


def gemm(dtype: type, threads: int) -> Callable[[], Any]:
    """Return a task of 2 SIDE^3 operations."""
    A = np.random.default_rng(0).random((SIDE, SIDE)).astype(dtype)

    def multiply() -> None:
        with threadpool_limits(threads, user_api="blas"):
            A @ A

    return multiply


def full_pass(X: Any, y: Any, n_raw: int, threads: int) -> Callable[[], Any]:
    """Return a task: loss and gradient on all data, away from the starting point."""
    objective = Objective(Samples.of(X), y.astype(np.int32), n_raw, alpha=ALPHA, n_threads=threads)
    theta = np.random.default_rng(0).normal(0, 0.1, objective.n_parameters)
    return lambda: objective.value_and_gradient(theta)


def sgd_epoch(X: Any, y: Any, n_raw: int, scale: float = 0.0) -> Callable[[], Any]:
    """Return a task: one epoch more. ``scale`` is the size of the weights at the start."""
    objective = Objective(Samples.of(X), y.astype(np.int32), n_raw, alpha=ALPHA)
    random = np.random.RandomState(0)
    state = SGD(objective, random.normal(0, scale, objective.n_parameters))
    return lambda: copy.copy(state).epoch(objective, None, random)


def sparse_text(n: int) -> tuple[Any, Any]:
    """Return a problem like bags of words: 20 classes, 10^5 features, 100 entries a row, some words in many rows."""
    random, entries = np.random.default_rng(0), 100
    d, classes = 10**5, 20
    indices = (d * random.random((n, entries)) ** 4).astype(np.int32)
    indptr = np.arange(0, n * entries + 1, entries, np.int32)
    X = sp.csr_array((random.random(n * entries, np.float32), indices.ravel(), indptr), shape=(n, d))
    X.sum_duplicates()
    return X, random.integers(0, classes, n)


def sklearn_pass(X: Any, y: Any, n_classes: int, threads: int) -> Callable[[], Any]:
    """Return a task: loss and gradient as scikit-learn's own LogisticRegression has them."""
    loss = LinearModelLoss(HalfMultinomialLoss(n_classes=n_classes), fit_intercept=True)
    coef = np.random.default_rng(0).normal(0, 0.1, (n_classes, X.shape[1] + 1)).astype(X.dtype, order="F")
    labels = y.astype(X.dtype)
    return lambda: loss.loss_gradient(coef, X, labels, l2_reg_strength=ALPHA, n_threads=threads)


def sklearn_epoch(X: Any, y: Any) -> Callable[[], Any]:
    """Return a task: one epoch of scikit-learn's SGDClassifier, a detector for each class."""
    model = SGDClassifier(loss="log_loss", alpha=ALPHA, max_iter=1, tol=None, random_state=0)
    return lambda: model.fit(X, y)


def one_image(model: SoftmaxRegression, image: Any) -> Callable[[], Any]:
    """Return a task: nothing but the kernel, for one image."""
    samples = Samples.of(image)
    weights = pack(model.coef_ / samples.unit, model.intercept_, samples.dtype)
    scratch, out = samples.scratch(10), np.empty((1, 10), samples.dtype)
    return lambda: raw_predictions(samples.X, 0, 1, weights, scratch, out)


def main() -> None:
    """Measure, print."""
    report = Report("Kernels against the limits of the machine", repeats=15, quick_repeats=2)
    data = report.data()
    X, y, two = data.X_train, data.y_train, data.y_train == 2
    n, d, K = *X.shape, 10
    threads = count_threads()
    forms = {"uint8": X, "float32": X / np.float32(255), "float64": X / 255, "CSR uint8": sp.csr_array(X)}
    if report.quick:  # which mostly waits for compilation
        del forms["float32"], forms["CSR uint8"]

    model = SoftmaxRegression(random_state=0).fit(X, y)
    theirs = SklearnLogisticRegression()
    theirs.coef_, theirs.intercept_, theirs.classes_ = model.coef_, model.intercept_, model.classes_
    theirs.n_features_in_ = d
    image, image64 = data.X_test[:1].copy(), data.X_test[:1].astype(np.float64)

    tasks: dict[str, Callable[[], Any]] = {
        "read": lambda: X.view(np.uint64).sum(),
        "sgemm 1": gemm(np.float32, 1),
        f"sgemm {threads}": gemm(np.float32, threads),
        "dgemm 1": gemm(np.float64, 1),
        f"dgemm {threads}": gemm(np.float64, threads),
        "predict": lambda: model.predict(data.X_test),
        "predict 1": lambda: model.predict(image),
        "kernel 1": one_image(model, image),
        "sklearn 1": lambda: theirs.predict(image64),
        "sgd wild": sgd_epoch(X, y, K, scale=30.0),
    }
    for form, data_of in forms.items():
        tasks[f"sgd {form}"] = sgd_epoch(data_of, y, K)
        tasks[f"sgd binary {form}"] = sgd_epoch(data_of, two, 1)
        for t in {1, threads}:
            tasks[f"binary {form} {t}"] = full_pass(data_of, two, 1, t)
            tasks[f"ten {form} {t}"] = full_pass(data_of, y, K, t)
    standardised = (X - X.mean(axis=0, dtype=np.float32)) / np.maximum(X.std(axis=0, dtype=np.float32), 1)
    tasks["ten standardised"] = full_pass(standardised.astype(np.float32), y, K, threads)
    text, topics = sparse_text(2000 if report.quick else len(y))
    tasks["text"] = full_pass(text, topics, 20, threads)
    tasks["text sklearn"] = sklearn_pass(text, topics, 20, threads)
    few = slice(0, len(y) // 6)
    tasks["sgd text"] = sgd_epoch(text[few], topics[few], 20)
    tasks["sgd text sklearn"] = sklearn_epoch(text[few], topics[few])
    at_least = 0 if report.quick else AT_LEAST
    times = take_turns({name: clock(task, at_least) for name, task in tasks.items()}, report.repeats)

    def limit(form: str, threads: int, operations: float) -> list[float]:
        rate = times[f"{'d' if form == 'float64' else 's'}gemm {threads}"]
        return [operations * seconds / (2 * SIDE**3) for seconds in rate]

    rates = [f"{name} {2 * SIDE**3 / quartiles(times[name])[1] / 1e9:.0f}" for name in tasks if "gemm" in name]
    print(f"\nGFLOP/s, by number of threads: {', '.join(rates)}")
    print(f"reading: {X.nbytes / quartiles(times['read'])[1] / 1e9:.1f} GB/s, one thread")

    def title(form: str, threads: int) -> str:
        return f"{form}, {threads} thread{'s' * (threads > 1)}"

    rows = []
    for form in forms:
        for t in sorted({1, threads}):
            goal = 1.6 if form == "uint8" and t == threads else None
            rows.append(timed(title(form, t), times[f"binary {form} {t}"], "reading", times["read"], goal))
    report.table(
        "Binary: loss and gradient", rows, "reading: numpy's sum over the uint8 pixels, for the other forms too"
    )

    rows = []
    for form in forms:
        for t in sorted({1, threads}):
            goal = 1.3 if form == "uint8" and t == threads else None
            bound = limit(form, t, 4.0 * n * d * K)
            rows.append(timed(title(form, t), times[f"ten {form} {t}"], "arithmetic", bound, goal))
    bound = limit("float32", threads, 4.0 * n * d * K)
    what = f"standardised float32, no zeros, {threads} threads"
    rows.append(timed(what, times["ten standardised"], "arithmetic", bound, 2.7))
    report.table(f"Ten classes: loss and gradient, {4 * n * d * K / 1e9:.2f} GFLOP", rows)

    rows = []
    for form, goal in (("CSR uint8", 1.2), ("float32", 1.3)):
        if form in forms:
            for what, key in (("loss and gradient", f"ten {{}} {threads}"), ("epoch of SGD", "sgd {}")):
                seconds, ours = times[key.format(form)], times[key.format("uint8")]
                rows.append(timed(f"{form}, {what}", seconds, "uint8, dense", ours, goal))
    rows.append(timed("text-like, loss and gradient", times["text"], "scikit-learn", times["text sklearn"], 0.25))
    rows.append(timed("text-like, epoch of SGD", times["sgd text"], "scikit-learn", times["sgd text sklearn"]))
    report.table(
        "Ten classes: other storage", rows, "text-like: 20 classes, 10^5 features, 100 entries a row, float32, int32"
    )

    rows = []
    for form in forms:
        bound = limit(form, 1, 4.0 * n * d * K)
        goal = 1.8 if form == "uint8" else None
        rows.append(timed(f"ten classes, {form}", times[f"sgd {form}"], "arithmetic", bound, goal))
    rows.append(timed("  from wild weights", times["sgd wild"], "from zeros", times["sgd uint8"]))
    for form in forms:
        rows.append(timed(f"binary, {form}", times[f"sgd binary {form}"], "reading", times["read"]))
    report.table("SGD: one epoch, batches of 16, one thread", rows, "wild weights: subnormal numbers would show here")

    n_test = len(data.X_test)
    bound = limit("uint8", threads, 2.0 * n_test * d * K)
    report.table("predict", [timed(f"{n_test:,} images", times["predict"], "arithmetic", bound, goal=2.0)])

    extra = [a - b for a, b in zip(times["predict 1"], times["kernel 1"], strict=True)]
    q1, median, q3 = quartiles(extra)
    rows = [
        timed("public predict", times["predict 1"], "scikit-learn", times["sklearn 1"]),
        timed("scikit-learn, float64", times["sklearn 1"]),
        timed("the kernel alone", times["kernel 1"]),
        Row("predict beyond the kernel", show_time(median), f"{show_time(q1)} - {show_time(q3)}",
            goal="60 us", met=yes_no(median <= 60e-6), readings=extra),
    ]  # fmt: skip
    report.table("predict: one image", rows)
    report.close()


if __name__ == "__main__":
    main()
