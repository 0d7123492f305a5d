"""The reader that comes with the package: what it is, that it is quick to load, and that it reads."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from importlib.resources import as_file

import numpy as np
import pytest

from mnistlr import DigitReader, load_digits, read_digits, shuffle
from mnistlr.datasets import load_mnist_5k
from mnistlr.datasets.mnist_files import MNIST_FILES
from mnistlr.exceptions import ArgumentError
from mnistlr.features import add_copies
from mnistlr.saving.model_file import read_model_file
from mnistlr.trained import FILE, trained_reader
from tests.conftest import ImageData


def test_it_is_small_and_says_how_it_was_made() -> None:
    assert len(FILE.read_bytes()) < 100_000
    with as_file(FILE) as path:
        model, provenance = read_model_file(path)
    assert type(model) is DigitReader
    assert model.get_params() == DigitReader(random_state=42).get_params()
    assert provenance["data"]["name"] == "mnist"
    trained_on = {MNIST_FILES[part].sha256 for part in ("train-images", "train-labels")}
    assert set(provenance["data"]["sha256"].values()) == trained_on
    assert provenance["seed"] == 42
    assert (provenance["copies"], provenance["redrawn"]) == (3, 1)
    assert provenance["accuracy"] > 0.9935
    assert {"mnistlr", "numpy", "numba"} < set(provenance["versions"])
    assert trained_reader().provenance == provenance


def test_quick_or_as_an_estimator_it_reads_real_images_alike(mnist: ImageData) -> None:
    """The 5,000 images are among those that it was trained on; MNIST's test images are not."""
    X, y = (mnist.X_test, mnist.y_test) if mnist.is_full else load_mnist_5k()
    quick = trained_reader()
    with as_file(FILE) as path:
        model = read_model_file(path).model
    probabilities = quick.predict_proba(X)
    few = slice(None, None, 5)
    assert np.abs(probabilities[few] - model.predict_proba(X[few])).max() < 1e-5
    assert np.array_equal(quick.predict(X[few]), model.predict(X[few]))
    assert np.array_equal(quick.features(X[:9].reshape(-1, 28, 28)), model.features(X[:9]))
    right = quick.classes_[probabilities.argmax(axis=1)] == y
    if mnist.is_full:
        assert right.mean() == quick.provenance["accuracy"]
        sure = probabilities.max(axis=1) >= 0.9
        assert right[sure].mean() > 0.99  # what it is sure of is right
    else:
        assert right.mean() > quick.provenance["accuracy"]  # which is that on images it has not seen


@pytest.mark.long
def test_training_makes_it_again(mnist: ImageData) -> None:
    if not mnist.is_full:
        pytest.skip("needs MNIST")
    with as_file(FILE) as path:
        model = read_model_file(path).model
    X, y = shuffle(mnist.X_train, mnist.y_train, random_state=42)
    again = DigitReader(random_state=42).fit(*add_copies(X, y, 3, random_state=42))
    np.testing.assert_allclose(again.classifier_.coef_, model.classifier_.coef_, rtol=1e-3, atol=1e-6)


def test_other_images_than_its_own_are_refused() -> None:
    X, _ = load_digits()
    with pytest.raises(ArgumentError, match=r"expected images of 784 pixels in uint8, got uint8 of shape \(1797, 64\)"):
        trained_reader().predict(X)
    with pytest.raises(ArgumentError, match="got float64"):
        trained_reader().predict_proba(np.zeros((1, 784)))


@pytest.fixture
def write(mnist: ImageData) -> Callable[..., np.ndarray]:
    """Return what makes a page with numbers below each other, of images that are read right; a space is a gap."""
    X, y = mnist.X_test, mnist.y_test
    is_sure = trained_reader().predict_proba(X)[np.arange(len(y)), y] > 0.999
    picked = {str(digit): X[is_sure & (y == digit)][0].reshape(28, 28) for digit in range(10)}
    picked = {name: image[:, image.any(axis=0)] for name, image in picked.items()}
    picked[" "] = np.zeros((28, 28), np.uint8)

    def page(*numbers: str) -> np.ndarray:
        lines = [np.hstack([np.pad(picked[name], ((4, 4), (2, 2))) for name in number]) for number in numbers]
        widest = max(line.shape[1] for line in lines)
        page = np.vstack([np.pad(line, ((0, 0), (8, widest + 8 - line.shape[1]))) for line in lines])
        return 250 - 200 * np.kron(page, np.ones((4, 4))) / 255

    return page


def test_numbers_are_read_line_by_line(write: Callable[..., np.ndarray], small_mnist: ImageData) -> None:
    page = write("2034", "5 17")
    first, second = read_digits(page)
    assert (first.text, second.text) == ("2034", "5 17")
    assert str(second) == "5 17"
    assert len(first.probabilities) == len(first.boxes) == 4
    assert min(first.probabilities) > 0.9
    assert first.probability == pytest.approx(np.prod(first.probabilities))
    assert first.boxes[0].left < first.boxes[1].left
    assert first.boxes[0].bottom <= second.boxes[0].top
    is_odd = np.where(small_mnist.y_train % 2, "o", "e")
    words = DigitReader(random_state=0).fit(small_mnist.X_train, is_odd)
    assert [line.text for line in read_digits(page, reader=words)] == ["eeoe", "o oo"]


@pytest.mark.parametrize(
    ("written", "expected"),
    [(["20", "   7"], ["20", "7"]), (["2 0 3"], ["203"])],
    ids=["a single digit far right is a line of its own", "digits that are evenly far apart are one number"],
)
def test_lines_and_spaces(write: Callable[..., np.ndarray], written: list[str], expected: list[str]) -> None:
    assert [line.text for line in read_digits(write(*written))] == expected


SCRIPT = """
import json, sys
import numpy as np
import mnistlr

picture = np.ones((60, 60))
picture[10:50, 28:33] = 0
lines = mnistlr.read_digits(picture)
heavy = {"sklearn", "matplotlib", "requests", "pooch", "pandas", "joblib", "tqdm", "jinja2", "typer", "dask"}
print(json.dumps([lines[0].text, sorted(heavy & set(sys.modules))]))
"""


def test_reading_needs_neither_mnist_nor_scikit_learn() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "MNISTLR_DATA"}
    done = subprocess.run([sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == ["1", []]
