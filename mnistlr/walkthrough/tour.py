"""The walk-through: from the data to a confusion matrix, every accuracy beside its trivial baseline.

It goes the way of chapter 3 of A. Géron, "Hands-On Machine Learning with Scikit-Learn, Keras & TensorFlow": look at
the data, train a detector of one digit, cross-validate it, tell all ten digits apart, see which are confused.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistlr.datasets.named import NamedData
from mnistlr.datasets.split import shuffle, stratified_folds
from mnistlr.estimators import LogisticRegression, SoftmaxRegression
from mnistlr.metrics.summary import ClassificationSummary
from mnistlr.walkthrough.steps import Matrix, Picture, Step, Table, Text

DIGIT = 2  # the digit to detect
MNIST_EXAMPLE = 36001  # an image of it

GET_MNIST = (
    "To get MNIST: run `mnistlr fetch` where there is a network,",
    "or `mnistlr tour --data FOLDER` with a folder that holds its four files.",
)


class Tour:
    """The walk-through over one data set.

    Parameters
    ----------
    load : callable
        Returns the data; called, and timed, as the first step.
    random_state : int
        Seed of the shuffle, the folds and the training.
    n_jobs : int or None
        Threads, as in the estimators.

    Examples
    --------
    >>> from functools import partial
    >>> from mnistlr.datasets.named import load_named
    >>> for step in Tour(partial(load_named, "digits")).steps():
    ...     if "accuracy" in step.values:
    ...         print(step.name)
    detector
    ten_digits
    """

    data: NamedData

    def __init__(self, load: Callable[[], NamedData], *, random_state: int = 42, n_jobs: int | None = None) -> None:
        self._load = load
        self.random_state = random_state
        self.n_jobs = n_jobs
        self._done: list[Step] = []

    def steps(self) -> Iterator[Step]:
        """Walk: yield each step when it is done."""
        walk = (
            self._load_data, self._look, self._split, self._detect, self._cross_validate, self._classify,
            self._confuse, self._sum_up,
        )  # fmt: skip
        self._done = []
        for do in walk:
            started = time.perf_counter()
            step = do()
            self._done.append(replace(step, seconds=time.perf_counter() - started))
            yield self._done[-1]

    def _load_data(self) -> Step:
        self.data = data = self._load()
        blocks: list[Any] = [Text(line, is_loud=True) for line in _which_data(data)]
        blocks += [Text(line) for line in data.substitutes.splitlines()]
        low, high = min(data.X_train.min(), data.X_test.min()), max(data.X_train.max(), data.X_test.max())
        blocks.append(
            Text(
                f"X has shape ({len(data):,}, {data.X_train.shape[1]}): {data.image_shape[0]} x "
                f"{data.image_shape[1]} pixels an image, from {low} to {high} ({data.X_train.dtype})."
            )
        )
        counts = np.bincount(data.y_train, minlength=10) + np.bincount(data.y_test, minlength=10)
        blocks.append(_digits_table(("images", [f"{count:,}" for count in counts])))
        loaders = {"mnist": "load_mnist(return_all=True)", "digits": "load_digits()", "mnist_5k": "load_mnist_5k()"}
        return Step(
            "data",
            "The data",
            f"X, y = {loaders[data.name]}\nX.shape, X.min(), X.max(), np.bincount(y)",
            blocks,
            {"name": data.name, "n_images": len(data), "pixel_range": (int(low), int(high)), "label_counts": counts},
        )

    def _look(self) -> Step:
        index = MNIST_EXAMPLE if self.data.name == "mnist" else self.data.first_image_of(DIGIT)
        self.index = index
        self.example, label = self.data.image(index)
        rows, columns = self.data.image_shape
        return Step(
            "example",
            f"Image {index}",
            f"X[{index}].reshape({rows}, {columns}), y[{index}]",
            [Picture(self.example.reshape(rows, columns)), Text(f"Its label: {label}")],
            {"index": index, "label": label},
        )

    def _split(self) -> Step:
        data = self.data
        self.X, self.y = shuffle(data.X_train, data.y_train, random_state=self.random_state)
        n_train, n_test = len(data.y_train), len(data.y_test)
        split = f"stratified_split(X, y, test_size={n_test}, random_state=0)"
        if data.name == "mnist":
            split = "split_mnist(X, y)"
        first = " ".join(str(label) for label in self.y[:10])
        return Step(
            "split",
            "Split and shuffle",
            f"parts = {split}\n"
            "X_train, X_test, y_train, y_test = parts\n"
            f"X_train, y_train = shuffle(X_train, y_train, random_state={self.random_state})",
            [
                Text(
                    f"{n_train:,} images to train on, {n_test:,} to test on; the labels are integers ({self.y.dtype})."
                ),
                Text(f"The first ten training labels, shuffled: {first}"),
            ],
            {"n_train": n_train, "n_test": n_test, "first_labels": self.y[:10]},
        )

    def _detect(self) -> Step:
        y, y_test = self.y == DIGIT, self.data.y_test == DIGIT
        model = self._detector().fit(self.X, y)
        summary = ClassificationSummary.from_predictions(y_test, model.predict(self.data.X_test), labels=[False, True])
        answer = bool(model.predict(self.example[None])[0])
        baseline = float(np.mean(y_test == _most_frequent(y)))
        # Whoever always says no finds no 2: recall 0, hence F1 0.
        table = Table(
            ("on the test images", "detector", f'always "not a {DIGIT}"'),
            [
                ("accuracy", _percent(summary.accuracy), _percent(baseline)),
                (f"recall (share of the {DIGIT}s found)", _percent(summary.recall[1]), _percent(0.0)),
                ("precision (share of the finds that are right)", _percent(summary.precision[1]), "none found"),
                ("F1 (harmonic mean of the two)", _percent(summary.f1[1]), _percent(0.0)),
            ],
        )
        return Step(
            "detector",
            f"Is it a {DIGIT}?",
            f"detector = LogisticRegression().fit(X_train, y_train == {DIGIT})\n"
            f"detector.predict(X[[{self.index}]]), detector.score(X_test, y_test == {DIGIT})",
            [Text(f"Is image {self.index} a {DIGIT}? {answer}"), table],
            {
                "model": model,
                "answer": answer,
                "accuracy": summary.accuracy,
                "recall": float(summary.recall[1]),
                "precision": float(summary.precision[1]),
                "f1": float(summary.f1[1]),
                "baseline": baseline,
            },
        )

    def _cross_validate(self) -> Step:
        y = self.y == DIGIT
        scores, baselines = [], []
        for train, test in stratified_folds(y, 5):
            scores.append(float(self._detector().fit(self.X[train], y[train]).score(self.X[test], y[test])))
            baselines.append(float(np.mean(y[test] == _most_frequent(y[train]))))
        mean, mean_baseline = float(np.mean(scores)), float(np.mean(baselines))
        table = Table(
            ("fold", "1", "2", "3", "4", "5", "mean"),
            [
                ("accuracy", *map(_percent, [*scores, mean])),
                (f'always "not a {DIGIT}"', *map(_percent, [*baselines, mean_baseline])),
            ],
        )
        return Step(
            "folds",
            "The detector in 5-fold cross-validation",
            f"is_{DIGIT} = y_train == {DIGIT}\n"
            f"for train, test in stratified_folds(is_{DIGIT}, 5):\n"
            f"    detector.fit(X_train[train], is_{DIGIT}[train])\n"
            f"    detector.score(X_train[test], is_{DIGIT}[test])",
            [table],
            {"scores": scores, "mean": mean, "baselines": baselines, "mean_baseline": mean_baseline},
        )

    def _classify(self) -> Step:
        data = self.data
        model = SoftmaxRegression(random_state=self.random_state, n_jobs=self.n_jobs).fit(self.X, self.y)
        predicted = model.predict(data.X_test)
        self.summary = ClassificationSummary.from_predictions(data.y_test, predicted, labels=model.classes_)
        digit = _most_frequent(self.y)
        baseline = float(np.mean(data.y_test == digit))
        table = Table(
            ("the first ten test images", *[""] * 10),
            [
                ("predicted", *map(str, predicted[:10])),
                ("true", *map(str, data.y_test[:10])),
                ("", *("" if p == t else "^" for p, t in zip(predicted[:10], data.y_test[:10], strict=True))),
            ],
        )
        scores = Table(
            ("on the test images", "softmax", f'always "{digit}"'),
            [("accuracy", _percent(self.summary.accuracy), _percent(baseline))],
        )
        return Step(
            "ten_digits",
            "All ten digits",
            f"softmax = SoftmaxRegression(random_state={self.random_state}).fit(X_train, y_train)\n"
            "softmax.predict(X_test[:10]), softmax.score(X_test, y_test)",
            [table, scores, Text(f"Stochastic gradient descent, {model.n_iter_} passes over the training images.")],
            {
                "model": model,
                "first_predictions": predicted[:10],
                "first_labels": data.y_test[:10],
                "accuracy": self.summary.accuracy,
                "baseline": baseline,
            },
        )

    def _confuse(self) -> Step:
        pairs = self.summary.most_confused(5)
        table = Table(
            ("most confused", *(f"{pair.true_label} as {pair.predicted_label}" for pair in pairs)),
            [("images", *(str(pair.n_samples) for pair in pairs))],
        )
        return Step(
            "confusion",
            "Which digits are confused",
            "y_pred = softmax.predict(X_test)\n"
            "summary = ClassificationSummary.from_predictions(y_test, y_pred)\n"
            "summary.matrix, summary.precision, summary.recall, summary.most_confused(5)",
            [Matrix(self.summary), table],
            {"summary": self.summary, "most_confused": pairs},
        )

    def _sum_up(self) -> Step:
        values = {step.name: step.values for step in self._done}
        detector, folds, softmax = values["detector"], values["folds"], values["ten_digits"]
        table = Table(
            ("accuracy", "ours", "baseline"),
            [
                (f"is it a {DIGIT}? test images", _percent(detector["accuracy"]), _percent(detector["baseline"])),
                (f"is it a {DIGIT}? mean of 5 folds", _percent(folds["mean"]), _percent(folds["mean_baseline"])),
                ("all ten digits, test images", _percent(softmax["accuracy"]), _percent(softmax["baseline"])),
            ],
        )
        seconds = sum(step.seconds for step in self._done)
        loud = [Text(line, is_loud=True) for line in _which_data(self.data)]
        return Step("summary", "In short", "", [table, *loud, Text(f"Total: {seconds:.1f} s.")], {"seconds": seconds})

    def _detector(self) -> LogisticRegression:
        return LogisticRegression(n_jobs=self.n_jobs)


def _which_data(data: NamedData) -> list[str]:
    lines = [f"Data: {data.title}, {len(data):,} images of {data.image_shape[0]} x {data.image_shape[1]} pixels."]
    if data.substitutes:
        lines.insert(0, "This is not MNIST, which could not be had.")
    if data.name != "mnist":
        lines += GET_MNIST
    return lines


def _digits_table(*rows: tuple[str, list[str]]) -> Table:
    return Table(("digit", *map(str, range(10))), [(name, *cells) for name, cells in rows])


def _most_frequent(y: NDArray[Any]) -> Any:
    labels, counts = np.unique(y, return_counts=True)
    return labels[counts.argmax()]


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"
