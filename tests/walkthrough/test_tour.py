"""The walk-through: its facts, its figures against scikit-learn's, its baselines, and how it is drawn."""

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from rich.console import Console
from sklearn.linear_model import LogisticRegression as PeerLogisticRegression
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, precision_score, recall_score
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.utils import shuffle as peer_shuffle

from mnistlr.cli.terminal import draw_step
from mnistlr.datasets.named import NAMES, NamedData, load_mnist_or_digits, load_named
from mnistlr.exceptions import DataUnavailableError
from mnistlr.walkthrough.steps import Picture, Step, Table, Text
from mnistlr.walkthrough.tour import Tour
from tests.conftest import ImageData

NAMES_OF_STEPS = ["data", "example", "split", "detector", "folds", "ten_digits", "confusion", "summary"]


@pytest.fixture(scope="module")
def data(mnist: ImageData) -> NamedData:
    return load_named(mnist.name)


@pytest.fixture(scope="module")
def steps(data: NamedData) -> dict[str, Step]:
    """The steps of the tour of real MNIST images, by name."""
    return {step.name: step for step in Tour(lambda: data).steps()}


def text_of(step: Step) -> str:
    return "\n".join(block.text for block in step.blocks if isinstance(block, Text))


def cells_of(step: Step) -> dict[str, tuple[str, ...]]:
    return {row[0]: row[1:] for block in step.blocks if isinstance(block, Table) for row in block.rows}


def test_steps_come_in_order(steps: dict[str, Step]) -> None:
    assert list(steps) == NAMES_OF_STEPS
    assert all(step.seconds > 0 for step in steps.values())
    total = sum(step.seconds for step in steps.values())
    assert steps["summary"].values["seconds"] == pytest.approx(total, abs=steps["summary"].seconds)


def test_data_and_example(steps: dict[str, Step], data: NamedData) -> None:
    first = steps["data"]
    y = np.concatenate([data.y_train, data.y_test])
    assert first.values["label_counts"].tolist() == np.bincount(y).tolist()
    assert first.values["pixel_range"] == (0, 255)
    assert f"({len(y):,}, 784)" in text_of(first)
    example = steps["example"]
    assert example.values["label"] == 2
    if data.name == "mnist":
        assert example.values["index"] == 36001
    (picture,) = (block for block in example.blocks if isinstance(block, Picture))
    assert picture.pixels.tobytes() == data.image(example.values["index"])[0].tobytes()


def test_split_and_shuffle(steps: dict[str, Step], data: NamedData) -> None:
    values = steps["split"].values
    assert (values["n_train"], values["n_test"]) == (len(data.y_train), len(data.y_test))
    assert values["first_labels"].tolist() == peer_shuffle(data.y_train, random_state=42)[:10].tolist()


def test_detector(steps: dict[str, Step], data: NamedData) -> None:
    values, y_test = steps["detector"].values, data.y_test == 2
    assert values["answer"] is True
    predicted = values["model"].predict(data.X_test)
    assert values["accuracy"] == accuracy_score(y_test, predicted)
    assert values["recall"] == pytest.approx(recall_score(y_test, predicted))
    assert values["precision"] == pytest.approx(precision_score(y_test, predicted))
    assert values["f1"] == pytest.approx(f1_score(y_test, predicted))
    assert values["baseline"] == np.mean(~y_test)
    assert values["accuracy"] > values["baseline"] + 0.03
    cells = cells_of(steps["detector"])
    assert cells["accuracy"] == (f"{100 * values['accuracy']:.2f} %", f"{100 * values['baseline']:.2f} %")


def test_cross_validation(steps: dict[str, Step], data: NamedData) -> None:
    values = steps["folds"].values
    X, y = peer_shuffle(data.X_train, data.y_train == 2, random_state=42)
    baselines = [np.mean(~y[test]) for _, test in StratifiedKFold(5).split(X, y)]
    assert values["baselines"] == pytest.approx(baselines)
    assert values["mean"] == pytest.approx(np.mean(values["scores"]))
    assert values["mean"] > 0.96
    assert len(cells_of(steps["folds"])["accuracy"]) == 6


def test_cross_validation_scores_are_those_of_scikit_learn(digits: ImageData) -> None:
    steps = {step.name: step for step in Tour(partial(load_named, "digits")).steps()}
    values = steps["folds"].values
    named = load_named("digits")
    X, y = peer_shuffle(named.X_train / 255.0, named.y_train == 2, random_state=42)
    peer = PeerLogisticRegression(C=1 / (1e-4 * 0.8 * len(y)), tol=1e-4, max_iter=1000)
    assert values["scores"] == pytest.approx(cross_val_score(peer, X, y, cv=5), abs=0.01)


