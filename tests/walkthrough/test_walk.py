"""The walk in the terminal: its figures against scikit-learn's, its baselines, and how it is drawn."""

import dataclasses
import re
from typing import Any

import numpy as np
import pytest
from rich.console import Console
from sklearn.linear_model import LogisticRegression as PeerLogisticRegression
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, precision_score, recall_score
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.utils import shuffle as peer_shuffle

from mnistlr.cli.exhibits import draw_exhibit, draw_summary
from mnistlr.datasets.named import NamedData, load_named
from mnistlr.walkthrough import About, Walk
from mnistlr.walkthrough.exhibit import Names, Table
from mnistlr.walkthrough.run import Shown
from tests.conftest import ImageData

IN_THE_TERMINAL = ["load", "example", "split", "weights", "folds", "ten-weights", "counts", "pairs"]


def percent(share: float) -> str:
    return f"{100 * share:.2f} %"


@pytest.fixture(scope="module")
def data(mnist: ImageData) -> NamedData:
    return load_named(mnist.name)


@pytest.fixture(scope="module")
def walk(data: NamedData) -> Walk:
    """The walk over real MNIST images, done, without drawing."""
    walk = Walk(About.of(data), draw=False)
    list(walk.run())
    return walk


@pytest.fixture(scope="module")
def shown(walk: Walk) -> dict[str, Shown]:
    return {one.exhibit.name: one for _, exhibits in walk.chapters for one in exhibits}


@pytest.fixture(scope="module")
def names(walk: Walk) -> Names:
    return walk.names


def text_of(shown: Shown) -> str:
    return "\n".join(block for block in shown.blocks if isinstance(block, str))


def cells_of(shown: Shown) -> dict[str, tuple[str, ...]]:
    return {row[0]: row[1:] for block in shown.blocks if isinstance(block, Table) for row in block.rows}


def test_exhibits_come_in_order(shown: dict[str, Shown]) -> None:
    assert list(shown) == IN_THE_TERMINAL
    assert all(one.seconds > 0 for one in shown.values())
    assert all(one.blocks for one in shown.values())


def test_data_and_example(shown: dict[str, Shown], data: NamedData) -> None:
    y = np.concatenate([data.y_train, data.y_test])
    assert cells_of(shown["load"])["images"] == tuple(f"{count:,}" for count in np.bincount(y))
    assert f"({len(y):,}, 784)" in text_of(shown["load"])
    assert "from 0 to 255" in text_of(shown["load"])
    picture, line = shown["example"].blocks
    index = int(re.findall(r"X\[(\d+)\]", shown["example"].exhibit.code)[0])
    assert index == 36001 or data.name != "mnist"
    assert isinstance(picture, np.ndarray)
    assert picture.tobytes() == data.image(index)[0].tobytes()
    assert line == "Its label: 2"


def test_split_and_shuffle(shown: dict[str, Shown], data: NamedData) -> None:
    text = text_of(shown["split"])
    assert f"{len(data.y_train):,} images to train on, {len(data.y_test):,} to test on" in text
    assert text.endswith(" ".join(map(str, peer_shuffle(data.y_train, random_state=42)[:10])))


def test_detector(shown: dict[str, Shown], names: Names, data: NamedData) -> None:
    y_test, predicted = data.y_test == 2, names["detector"].predict(data.X_test)
    baseline = np.mean(~y_test)
    cells = cells_of(shown["weights"])
    assert cells["accuracy"] == (percent(accuracy_score(y_test, predicted)), percent(baseline))
    assert accuracy_score(y_test, predicted) > baseline + 0.03
    for name, score in {"recall": recall_score, "precision": precision_score, "F1": f1_score}.items():
        (cell,) = (cells[key][0] for key in cells if key.startswith(name))
        assert cell == percent(score(y_test, predicted))
    assert text_of(shown["weights"]).endswith(" a 2? yes")


