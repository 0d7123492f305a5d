"""`mnistlr draw`: which model the page gets, what is written, what is opened."""

import contextlib
import json
import os
import re
import webbrowser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mnistlr import LogisticRegression, SoftmaxRegression, save_model
from mnistlr.draw.model import last_trained_model
from tests.conftest import ImageData
from tests.helpers.command_runs import Run, assert_error


@pytest.fixture(autouse=True)
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Collect what would be opened in the browser."""
    addresses: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda address: addresses.append(address) or True)
    return addresses


@pytest.fixture(scope="module")
def model(small_mnist: ImageData) -> SoftmaxRegression:
    return SoftmaxRegression(random_state=0).fit(small_mnist.X_train, small_mnist.y_train)


@pytest.fixture(scope="module")
def small_model(digits: ImageData) -> LogisticRegression:
    """A model of 8x8 pixels."""
    return LogisticRegression().fit(digits.X_train, digits.y_train == 2)


def page_model(path: str) -> Any:
    """What the page knows of its model."""
    found = re.search(r'<script type="application/json" id="model">(.*?)</script>', Path(path).read_text("utf-8"))
    assert found is not None
    return json.loads(found[1])


def age(path: Path, seconds: float) -> None:
    os.utime(path, (path.stat().st_atime - seconds, path.stat().st_mtime - seconds))


def test_a_named_model_is_drawn_on_and_opened(
    run: Run, model: SoftmaxRegression, tmp_path: Path, opened: list[str]
) -> None:
    save_model(model, "digits.npz")
    assert run("draw", "digits.npz") == (0, "saved mnistlr-draw.html\n", "")
    assert opened == [(tmp_path / "mnistlr-draw.html").as_uri()]
    assert page_model("mnistlr-draw.html")["labels"] == [str(digit) for digit in range(10)]
    assert run("draw", "digits.npz", "-o", "other.html", "--no-open").status == 0
    assert len(opened) == 1
    assert Path("other.html").read_bytes() == Path("mnistlr-draw.html").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["digits.npz", "mnistlr-draw.html", "other.html"]


def test_without_a_browser_it_says_so(run: Run, model: SoftmaxRegression, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webbrowser, "open", lambda _: False)
    save_model(model, "digits.npz")
    told = "mnistlr: no browser was found; open mnistlr-draw.html in one\n"
    assert run("draw", "digits.npz") == (0, "saved mnistlr-draw.html\n", told)


def test_the_last_trained_model_is_taken(
    run: Run, model: SoftmaxRegression, small_model: LogisticRegression, small_mnist: ImageData, tmp_path: Path
) -> None:
    detector = LogisticRegression().fit(small_mnist.X_train, small_mnist.y_train == 7)
    age(save_model(model, "a-new.npz"), 10)
    age(save_model(detector, "b-old.npz", provenance={"digit": 7}), 20)
    # Newer, but none of them is a model of 28x28 pixels.
    save_model(small_model, "small.npz")
    np.savez("arrays.npz", x=np.arange(3))
    np.savez("other.npz", header=np.arange(3), coef=np.arange(3))
    Path("text.npz").write_text("no archive")
    later = bytearray(Path("arrays.npz").read_bytes())
    later[later.index(b"PK\1\2") + 6] = 255  # the version of zip that it takes to read the first part
    Path("later.npz").write_bytes(later)
    if hasattr(os, "mkfifo"):
        os.mkfifo("pipe.npz")
    with contextlib.suppress(OSError):  # where there are no symbolic links
        Path("lost.npz").symlink_to("nowhere.npz")
    Path("folder.npz").mkdir()
    status, _, err = run("draw", "--no-open")
    assert (status, err) == (0, "mnistlr: taking a-new.npz, the newest model in this folder\n")
    assert len(page_model("mnistlr-draw.html")["labels"]) == 10
    age(Path("a-new.npz"), 20)
    assert "taking b-old.npz" in run("draw", "--no-open").err
    assert page_model("mnistlr-draw.html")["labels"] == ["not 7", "7"]
    found = last_trained_model(tmp_path)
    assert found is not None
    assert np.array_equal(found[1].model.coef_, detector.coef_)


def test_without_a_model_the_page_has_the_reader_that_comes_along(run: Run, opened: list[str], tmp_path: Path) -> None:
    assert run("draw") == (0, "saved mnistlr-draw.html\n", "")
    assert len(opened) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["mnistlr-draw.html"]
    text = Path("mnistlr-draw.html").read_text("utf-8")
    assert "trained on MNIST; it gets 99.4 % of the test images right" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("none.npz", "there is no none.npz"),
        ("small.npz", "the model takes 64; give one that was trained on MNIST, or none."),
        ("small.npz -o no/page.html", "there is no folder no."),
    ],
)
def test_errors_write_and_open_nothing(
    run: Run, arguments: str, message: str, small_model: LogisticRegression, tmp_path: Path, opened: list[str]
) -> None:
    save_model(small_model, "small.npz")
    assert_error(run("draw", *arguments.split()), 1, message)
    assert opened == []
    assert [path.name for path in tmp_path.iterdir()] == ["small.npz"]