def test_ten_digits_and_confusion(steps: dict[str, Step], data: NamedData) -> None:
    values = steps["ten_digits"].values
    predicted = values["model"].predict(data.X_test)
    assert values["accuracy"] == accuracy_score(data.y_test, predicted)
    assert values["baseline"] == np.mean(data.y_test == np.bincount(data.y_train).argmax())
    assert values["accuracy"] >= (0.92 if data.name == "mnist" else 0.85)
    assert values["first_predictions"].tolist() == predicted[:10].tolist()
    assert values["first_labels"].tolist() == data.y_test[:10].tolist()
    wrong = [mark == "^" for mark in cells_of(steps["ten_digits"])[""]]
    assert wrong == (predicted[:10] != data.y_test[:10]).tolist()

    matrix = confusion_matrix(data.y_test, predicted)
    confused = steps["confusion"].values
    assert confused["summary"].matrix.tolist() == matrix.tolist()
    pair = confused["most_confused"][0]
    np.fill_diagonal(matrix, 0)
    assert pair.n_samples == matrix.max() == matrix[pair.true_label, pair.predicted_label]


def test_code_beside_the_steps_runs(data: NamedData, steps: dict[str, Step]) -> None:
    import mnistlr
    import mnistlr.datasets

    names: dict[str, Any] = {"np": np, **{name: getattr(mnistlr, name) for name in mnistlr.__all__}}
    names["stratified_folds"] = mnistlr.datasets.stratified_folds
    exec("\n".join(step.code for step in steps.values()), names)
    assert names["X"].shape == (len(data), 784)
    assert len(names["X_test"]) == len(data.y_test)
    assert np.array_equal(names["detector"].classes_, [False, True])
    assert np.array_equal(names["softmax"].coef_, steps["ten_digits"].values["model"].coef_)
    assert names["summary"].matrix.tolist() == steps["confusion"].values["summary"].matrix.tolist()


def test_same_seed_same_tour() -> None:
    load = partial(load_named, "digits")
    coefs = [
        [step.values["model"].coef_ for step in Tour(load, random_state=seed).steps() if "model" in step.values]
        for seed in (7, 7, 8)
    ]
    assert all(np.array_equal(a, b) for a, b in zip(coefs[0], coefs[1], strict=True))
    assert not np.array_equal(coefs[0][1], coefs[2][1])


def test_digits_stand_in_and_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise DataUnavailableError("no network\n  tried everything")

    monkeypatch.setattr("mnistlr.datasets.named.load_mnist", fail)
    steps = list(Tour(load_mnist_or_digits).steps())
    for step in (steps[0], steps[-1]):
        loud = " ".join(block.text for block in step.blocks if isinstance(block, Text) and block.is_loud)
        assert "This is not MNIST" in loud
        assert "scikit-learn's bundled digits, 1,797 images" in loud
        assert "mnistlr fetch" in loud
    assert "tried everything" in text_of(steps[0])
    assert steps[1].values["label"] == 2
    with pytest.raises(DataUnavailableError):
        load_named("mnist")


def test_bad_folder_is_an_error_and_not_replaced(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setenv("MNISTLR_DATA", str(tmp_path))
    with pytest.raises(ValueError, match="MNISTLR_DATA"):
        load_mnist_or_digits()


@pytest.mark.parametrize("name", ["digits", "mnist_5k"])
def test_named_data_keep_the_published_order(name: str) -> None:
    import mnistlr

    data = load_named(name)
    X, y = {"digits": mnistlr.load_digits, "mnist_5k": mnistlr.load_mnist_5k}[name]()
    assert len(data) == len(y)
    for index in (0, 1, 777, len(y) - 1):
        pixels, label = data.image(index)
        assert np.array_equal(pixels, X[index])
        assert label == y[index]
    assert sum(data.is_for_training(index) for index in range(len(y))) == len(data.y_train)
    assert data.first_image_of(7) == np.flatnonzero(y == 7)[0]
    for index in (-1, len(y)):
        with pytest.raises(ValueError, match=f"index of an image of {name}, 0 to {len(y) - 1}, got {index}"):
            data.image(index)


def test_unknown_name() -> None:
    with pytest.raises(ValueError, match="expected a data set of mnist, digits, mnist_5k, got 'cifar'"):
        load_named("cifar")
    assert NAMES == ("mnist", "digits", "mnist_5k")


CONSOLES: dict[str, Callable[[], Console]] = {
    "plain": lambda: Console(width=80, highlight=False),
    "colour": lambda: Console(width=80, force_terminal=True, color_system="truecolor", highlight=False),
    "no colour": lambda: Console(
        width=80, force_terminal=True, color_system="truecolor", no_color=True, highlight=False
    ),
}


@pytest.mark.parametrize("kind", CONSOLES)
def test_nothing_wraps_at_80_columns(kind: str, steps: dict[str, Step]) -> None:
    console = CONSOLES[kind]()
    narrow, wide = [], []
    for number, step in enumerate(steps.values(), 1):
        # The head's dashes fill any width; all else must be the same where there is more room.
        for drawn, width in ((narrow, 80), (wide, 200)):
            console.width = width
            with console.capture() as capture:
                console.print(draw_step(dataclasses.replace(step, seconds=123.456), number, console))
            lines = [line.rstrip() for line in capture.get().split("\n")]
            drawn += [line for line in lines if "123.46 s" not in line]
    assert narrow == wide
    if kind == "plain":
        assert not any("\x1b" in line for line in narrow)
    if kind == "no colour":  # bold and dim are no colours
        assert not any("38;2" in line or "48;2" in line for line in narrow)
        assert any("█" in line for line in narrow)  # the digit in black and white