def test_cross_validation(shown: dict[str, Shown], names: Names, data: NamedData) -> None:
    X, y = peer_shuffle(data.X_train, data.y_train == 2, random_state=42)
    baselines = [np.mean(~y[test]) for _, test in StratifiedKFold(5).split(X, y)]
    assert names["baselines"] == pytest.approx(baselines)
    assert np.mean(names["accuracies"]) > 0.96
    assert cells_of(shown["folds"])["accuracy"][-1] == percent(np.mean(names["accuracies"]))


def test_cross_validation_scores_are_those_of_scikit_learn() -> None:
    named = load_named("digits")
    walk = Walk(About.of(named), draw=False)
    next(None for _ in walk.run() if "accuracies" in walk.names)
    X, y = peer_shuffle(named.X_train / 255.0, named.y_train == 2, random_state=42)
    peer = PeerLogisticRegression(C=1 / (1e-4 * 0.8 * len(y)), tol=1e-4, max_iter=1000)
    assert walk.names["accuracies"] == pytest.approx(cross_val_score(peer, X, y, cv=5), abs=0.01)


def test_ten_digits_and_confusion(shown: dict[str, Shown], names: Names, data: NamedData) -> None:
    predicted = names["softmax"].predict(data.X_test)
    accuracy = accuracy_score(data.y_test, predicted)
    cells = cells_of(shown["ten-weights"])
    often = np.bincount(data.y_train).argmax()
    assert cells["accuracy"] == (percent(accuracy), percent(np.mean(data.y_test == often)))
    assert accuracy >= (0.92 if data.name == "mnist" else 0.85)
    assert cells["predicted"] == tuple(map(str, predicted[:10]))
    assert cells["true"] == tuple(map(str, data.y_test[:10]))
    assert [mark == "^" for mark in cells[""]] == (predicted[:10] != data.y_test[:10]).tolist()

    matrix = confusion_matrix(data.y_test, predicted)
    (summary,) = shown["counts"].blocks
    assert summary.matrix.tolist() == matrix.tolist()  # type: ignore[union-attr]
    (table,) = (block for block in shown["pairs"].blocks if isinstance(block, Table))
    true, read_as = map(int, table.columns[1].split(" as "))
    np.fill_diagonal(matrix, 0)
    assert int(table.rows[0][1]) == matrix.max() == matrix[true, read_as]


def test_in_short(walk: Walk, shown: dict[str, Shown], data: NamedData, names: Names) -> None:
    rows = {row[0]: row[1:] for row in walk.in_short().rows}
    assert rows["is it a 2? test images"] == cells_of(shown["weights"])["accuracy"]
    assert rows["is it a 2? mean of 5 folds"][0] == percent(np.mean(names["accuracies"]))
    assert rows["all ten digits, test images"][0] == percent(names["softmax"].score(data.X_test, data.y_test))


COLOUR = {"force_terminal": True, "color_system": "truecolor"}
CONSOLES: dict[str, dict[str, Any]] = {"plain": {}, "colour": COLOUR, "no colour": {**COLOUR, "no_color": True}}


@pytest.mark.parametrize("kind", CONSOLES)
def test_nothing_wraps_at_80_columns(kind: str, walk: Walk, shown: dict[str, Shown]) -> None:
    console = Console(highlight=False, **CONSOLES[kind])
    narrow, wide = [], []
    # The head's dashes fill any width; all else must be the same where there is more room.
    for drawn, width in ((narrow, 80), (wide, 200)):
        console.width = width
        with console.capture() as capture:
            for number, one in enumerate(shown.values(), 1):
                later = dataclasses.replace(one, seconds=123.456)
                console.print(draw_exhibit(later, number, one.exhibit.title, console))
            console.print(draw_summary(walk.in_short(), 9, console))
        lines = [line.rstrip() for line in capture.get().split("\n")]
        drawn += [line for line in lines if "123.46 s" not in line and "9. In short" not in line]
    assert narrow == wide
    if kind == "plain":
        assert not any("\x1b" in line for line in narrow)
    if kind == "no colour":  # bold and dim are no colours
        assert not any("38;2" in line or "48;2" in line for line in narrow)
        assert any("█" in line for line in narrow)  # the digit in black and white
